"""Only combinations of values that the table has: `city by zip`, `combination(make, model)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.base import Constraint, Part, Way
from gantlet.tables.dtypes import restored
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.words import FEWEST

__all__ = ["Combination"]

_GONE = "missing"


@dataclass(frozen=True, kw_only=True)
class Combination(Constraint):
    """Columns whose values come together as in the table, or follow from others.

    The columns are stored as one choice among the combinations that at least 5 rows have (all of
    them where the columns are public). A rarer one becomes the commonest with which it shares most
    values.
    """

    form: ClassVar[str] = "combination"
    text: str
    columns: tuple[Column, ...]
    by: tuple[Any, ...] = ()
    """Names of the columns from which the others follow; none: any combination is as good."""
    kept: tuple[tuple[Any, ...], ...] = ()
    """Combinations that rows may have, the commonest first; None for a missing value."""
    _codes: Mapping[tuple[Any, ...], int] = field(default_factory=dict, repr=False, compare=False)
    _near: Mapping[tuple[int, Any], int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def reads(self) -> tuple[Any, ...]:
        """The columns."""
        return tuple(column.name for column in self.columns)

    def fitted(self, table: Any, *, public: bool) -> Combination:
        """With the combinations of a table.

        Raises UsageError where fewer than half of the rows have one that may be kept.
        """
        codes, found = distinct(table, self.reads)
        counts = np.bincount(codes, minlength=len(found))
        order = np.argsort(-counts, kind="stable")
        kept = [i for i in order.tolist() if public or counts[i] >= FEWEST]
        share = counts[kept].sum() / max(1, len(codes))
        if share < 0.5:
            raise UsageError(
                f"constraint {self.text!r}",
                expected=f"combinations that at least {FEWEST} rows have, in half of the rows",
                received=f"such ones in {share:.0%} of the rows",
                remedy="Leave it away, or say that all values may be stored: data.public="
                f"[{','.join(map(str, self.reads))}]",
            )
        return self._keeping([found[i] for i in kept])

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows have a combination that is kept, or a missing value among the columns."""
        codes, found = distinct(table, self.reads)
        met = np.array([None in one or one in self._codes for one in found], bool)
        return met[codes]

    def may_hold(self, table: Any) -> NDArray[np.bool_]:
        """Rows whose values that are there stand together in a combination that is kept."""
        codes, found = distinct(table, self.reads)
        return np.array([self.like(one) is not None for one in found], bool)[codes]

    def broken(self, table: Any) -> NDArray[np.bool_]:
        """Rows whose values differ from those of the first row from which they follow."""
        if not self.by:
            return np.zeros(len(table), bool)
        codes, found = distinct(table, self.reads)
        places = [i for i, name in enumerate(self.reads) if name in self.by]
        others = [i for i in range(len(self.reads)) if i not in places]
        first: dict[Any, Any] = {}
        bad = []
        for one in found:  # in the order in which they come
            whole = None not in one
            told = tuple(one[i] for i in others)
            key = tuple(one[i] for i in places)
            bad.append(whole and first.setdefault(key, told) != told)
        return np.array(bad, bool)[codes]

    def ways(self) -> Sequence[Way]:
        """One choice in place of the columns."""
        return (Joint(self),)

    def to_json(self) -> dict[str, Any]:
        """The combinations that are kept."""
        return {"kept": [list(one) for one in self.kept]}

    def restore(self, values: Mapping[str, Any]) -> Combination:
        """With these combinations."""
        return self._keeping([tuple(one) for one in values["kept"]])

    def code(self, one: tuple[Any, ...]) -> int:
        """The place of a combination among those kept, or of the one that stands for it."""
        if one in self._codes:
            return self._codes[one]
        near = [self._near.get((i, value), 0) for i, value in enumerate(one)]
        like = [sum(a == b for a, b in zip(one, self.kept[k], strict=True)) for k in near]
        return min(zip(near, like, strict=True), key=lambda pair: (-pair[1], pair[0]))[0]

    def like(self, one: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The commonest combination that is kept and has the values that are not None."""
        told = [i for i, value in enumerate(one) if value is not None]
        return next((k for k in self.kept if all(k[i] == one[i] for i in told)), None)

    def _keeping(self, kept: Sequence[tuple[Any, ...]]) -> Combination:
        """Also notes the commonest combination of each single value, by (place, value)."""
        near: dict[tuple[int, Any], int] = {}
        for code, one in enumerate(kept):
            for i, value in enumerate(one):
                near.setdefault((i, value), code)
        codes = {one: code for code, one in enumerate(kept)}
        return replace(self, kept=tuple(kept), _codes=codes, _near=near)


@dataclass(frozen=True)
class Joint(Way):
    """Columns as one choice of the combinations that they have."""

    is_sure: ClassVar[bool] = True
    of: Combination

    @property
    def owns(self) -> tuple[Any, ...]:
        """The columns."""
        return self.of.reads

    def stored(self, table: Any) -> Mapping[Any, Part]:
        """The combination of each row, as text."""
        import pandas as pd

        codes, found = distinct(table, self.of.reads)
        places = np.array([self.of.code(one) for one in found], np.int64)[codes]
        chosen = pd.Categorical.from_codes(places, self._labels)
        return {self.adds[0]: (pd.Series(chosen), "categorical")}

    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The columns."""
        import pandas as pd

        chosen = cells[self.adds[0]].astype("category").cat
        places = pd.Index(self._labels).get_indexer(chosen.categories).clip(0)
        codes = places[chosen.codes]
        return {
            column.name: _taken([one[i] for one in self.of.kept], codes, column)
            for i, column in enumerate(self.of.columns)
        }

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """Where the cells together are no combination, the commonest that has those given."""
        import pandas as pd

        names = self.of.reads
        bad = np.flatnonzero(~self.of.holds(cells))
        if not len(bad):
            return {}
        told = {name: pd.Series(cells[name]).where(given[name], None).iloc[bad] for name in names}
        codes, found = distinct(pd.DataFrame(told), names)
        new = [self.of.like(one) or one for one in found]
        made = {}
        for i, name in enumerate(names):
            column = cells[name].astype(object)
            column.iloc[bad] = [new[code][i] for code in codes]
            made[name] = column.astype(cells[name].dtype)
        return made

    def values(self, name: Any) -> Mapping[str, Any]:
        """The value of a column in each combination."""
        place = self.of.reads.index(name)
        return {label: one[place] for label, one in zip(self._labels, self.of.kept, strict=True)}

    @property
    def adds(self) -> tuple[str, ...]:
        """The combination."""
        return (", ".join(map(str, self.of.reads)),)

    @property
    def _labels(self) -> list[str]:
        """A name of its own for each combination."""
        made, seen = [], dict[str, int]()
        for one in self.of.kept:
            label = ", ".join(_GONE if value is None else str(value) for value in one)
            seen[label] = seen.get(label, 0) + 1
            made.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
        return made


def distinct(table: Any, names: Sequence[Any]) -> tuple[NDArray[np.int64], list[tuple[Any, ...]]]:
    """The combination of each row by number, and the combinations in the order they come."""
    import pandas as pd

    n = len(table[names[0]])
    joint = np.zeros(n, np.int64)
    columns = list[tuple[NDArray[Any], list[Any]]]()
    for name in names:
        codes, values = pd.factorize(table[name], use_na_sentinel=True)
        own = np.where(codes < 0, len(values), codes)
        columns.append((own, [*(_plain(value) for value in values), None]))
        _, joint = np.unique(joint * (len(values) + 1) + own, return_inverse=True)
    order, places = pd.factorize(joint)
    first = np.zeros(len(places), np.int64)
    first[order[::-1]] = np.arange(n)[::-1]
    found = [tuple(values[own[row]] for own, values in columns) for row in first.tolist()]
    return order.astype(np.int64), found


def _plain(value: Any) -> Any:
    """A value as Python's; whole numbers as int, so that 1.0 and 1 are one."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _taken(values: list[Any], codes: NDArray[np.int64], column: Column) -> Any:
    """Values by their places, None for missing ones, as cells of the column."""
    import pandas as pd

    told = column.dtype if isinstance(column, ChoiceColumn | NumberColumn) else {"name": "object"}
    absent = np.array([value is None for value in values], bool)
    cells = restored(values, absent, told)
    return pd.Series(cells.array.take(codes), dtype=cells.dtype)
