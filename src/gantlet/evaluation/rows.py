"""The sets of rows of an evaluation of a table: cells, and each column as numbers or codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gantlet.evaluation.parts import Part
from gantlet.evaluation.scoring import Sides
from gantlet.evaluation.subject import Subject
from gantlet.metrics.columns import Choice, Numeric, Values
from gantlet.rng import some
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.transform import TableTransform

__all__ = ["MOST", "Coder", "RowSide", "left_out", "row_sides", "sampled", "sided"]

MOST = 10_000
"""Rows of a side that are compared: time and memory do not grow with the table."""


@dataclass(frozen=True, eq=False)
class Coder:
    """How the columns that are learned are seen as numbers and as codes, on all sides alike."""

    columns: Mapping[Any, Column]
    """By their names, in the order of the table."""
    codes: Mapping[Any, Mapping[Any, int]]
    """Of each column of choices, the code of each value that any side has."""

    def values(self, name: Any, cells: Any) -> Values:
        """A column's cells: float64 with NaN for missing ones, or codes with -1."""
        import pandas as pd

        column = self.columns[name]
        if isinstance(column, NumberColumn):
            return Numeric(column.values(cells))
        places, found = pd.factorize(cells, use_na_sentinel=True)
        known = self.codes[name]
        table = np.array([*(known[value] for value in found), -1], dtype=np.int64)
        return Choice(table[places], len(known))  # the sentinel -1 is the last

    def words(self, name: Any) -> list[str]:
        """The values behind the codes of a column of choices."""
        return [str(value) for value in self.codes[name]]


@dataclass(frozen=True, eq=False)
class RowSide:
    """Some rows: `frame` has the cells as pandas has them, `values` the columns that are learned.

    Identifiers, free text, constant and all-missing columns are in `frame` alone.
    """

    frame: Any
    coder: Coder

    def __len__(self) -> int:
        return len(self.frame)

    def first(self, n: int) -> RowSide:
        """The first n rows."""
        return RowSide(self.frame.iloc[:n], self.coder)

    def column(self, name: Any) -> Values:
        """One column as numbers or codes; computed at each call."""
        return self.coder.values(name, self.frame[name])

    @cached_property
    def values(self) -> Mapping[Any, Values]:
        """All columns that are learned, by name: numbers and times, or codes."""
        return {name: self.column(name) for name in self.coder.columns}


def row_sides(subject: Subject) -> Sides[RowSide]:
    """The four sets of a table. Generated, reference and floor rows are at most `MOST`, the first
    generated ones and others by chance; training rows are all there."""
    return sided(
        TableTransform.from_json(subject.bundle.spec.table),
        fake=subject.fake.first(MOST).frame,
        train=subject.train.frame,
        reference=_some(subject.reference),
        floor=None if subject.floor is None else _some(subject.floor),
    )


def sided(
    transform: TableTransform, *, fake: Any, train: Any, reference: Any, floor: Any = None
) -> Sides[RowSide]:
    """Four sets of rows, pandas DataFrames, seen through the columns of a fitted transform."""
    learned = {c.name: c for c in transform.columns_ if _is_learned(c)}
    known = [frame for frame in (fake, reference, floor, train) if frame is not None]
    choices = [name for name, column in learned.items() if isinstance(column, ChoiceColumn)]
    coder = Coder(learned, {name: _codes(name, known) for name in choices})
    return Sides(
        RowSide(fake, coder),
        RowSide(train, coder),
        RowSide(reference, coder),
        None if floor is None else RowSide(floor, coder),
    )


def left_out(subject: Subject) -> list[str]:
    """A sentence on the columns that no number looks at, if there are any."""
    transform = TableTransform.from_json(subject.bundle.spec.table)
    silent = [f"{c.name} ({c.kind})" for c in transform.columns_ if not _is_learned(c)]
    if not silent:
        return []
    more = f" and {len(silent) - 8:,} more" if len(silent) > 8 else ""
    return [f"Columns that are not learned take no part: {', '.join(silent[:8])}{more}."]


def sampled(subject: Subject) -> list[str]:
    """A sentence where there are more rows than are compared."""
    parts = (subject.fake, subject.reference, subject.floor)
    if not any(part is not None and len(part) > MOST for part in parts):
        return []
    return [f"Of more than {MOST:,} rows of a kind {MOST:,} are compared."]


def _is_learned(column: Column) -> bool:
    return bool(column.heads) and isinstance(column, NumberColumn | ChoiceColumn)


def _some(part: Part) -> Any:
    if len(part) <= MOST:
        return part.frame
    chosen = some("evaluation/rows", len(part), MOST).numpy()
    return part.frame.iloc[chosen].reset_index(drop=True)


def _codes(name: Any, frames: list[Any]) -> dict[Any, int]:
    """Codes of the values of all sides, those of the first side first."""
    found: dict[Any, int] = {}
    for frame in frames:
        for value in frame[name].dropna().unique():
            found.setdefault(value, len(found))
    return found
