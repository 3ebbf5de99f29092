"""What every constraint on the rows of a table promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.column import Column

__all__ = ["Constraint", "Part", "Way", "refused"]

Part = tuple[Any, str | None]
"""Cells of a stored column, and its kind where that is not to be detected."""


class Way(ABC):
    """How a constraint is met by construction: other columns are stored in place of some."""

    is_sure: ClassVar[bool] = False
    """Whether what it restores always meets the constraint; else the rows have to be looked at."""

    @property
    @abstractmethod
    def owns(self) -> tuple[Any, ...]:
        """Names of the columns in whose place others are stored."""

    @property
    def needs(self) -> tuple[Any, ...]:
        """Names of the columns from which they are restored, besides what is stored."""
        return ()

    @property
    @abstractmethod
    def adds(self) -> tuple[str, ...]:
        """Names of what is stored that no column of the table has."""

    @property
    def stores(self) -> tuple[Any, ...]:
        """Names of all that is stored."""
        return self.adds

    @abstractmethod
    def stored(self, table: Any) -> Mapping[Any, Part]:
        """What is stored of a table in place of the columns, by name."""

    @abstractmethod
    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The columns that it owns, from what is stored and the columns that it needs."""

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """Columns of rows in which some cells are given and the others drawn, fitted together.

        Arguments:
            cells: columns of the rows, given cells and drawn ones.
            given: which cells are given, by column.
            drawn: the table of rows from which the others were drawn.
        """
        return {}

    def values(self, name: Any) -> Mapping[str, Any]:
        """The value of a column that it owns, by each choice that is stored; of none as a rule."""
        return {}


class Constraint(ABC):
    """What every row meets. A row in which a cell that it reads is missing meets it."""

    form: ClassVar[str]
    """Which of the forms it is."""
    text: str
    """As a person writes it."""

    @property
    @abstractmethod
    def reads(self) -> tuple[Any, ...]:
        """Names of the columns that it reads."""

    @abstractmethod
    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows of a table meet it, (N,)."""

    def may_hold(self, table: Any) -> NDArray[np.bool_]:
        """Which rows can meet it once their missing cells have values, (N,)."""
        return self.holds(table)

    def fitted(self, table: Any, *, public: bool) -> Constraint:
        """Itself, with what it has to know of the values of a table.

        Arguments:
            table: to be met by all rows.
            public: whether values of few rows may be stored.
        """
        return self

    def broken(self, table: Any) -> NDArray[np.bool_]:
        """Which rows of the table that it is fitted to break it, (N,)."""
        return ~self.holds(table)

    def ways(self) -> Sequence[Way]:
        """How it can be met by construction, the best first."""
        return ()

    @property
    def is_kept_by_ranges(self) -> bool:
        """Whether the ranges of columns that are stored keep it, so that no row can break it."""
        return False

    def to_json(self) -> dict[str, Any]:
        """What `restore` needs, in plain values: nothing as a rule."""
        return {}

    def restore(self, values: Mapping[str, Any]) -> Constraint:
        """Itself with what `to_json` gave."""
        return self


def refused(text: str, column: Column, expected: str) -> UsageError:
    """The error for a constraint on a column that it cannot be on."""
    return UsageError(
        f"constraint {text!r}, column {column.name!r}",
        expected=expected,
        received=column.kind,
        remedy=f"Say what the column is, as in data.columns.{column.name}=integer, or leave the "
        "constraint away",
    )
