"""Rows that are made again: of the training rows, and of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from gantlet.evaluation.columns import SDMETRICS
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Scorer
from gantlet.metrics.columns import Numeric, Values
from gantlet.metrics.copying import twin_share
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.matches import matches, repeats
from gantlet.rng import permutation
from gantlet.tables.number_column import NumberColumn

__all__ = ["score_novelty"]

_TOLERANCE = 0.01
"""Share of a number within which another one is taken for the same; times must be equal."""

_BLOCK = 100_000
"""Training rows that are held against others at a time."""


def score_novelty(scorer: Scorer[RowSide]) -> None:
    """Share of rows that no training row matches, and of rows that repeat another one.

    Rows recur by chance, but those set aside never equal a training row, as they are chosen by
    content. So what a perfect sampler gets is told by real rows of both kinds, as many of each as
    there are: a training row is held against all others, and must be matched by one of those.
    """
    sides = scorer.sides
    columns = sides.reference.coder.columns
    tolerances = [
        _TOLERANCE if column.kind in ("integer", "real") else 0.0
        for column in columns.values()
        if isinstance(column, NumberColumn)
    ]
    n = 0 if sides.floor is None else len(sides.floor)
    own, real = _real(scorer, n)

    def new(side: RowSide) -> Sequence[Estimate]:
        is_floor = side is sides.floor
        rows = _numbers(real if is_floor else side)
        each = [matches(rows, known, tolerances) for known in _blocks(sides.train)]
        found = np.sum(each, axis=0)
        if is_floor:
            found[:own] -= 1  # each matches itself
        return [wilson(int((found < 1).sum()), len(found))]

    def again(side: RowSide) -> Sequence[Estimate]:
        rows = real if side is sides.floor else side
        return [twin_share(torch.from_numpy(repeats(list(rows.values.values()))))]

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


def _real(scorer: Scorer[RowSide], n: int) -> tuple[int, RowSide]:
    """n real rows, the training rows among them first, and how many of them these are."""
    train, floor = scorer.sides.train, scorer.sides.floor
    if floor is None:
        return 0, train.first(0)
    held = len(floor) + len(scorer.sides.reference)
    own = min(len(train), round(n * len(train) / (len(train) + held)))
    chosen = permutation(0, "evaluation/novel", 0, len(train))[:own].sort().values.numpy()
    return own, RowSide(
        _joined(train.frame.iloc[chosen], floor.frame.iloc[: n - own]), train.coder
    )


def _joined(first: Any, second: Any) -> Any:
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)
