"""Which rows of a table are rows of another one, or nearly.

Source: SDMetrics, NewRowSynthesis, https://docs.sdv.dev/sdmetrics
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gantlet.metrics.columns import Floats, Numeric, Values

__all__ = ["matches", "repeats"]

Counts = NDArray[np.int64]

_WIDEST = 2**62
_FAR = 1e300
"""Stands for infinity, which is no number to compute with."""


def matches(
    rows: Sequence[Values], others: Sequence[Values], tolerances: Sequence[float]
) -> Counts:
    r"""How many rows of `others` each of `rows` matches, (N,).

    Two rows match if they have equal choices, miss the same values, and each number x of the
    first has the other's within a share of itself: |x - y| <= tolerance |x|.

    Arguments:
        rows, others: the columns of N and of M rows.
        tolerances: of each column of numbers, in their order.
    """
    keys, known = _keys([*rows], [*others])
    numbers = [i for i, column in enumerate(rows) if isinstance(column, Numeric)]
    x, y = (_matrix([table[i] for i in numbers], len(table[0])) for table in (rows, others))
    reach = np.abs(x) * np.asarray(tolerances)
    # The others lie in blocks of equal keys, each in the order of the number that differs most.
    first = _widest(y)
    order = np.lexsort((y[:, first], known)) if y.shape[1] else np.argsort(known, kind="stable")
    known, y = known[order], y[order]
    found = np.zeros(len(x), dtype=np.int64)
    starts, stops = (np.searchsorted(known, keys, side) for side in ("left", "right"))
    for i in np.flatnonzero(stops > starts):
        block = y[starts[i] : stops[i]]
        if block.shape[1]:
            ends = x[i, first] + reach[i, first] * np.array([-1.0, 1.0])
            low = np.searchsorted(block[:, first], ends[0], "left")
            block = block[low : np.searchsorted(block[:, first], ends[1], "right")]
        found[i] = int((np.abs(block - x[i]) <= reach[i]).all(1).sum())
    return found


def repeats(rows: Sequence[Values]) -> Counts:
    """How many other rows are the same in every column, (N,)."""
    cells = [c.x if isinstance(c, Numeric) else c.codes.astype(np.float64) for c in rows]
    held = np.nan_to_num(np.stack(cells, 1), nan=np.inf)
    _, place, counts = np.unique(held, axis=0, return_inverse=True, return_counts=True)
    others: Counts = counts[place.reshape(-1)] - 1
    return others


def _keys(rows: Sequence[Values], others: Sequence[Values]) -> tuple[Counts, Counts]:
    """A number for each row that tells its choices and which of its numbers are missing."""
    keys, wide = np.zeros(len(rows[0]) + len(others[0]), dtype=np.int64), 1
    for pair in zip(rows, others, strict=True):
        parts = [c.absent if isinstance(c, Numeric) else c.codes + 1 for c in pair]
        codes = np.concatenate(parts).astype(np.int64)
        count = int(codes.max(initial=0)) + 1
        if wide > _WIDEST // count:  # small numbers again
            values, keys = np.unique(keys, return_inverse=True)
            keys, wide = keys.reshape(-1), len(values)
        keys, wide = keys * count + codes, wide * count
    return keys[: len(rows[0])], keys[len(rows[0]) :]


def _matrix(columns: Sequence[Values], n: int) -> Floats:
    """Numbers as (N, D), missing ones as 0: rows are compared only where both miss them."""
    held = [
        np.nan_to_num(c.x, posinf=_FAR, neginf=-_FAR) for c in columns if isinstance(c, Numeric)
    ]
    return np.stack(held, 1) if held else np.zeros((n, 0))


def _widest(y: Floats) -> int:
    """The column of most values."""
    return max(range(y.shape[1]), key=lambda i: len(np.unique(y[:, i])), default=0)
