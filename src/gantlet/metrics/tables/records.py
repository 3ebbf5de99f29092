"""Rows of a table as its metrics see them: numbers, and codes of choices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import unknown
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.transform import TableTransform

__all__ = ["Keys", "Records", "joined", "keys", "records"]

Keys = NDArray[Any]
"""One value a row, equal for equal rows, (N,)."""


@dataclass(frozen=True, eq=False)
class Records:
    """N rows, with the columns that a generator learns: all but identifiers, text, constants."""

    numbers: NDArray[np.float64]
    """Integers, reals, times: shape (N, P), NaN where missing."""
    choices: NDArray[np.int64]
    """Codes of truth values and categories, from 0; a missing one has its own. Shape (N, Q)."""
    number_names: tuple[str, ...]
    choice_names: tuple[str, ...]
    missing: tuple[int, ...]
    """The code of a missing value in each column of choices; -1 where none is missing."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns, numbers first."""
        return self.number_names + self.choice_names

    def take(self, rows: Any) -> Records:
        """Some of the rows: by place, by range or by truth value."""
        return replace(self, numbers=self.numbers[rows], choices=self.choices[rows])

    def column(self, name: str) -> NDArray[Any]:
        """Values or codes of one column, (N,); UsageError for an unknown name."""
        if name in self.number_names:
            return self.numbers[:, self.number_names.index(name)]
        if name in self.choice_names:
            return self.choices[:, self.choice_names.index(name)]
        raise unknown("column", name, self.names)

    def without(self, name: str) -> Records:
        """All columns but one."""
        p = [i for i, own in enumerate(self.number_names) if own != name]
        q = [i for i, own in enumerate(self.choice_names) if own != name]
        return Records(
            self.numbers[:, p],
            self.choices[:, q],
            tuple(self.number_names[i] for i in p),
            tuple(self.choice_names[i] for i in q),
            tuple(self.missing[i] for i in q),
        )

    def absent(self, name: str) -> NDArray[np.bool_]:
        """Where a column has no value, (N,)."""
        held: NDArray[np.bool_]
        if name in self.number_names:
            held = np.isnan(self.column(name))
        else:
            code = self.missing[self.choice_names.index(name)] if name in self.choice_names else -1
            held = self.column(name) == code
        return held


def records(table: Any, transform: TableTransform) -> Records:
    """The rows of a pandas DataFrame that has the columns of a fitted transform, as records.

    Real and generated rows pass the same way, through the fitted columns, so that rounding,
    bounds and rare categories that become `other` do not tell one from the other. Constraints,
    which store other columns in place of some, play no part.
    """
    numbers, choices = dict[str, NDArray[Any]](), dict[str, NDArray[Any]]()
    missing = []
    for column in transform.columns_:
        if not column.heads:
            continue
        name, cells = str(column.name), table[column.name].reset_index(drop=True)
        if isinstance(column, NumberColumn):
            x, absent = column.counts(column.encode(cells))
            numbers[name] = np.where(absent, np.nan, x + 0.0)
        elif isinstance(column, ChoiceColumn):
            choices[name] = column.codes(column.encode(cells))
            missing.append(column.choices.width - 1 if column.choices.has_missing else -1)
    n = len(table)
    return Records(
        np.stack([*numbers.values()], 1) if numbers else np.zeros((n, 0)),
        np.stack([*choices.values()], 1) if choices else np.zeros((n, 0), np.int64),
        tuple(numbers),
        tuple(choices),
        tuple(missing),
    )


def joined(*parts: Records) -> Records:
    """The rows of several, one after another."""
    return replace(
        parts[0],
        numbers=np.concatenate([part.numbers for part in parts]),
        choices=np.concatenate([part.choices for part in parts]),
    )


def keys(table: Records) -> Keys:
    """The bytes of each row, by which equal rows are found."""
    cells = np.concatenate([table.numbers, table.choices.astype(np.float64)], 1)
    cells = np.ascontiguousarray(np.where(np.isnan(cells), np.nan, cells + 0.0))
    return cells.view(np.dtype((np.void, cells.shape[1] * 8))).ravel()
