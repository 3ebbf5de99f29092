r"""Distances of rows with numbers and choices, and the nearest rows of a set, by blocks.

Gower's distance with numbers by their ranks: over P columns of numbers and Q of choices,

    d(a, b) = 1/(P + Q) ( \sum_p |F_p(a_p) - F_p(b_p)| + \sum_q 1[a_q != b_q] ),

with F_p(x) = (#{x_i < x} + #{x_i <= x}) / 2n over the n rows that the ruler was made of, so that
no unit, skew or outlier matters. A missing number is 1/2 + |F_p(b_p) - 1/2| from one that is
there and 0 from another missing one; a missing choice is a choice. d is a metric on the places
F(a), from 0 to 1; equal rows are at distance 0 exactly.

Source: Gower (1971), A General Coefficient of Similarity and Some of Its Properties,
https://doi.org/10.2307/2528823
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.neighbours import Nearest
from gantlet.metrics.tables.records import Records

__all__ = [
    "Places",
    "Ruler",
    "column_distances",
    "nearest_rows",
    "row_distances",
    "some_nearest",
    "summed_distances",
]

_ROWS, _CELLS = 1000, 2**24
"""Most rows and distances of one block: 64 MiB."""


@dataclass(frozen=True, eq=False)
class Places:
    """Rows as distances see them, float32."""

    numbers: Tensor
    """Ranks, 1/2 where missing, then half the missing flag: shape (N, 2 P)."""
    choices: Tensor
    """Codes, shape (N, Q)."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def columns(self) -> int:
        """P + Q."""
        return self.numbers.shape[1] // 2 + self.choices.shape[1]

    def take(self, rows: Tensor | slice) -> Places:
        """Some of them."""
        return Places(self.numbers[rows], self.choices[rows])


class Ruler:
    """Numbers to ranks among the rows that it is made of.

    Arguments:
        rows: what ranks are taken among: training rows, or generated ones where that is all that
            is known.
    """

    def __init__(self, rows: Records) -> None:
        self._values = [np.sort(x[~np.isnan(x)]) for x in rows.numbers.T]

    def places(self, rows: Records) -> Places:
        """Where rows stand; UsageError for other columns, or rows without any."""
        if rows.numbers.shape[1] != len(self._values) or not rows.names:
            raise UsageError(
                "distances of rows",
                expected=f"rows with {len(self._values)} columns of numbers, of any column",
                received=f"rows with {rows.numbers.shape[1]} of {len(rows.names)} columns",
            )
        gone = np.isnan(rows.numbers)
        ranks = [_ranks(x, among) for x, among in zip(rows.numbers.T, self._values, strict=True)]
        held = np.stack(ranks, 1) if ranks else np.zeros((len(rows), 0))
        places = np.concatenate([np.where(gone, 0.5, held), gone / 2], 1)
        codes = rows.choices.astype(np.float32)
        return Places(torch.from_numpy(places.astype(np.float32)), torch.from_numpy(codes))


def _ranks(x: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
    below, reached = np.searchsorted(among, x, "left"), np.searchsorted(among, x, "right")
    ranks: NDArray[np.float64] = (below + reached) / max(1, 2 * len(among))
    return ranks


def column_distances(a: Places, b: Places, column: int) -> Tensor:
    """Distances in one column, from 0 to 1, (N, M); numbers come first."""
    p = a.numbers.shape[1] // 2
    if column >= p:
        x, y = a.choices[:, column - p], b.choices[:, column - p]
        return (x[:, None] != y).float()
    pair = [column, p + column]
    return torch.cdist(a.numbers[:, pair], b.numbers[:, pair], p=1)


def summed_distances(
    a: Places, b: Places, columns: Sequence[int] | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a, block by block, with their distances to all of b summed over columns.

    Arguments:
        a, b: places, N and M rows.
        columns: which, numbers first; all if none are given.

    Yields:
        The rows, and their distances of shape (rows, M), which the caller may overwrite.
    """
    p = a.numbers.shape[1] // 2
    asked = range(a.columns) if columns is None else columns
    ranked = [i for c in asked if c < p for i in (c, p + c)]
    chosen = [c - p for c in asked if c >= p]
    x, y = _varying(a.numbers[:, ranked], b.numbers[:, ranked])
    u, v = a.choices[:, chosen], b.choices[:, chosen]
    height = min(_ROWS, max(1, _CELLS // len(b)))
    for start in range(0, len(a), height):
        rows = slice(start, min(start + height, len(a)))
        found = torch.cdist(x[rows], y, p=1)
        if chosen:
            found += torch.cdist(u[rows], v, p=0)
        yield rows, found


def _varying(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both without columns that are one value: flags of numbers that are never missing."""
    low, high = torch.minimum(a.amin(0), b.amin(0)), torch.maximum(a.amax(0), b.amax(0))
    return a[:, low < high], b[:, low < high]


def row_distances(a: Places, b: Places) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a, block by block, with their distances (rows, M) to all of b; the caller's own."""
    for rows, found in summed_distances(a, b):
        yield rows, found.div_(a.columns)


def nearest_rows(a: Places, b: Places) -> Nearest:
    """The row of b nearest to each of a, neither empty; of several, any."""
    index, distance = [], []
    for _, found in row_distances(a, b):
        least = found.min(1)
        index.append(least.indices)
        distance.append(least.values.double())
    return Nearest(torch.cat(index), torch.cat(distance))


def some_nearest(a: Places, b: Places, k: int) -> Tensor:
    """Distances of each row of a to its k nearest of b, ascending, (N, k) float64; k <= M."""
    found = [d.topk(k, largest=False).values.double() for _, d in row_distances(a, b)]
    return torch.cat(found)
