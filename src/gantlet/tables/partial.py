"""Rows of a table of which some cells are given: read as its columns have them, and checked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import GantletError, UsageError, unknown
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints import Design
from gantlet.tables.dtypes import made
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.times import parsed, zone_of
from gantlet.tables.transform import TableTransform

__all__ = ["Partial", "loose", "partial_rows"]

_FAR = 10
"""Widths of a column's range beyond which a number is an error: the ends are of the fifth row."""
_TRUTH = {"true": "True", "false": "False"}
_OFFSET = re.compile(r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$")
"""At the end of a time in text."""
_LOOSE = {"bool": "boolean"} | {
    f"{sign}int{bits}": f"{sign.upper()}Int{bits}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True)
class Partial:
    """Rows with given cells."""

    table: Any
    """All columns, missing where a cell is not given; of types that can hold that."""
    given: Mapping[Any, NDArray[np.bool_]]
    """Which cells are given, by column."""
    empty: Mapping[Any, NDArray[np.bool_]]
    """Which are not, in columns that are there: they are to have a value."""
    index: Any
    """What each row is called."""

    def place(self, row: int) -> str:
        """A row as a person finds it: `line 7`."""
        return f"{self.index.name or 'row'} {self.index[row]}"


def partial_rows(table: Any, transform: TableTransform, design: Design, what: str) -> Partial:
    """What is given of rows.

    Arguments:
        table: a DataFrame of some columns of the fitted table; missing cells are not given.
        transform, design: of the fitted table.
        what: the table is called, for errors.

    Raises:
        UsageError: a column twice or that the fitted table has not, a value that its column never
            has, a number farther from its range than ten times its width, given cells that break
            a constraint; naming the row and the column.
    """
    known = {str(column.name): column for column in transform.columns_}
    names = [str(name) for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"{what}: columns",
            expected="each column once",
            received=f"{twice[0]!r} more than once",
            remedy="Rename or drop one",
        )
    cells = {str(name): table[name].reset_index(drop=True) for name in table.columns}
    for name in cells:
        if name not in known:
            raise _within(what, unknown("column", name, known))
    parts, given, empty = {}, {}, {}
    for name, column in known.items():
        nothing = np.zeros(len(table), bool)
        own = cells.get(name)
        has = nothing if own is None else own.notna().to_numpy(bool)
        given[column.name], empty[column.name] = has, nothing if own is None else ~has
        typed, fault = _typed(column, own, has)
        if fault is not None:
            row, expected, received, near = fault
            raise UsageError(
                f"{what}, {table.index.name or 'row'} {table.index[row]}, column {name!r}",
                expected=expected,
                received=received,
                remedy=" ".join(filter(None, [near, "Mend the cell, or leave it empty"])),
            )
        parts[column.name] = typed
    import pandas as pd

    found = Partial(pd.DataFrame(parts), given, empty, table.index)
    _check(found, design, what)
    return found


def loose(cells: Any) -> Any:
    """Cells as a type that can hold missing values."""
    return cells.astype(_LOOSE.get(str(cells.dtype), cells.dtype))


def _within(what: str, error: GantletError) -> UsageError:
    return UsageError(
        f"{what}: {error.what}",
        expected=error.expected,
        received=error.received,
        remedy=error.remedy,
    )


def _check(partial: Partial, design: Design, what: str) -> None:
    """UsageError where given cells break a constraint."""
    for constraint in design.constraints:
        bad = np.flatnonzero(~constraint.may_hold(partial.table))
        if not len(bad):
            continue
        row = int(bad[0])
        told = [name for name in constraint.reads if partial.given[name][row]]
        many = "s" if len(told) > 1 else ""
        more = f" (and {len(bad) - 1:,} more rows)" if len(bad) > 1 else ""
        raise UsageError(
            f"{what}, {partial.place(row)}, column{many} {', '.join(map(repr, told))}",
            expected=f"cells that meet the constraint {constraint.text}",
            received=", ".join(f"{n}={partial.table[n].iloc[row]}" for n in told) + more,
            remedy="Mend the row, or leave one of the cells empty",
        )


_Fault = tuple[int, str, str, str]
"""Row, what was expected, what was received, what is near to it."""


def _typed(column: Column, cells: Any, has: NDArray[np.bool_]) -> tuple[Any, _Fault | None]:
    """Given cells in the column's type, and the first that is none of its values."""
    import pandas as pd

    if isinstance(column, ChoiceColumn):
        return _choices(column, cells, has)
    if isinstance(column, NumberColumn) and column.clock is None:
        return _numbers(column, cells, has)
    if isinstance(column, NumberColumn):
        return _times(column, cells, has)
    held = np.full(len(has), None, object)
    if cells is not None:
        held[has] = cells.to_numpy(object)[has]
    return pd.Series(held, dtype=object), None


def _choices(
    column: ChoiceColumn, cells: Any, has: NDArray[np.bool_]
) -> tuple[Any, _Fault | None]:
    import pandas as pd

    places = {str(value): value for value in column.values}
    held = np.full(len(has), None, object)
    for row in np.flatnonzero(has).tolist():
        text = str(cells.iloc[row])
        whole = text.removesuffix(".0")
        truth = _TRUTH.get(text.lower(), text)
        match = next((word for word in (text, whole, truth) if word in places), None)
        if match is None:
            error = unknown("value", text, places)
            return None, (row, error.expected, repr(text), error.remedy)
        held[row] = places[match]
    return pd.Series(held, dtype=_loose_type(column)), None


def _numbers(
    column: NumberColumn, cells: Any, has: NDArray[np.bool_]
) -> tuple[Any, _Fault | None]:
    import pandas as pd

    if cells is None or not has.any():
        return pd.Series([None] * len(has), dtype=_loose_type(column)), None
    x = pd.to_numeric(cells, errors="coerce")
    wide = x.to_numpy(np.float64, na_value=np.nan)
    low, high = column.numbers.low + column.origin, column.numbers.high + column.origin
    with np.errstate(invalid="ignore"):
        far = (wide < low - _FAR * (high - low)) | (wide > high + _FAR * (high - low))
        far &= ~np.isin(wide, np.add(column.numbers.spikes, column.origin))
        broken = (wide != np.rint(wide)) & (column.kind == "integer")
    narrow = getattr(made(column.dtype), "numpy_dtype", made(column.dtype))
    held = np.iinfo(narrow) if narrow.kind in "iu" else None
    least, most = (-np.inf, np.inf) if held is None else (held.min, held.max + 1)
    beyond = (wide < float(least)) | (wide >= float(most)) & (held is not None)
    for bad, expected in (
        (np.isnan(wide), "a number"),
        (far, f"a number near its range, {low:g} to {high:g}"),
        (broken, "a whole number"),
        (beyond, f"a number that {narrow} can hold"),
    ):
        rows = np.flatnonzero(has & bad)
        if len(rows):
            return None, (int(rows[0]), expected, _shown(cells.iloc[rows[0]]), "")
    return x.astype(_loose_type(column)), None


def _times(column: NumberColumn, cells: Any, has: NDArray[np.bool_]) -> tuple[Any, _Fault | None]:
    import pandas as pd

    told, like = column.ends().dtype, column.ends().iloc[0]
    form = None if column.clock is None else column.clock.format
    if cells is None or not has.any():
        return pd.Series([None] * len(has), dtype=told), None
    if column.kind == "duration":
        times = pd.to_timedelta(cells, errors="coerce")
    elif form is not None and form != "date":
        times = parsed(cells.astype(object).where(has, None), form)
    else:
        times = _moments(cells.where(has, None), zone_of(told))
    rows = np.flatnonzero(has & times.isna().to_numpy(bool))
    if len(rows):
        zone = zone_of(told)
        once = "" if zone is None else f", with an offset where {zone} has no such time, or two"
        expected = f"a value such as {like}{once}"
        return None, (int(rows[0]), expected, _shown(cells.iloc[rows[0]]), "")
    if form == "date":
        return times.dt.date.where(has, None).astype(object), None
    return (times if form is None else cells).astype(told), None


def _moments(cells: Any, zone: Any) -> Any:
    """Cells as times of a zone, or of none.

    NaT where one is no time, has an offset where there is no zone, or is not once in the zone and
    has no offset.
    """
    import pandas as pd

    plain = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    local, aware = plain.dt.tz_localize(None), cells.map(_is_aware).to_numpy(bool)
    if zone is None:
        return local.mask(aware)
    own = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return own.where(~aware, plain.dt.tz_convert(zone))


def _is_aware(cell: Any) -> bool:
    """Whether a time has an offset from UTC."""
    if isinstance(cell, str):
        return _OFFSET.search(cell.strip()) is not None
    return isinstance(cell, dt.datetime) and cell.tzinfo is not None


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)


def _loose_type(column: ChoiceColumn | NumberColumn) -> Any:
    dtype = made(column.dtype)
    return _LOOSE.get(str(dtype), dtype)
