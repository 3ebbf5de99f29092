"""One of several columns that is set: `exactly_one(rent, price)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.base import Constraint, Part, Way
from gantlet.tables.number_column import NumberColumn

__all__ = ["Alternatives"]

_NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Alternatives(Constraint):
    """Columns of which exactly one, or at most one, has a value in each row.

    Which one is stored as a choice. The columns are stored with a value of theirs in place of the
    missing ones, so that the one that is chosen always has one.
    """

    form: ClassVar[str] = "alternatives"
    text: str
    columns: tuple[Column, ...]
    may_be_none: bool

    @property
    def reads(self) -> tuple[Any, ...]:
        """The columns."""
        return tuple(column.name for column in self.columns)

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows meet it."""
        count = np.sum([table[name].notna().to_numpy(bool) for name in self.reads], 0)
        return np.asarray(count <= 1 if self.may_be_none else count == 1, bool)

    def may_hold(self, table: Any) -> NDArray[np.bool_]:
        """Rows in which not more than one is set."""
        count = np.sum([table[name].notna().to_numpy(bool) for name in self.reads], 0)
        return np.asarray(count <= 1, bool)

    def ways(self) -> Sequence[Way]:
        """A choice of the column, where each has a value to stand for missing ones."""
        return (Chosen(self),) if all(map(_has_values, self.columns)) else ()


@dataclass(frozen=True)
class Chosen(Way):
    """A choice of the column that is set, and columns without missing values."""

    of: Alternatives

    @property
    def owns(self) -> tuple[Any, ...]:
        """The columns."""
        return self.of.reads

    def stored(self, table: Any) -> Mapping[Any, Part]:
        """The choice, and the columns."""
        import pandas as pd

        chosen = np.full(len(table), _NONE, object)
        parts: dict[Any, Part] = {}
        for column in self.of.columns:
            cells = table[column.name]
            chosen[cells.notna().to_numpy(bool)] = str(column.name)
            fill = column.decode(np.zeros((1, len(column.heads)), np.float32), 0).iloc[0]
            parts[column.name] = (cells.fillna(fill), column.kind)
        return {self.adds[0]: (pd.Series(chosen, dtype=object), "categorical"), **parts}

    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The columns, all but the chosen one missing."""
        chosen = cells[self.adds[0]].to_numpy(object)
        made = {}
        for name in self.of.reads:
            made[name] = _without(cells[name], chosen != str(name))
        return made

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """Where one is given, the others are missing."""
        is_set = np.logical_or.reduce([given[name] for name in self.owns])
        return {name: _without(cells[name], is_set & ~given[name]) for name in self.owns}

    @property
    def adds(self) -> tuple[str, ...]:
        """The choice."""
        return (" or ".join(map(str, self.of.reads)),)

    @property
    def stores(self) -> tuple[Any, ...]:
        """The choice, and the columns."""
        return (*self.adds, *self.owns)


def _without(cells: Any, absent: NDArray[np.bool_]) -> Any:
    """Cells of which some are missing."""
    return cells.mask(absent, None if cells.dtype == object else np.nan)


def _has_values(column: Column) -> bool:
    if isinstance(column, ChoiceColumn):
        return bool(column.choices.values) and column.choices.has_missing
    if isinstance(column, NumberColumn):
        numbers = column.numbers
        return bool(numbers.means or numbers.spikes) and numbers.has_missing
    return False
