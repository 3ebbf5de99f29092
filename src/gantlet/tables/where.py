"""Conditions on rows, as a person writes them: `sex=Male and age>=30`."""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError, unknown
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.dtypes import made, number_of
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.times import parsed, time_of, told_time
from gantlet.tables.transform import TableTransform

__all__ = ["Clause", "asked_classes", "clauses"]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_AND = re.compile(r"\s+and\s+(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", re.IGNORECASE)
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Clause:
    """One comparison of a column with a value."""

    column: Column
    sign: str
    value: Any

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows of a DataFrame meet it; a missing value meets none."""
        cells = table[self.column.name]
        form = _text_form(self.column)
        if form is not None:
            cells = parsed(cells, form)
        if isinstance(self.column, ChoiceColumn) and self.sign in ("=", "==", "!="):
            cells = cells.astype(object)
        met = _OPERATORS[self.sign](cells, self.value)
        found: NDArray[np.bool_] = np.array(met.fillna(False), dtype=bool) & cells.notna()
        return np.asarray(found, bool)


def clauses(text: str, transform: TableTransform) -> tuple[Clause, ...]:
    """The comparisons of a text, joined by `and`: =, !=, <, <=, >, >= of a column and a value.

    Names and values with blanks or signs in them may stand in quotes.

    Raises:
        UsageError: no comparison, an unknown column, a value that the column never has, a range
            that it does not meet, an order of values that have none.
    """
    return tuple(_clause(part.strip(), text, transform) for part in _AND.split(text))


def asked_classes(found: Sequence[Clause], transform: TableTransform) -> tuple[int, ...]:
    """The classes of the rarest equality that the generator can be asked for; none if of none."""
    _, shares = transform.classes()
    asked = [
        dict(transform.places(clause.column.name)).get(clause.value, ())
        for clause in found
        if isinstance(clause.column, ChoiceColumn) and clause.sign in ("=", "==")
    ]
    known = [classes for classes in asked if classes]
    return min(known, key=lambda classes: sum(shares[place] for place in classes), default=())


def _clause(part: str, text: str, transform: TableTransform) -> Clause:
    names = sorted(((str(c.name), c) for c in transform.columns_), key=lambda pair: -len(pair[0]))
    signs = "|".join(_OPERATORS)
    for name, column in names:
        quoted = "|".join(re.escape(q + name + q) for q in ("", "'", '"'))
        match = re.fullmatch(rf"(?:{quoted})\s*({signs})\s*(.*)", part)
        if match is not None and match[2]:
            return Clause(column, match[1], _value(column, match[1], _bare(match[2])))
    match = re.fullmatch(rf"(.+?)\s*(?:{signs})\s*.+", part)
    if match is not None:
        raise unknown("column", _bare(match[1]), [name for name, _ in names])
    raise UsageError(
        f"condition {text!r}",
        expected="comparisons such as sex=Male and age>=30",
        received=repr(part),
        remedy="Compare a column with a value, by =, !=, <, <=, > or >=; join comparisons by and",
    )


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _value(column: Column, sign: str, text: str) -> Any:
    if isinstance(column, NumberColumn):
        return _in_range(column, sign, text)
    if not isinstance(column, ChoiceColumn):
        raise UsageError(
            f"a condition on column {column.name!r}",
            expected="a column that is learned",
            received=column.kind,
        )
    if sign not in ("=", "==", "!=") and column.kind != "ordinal":
        raise UsageError(
            f"condition {column.name}{sign}{text}",
            expected="= or !=: its values have no order",
            received=sign,
        )
    places = {str(value): value for value in column.values}
    if column.kind == "boolean":
        places |= {name: value for name, value in _TRUTH.items() if value in places.values()}
    if text not in places:
        raise unknown(f"value of column {column.name!r}", text, places)
    return places[text]


def _text_form(column: Column) -> str | None:
    """The format of a column of text that tells times, by which they are compared."""
    clock = column.clock if isinstance(column, NumberColumn) else None
    return None if clock is None or clock.format in (None, "date") else clock.format


def _in_range(column: NumberColumn, sign: str, text: str) -> Any:
    """A number or a time; UsageError where no row can meet the comparison."""
    import pandas as pd

    ends, form = column.ends(), _text_form(column)
    low, high = ends.iloc[0], ends.iloc[1]
    try:
        if column.clock is None:
            value = number_of(text, made(column.dtype))
        elif column.kind == "duration":
            value = pd.Timedelta(text)
        else:
            value = told_time(text, column.clock, ends.dtype)
        if form is not None:
            low, high = time_of(low, form), time_of(high, form)
        elif isinstance(low, dt.date) and not isinstance(low, dt.datetime):
            value = value.date()
        if pd.isna(value):
            raise ValueError
    except ValueError as error:
        raise UsageError(
            f"condition {column.name}{sign}{text}",
            expected=f"a value such as {ends.iloc[0]}",
            received=repr(text),
        ) from error
    infinite = [spike for spike in column.numbers.spikes if np.isinf(spike)]
    is_had = low <= value <= high or value in infinite
    low, high = min([low, *infinite]), max([high, *infinite])
    beyond = {"<": low >= value, "<=": low > value, ">": high <= value, ">=": high < value}
    if beyond.get(sign, sign in ("=", "==") and not is_had):
        told = [f"{ends.iloc[0]} to {ends.iloc[1]}", *map(str, infinite)]
        raise UsageError(
            f"condition {column.name}{sign}{text}",
            expected=f"values that the column has: {', '.join(told)}",
            received="none of them",
        )
    decimals = column.numbers.decimals
    is_exact = column.clock is None and sign in ("=", "==") and value not in infinite
    if is_exact and decimals is not None and value != round(value, decimals):
        raise UsageError(
            f"condition {column.name}{sign}{text}",
            expected="a whole number" if decimals == 0 else f"at most {decimals} decimals",
            received=repr(text),
        )
    return value
