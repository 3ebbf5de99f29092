"""Rows that are made again: of the training rows, and of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from gantlet.evaluation.columns import SDMETRICS
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Scorer
from gantlet.metrics.columns import Numeric, Values
from gantlet.metrics.copying import twin_share
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.matches import matches, repeats
from gantlet.tables.number_column import NumberColumn

__all__ = ["score_novelty"]

_TOLERANCE = 0.01
"""Share of a number within which another one is taken for the same; times must be equal."""

_BLOCK = 100_000
"""Training rows that are held against others at a time."""


def score_novelty(scorer: Scorer[RowSide]) -> None:
    """Share of rows that no training row matches, and of rows that repeat another one.

    Rows recur by chance, those set aside too: they are what a perfect sampler gets.
    """
    sides = scorer.sides
    columns = sides.reference.coder.columns
    tolerances = [
        _TOLERANCE if column.kind in ("integer", "real") else 0.0
        for column in columns.values()
        if isinstance(column, NumberColumn)
    ]

    def new(side: RowSide) -> Sequence[Estimate]:
        rows = _numbers(side)
        each = [matches(rows, known, tolerances) for known in _blocks(sides.train)]
        found = np.sum(each, axis=0)
        return [wilson(int((found < 1).sum()), len(found))]

    def again(side: RowSide) -> Sequence[Estimate]:
        return [twin_share(torch.from_numpy(repeats(list(side.values.values()))))]

    scorer.add("coverage", [("duplicates", "Exact duplicates")], again, better="lower",
               source="", featured=False, against=0)  # fmt: skip
    scorer.add("copying", [("new_rows", "Rows that are new")], new, better="higher",
               source=SDMETRICS, featured=False, against=len(sides.train))  # fmt: skip


def _blocks(train: RowSide) -> Iterator[list[Values]]:
    """The training rows' columns, so many rows at a time that memory does not grow with them."""
    for start in range(0, len(train), _BLOCK):
        yield _numbers(RowSide(train.frame.iloc[start : start + _BLOCK], train.coder))


def _numbers(side: RowSide) -> list[Values]:
    """Columns with numbers as they are told, not from an origin: shares of them are compared."""
    found: list[Values] = []
    for name, column in side.coder.columns.items():
        values = side.column(name)
        if isinstance(values, Numeric) and isinstance(column, NumberColumn):
            values = Numeric(values.x + column.origin)
        found.append(values)
    return found
