"""Training by sampling: which rows of a table are seen, each with what it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gantlet import rng
from gantlet.data.dataset import Array, let_go
from gantlet.data.split import Indices
from gantlet.data.store import stored
from gantlet.spec import Layout

__all__ = ["Conditions"]

Numbers = NDArray[np.int64]

_ROWS = 65_536
_RESIDENT = 2**26
"""Bytes up to which codes, and orders, stay in memory where there is a disk for them: 64 MiB."""


def _beside(raw: Array) -> Path | None:
    """The folder of a memory map; None of an array in memory."""
    name = raw.filename if isinstance(raw, np.memmap) else None
    return None if name is None else Path(name).parent


class Conditions:
    """Conditions for rows of a table: one of its choices, of one of its columns.

    Row number p of a stream is drawn in three steps, by uniform numbers of (seed, stream, p)
    alone: a column, all alike; a category of it; one of the rows that have it. A category of n
    rows comes up in proportion to

        rare log(1 + n) / sum_k log(1 + n_k) + (1 - rare) n / sum_k n_k

    With rare = 1, as in the paper, rare categories are seen far more often than in the table.
    Sampling asks for them as often as the table has them (`DataSpec.frequencies`).

    Arguments:
        layout: of the rows; classes are numbered as `Layout.classes`.
        raw: stored rows, (N, R).
        indices: of the rows to draw from, shape (n,); all if none are given.
        rare: from 0 to 1.

    In memory each column takes 5 bytes a row. Where `raw` is a memory map and they are more than
    64 MiB, they are a memory map beside it.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    def __init__(
        self, layout: Layout, raw: Array, indices: Indices | None = None, *, rare: float = 1.0
    ) -> None:
        heads = sorted({head for head, _ in layout.classes})
        widths = np.array([layout.heads[head].width for head in heads])
        self._first = np.concatenate([[0], widths.cumsum()])  # class of each column's code 0
        indices = np.arange(len(raw)) if indices is None else indices
        shape, place = (len(heads), len(indices)), _beside(raw)

        def read(codes: Array) -> None:
            for start in range(0, len(indices), _ROWS):
                part = raw[indices[start : start + _ROWS]]
                codes[:, start : start + len(part)] = part[:, heads].T
                let_go(raw)

        def sort(order: Array) -> None:
            for column, held in enumerate(self._codes):
                order[column] = np.argsort(held, kind="stable")

        limit = _RESIDENT if place else None
        narrow = "uint8" if widths.max(initial=0) <= 256 else "uint32"
        self._codes = stored(shape, narrow, read, cache=place, step="codes", resident=limit)
        self._order = stored(shape, "uint32", sort, cache=place, step="order", resident=limit)
        counts = [np.bincount(c, minlength=w) for c, w in zip(self._codes, widths, strict=True)]
        self._counts = np.concatenate(counts)
        starts = [np.concatenate([[0], np.cumsum(n)[:-1]]) for n in counts]
        self._starts = np.concatenate(starts)
        mass = [_mass(n, rare) for n in counts]
        edges = [place + np.minimum(np.cumsum(m), 1.0) for place, m in enumerate(mass)]
        self._edges = np.concatenate(edges)

    def draw(self, seed: int, stream: str, start: int, count: int) -> tuple[Numbers, Numbers]:
        """Places and classes of rows [start, start + count) of a stream, each (count,)."""
        u = rng.rows(seed, f"{stream}/condition", start, count, (3,), torch.rand).double().numpy()
        column = (u[:, 0] * len(self._codes)).astype(np.int64)
        y = np.searchsorted(self._edges, column + u[:, 1], side="right")
        y = y.clip(self._first[column], self._first[column + 1] - 1)
        within = (u[:, 2] * self._counts[y]).astype(np.int64)
        return self._order[column, self._starts[y] + within].astype(np.int64), y

    def of(self, places: Numbers) -> Numbers:
        """A class of each row as it is, (n,): of column p mod C for the row at place p."""
        column = places % len(self._codes)
        return self._first[column] + self._codes[column, places]


def _mass(counts: Numbers, rare: float) -> NDArray[np.float64]:
    """How often each category of a column comes up."""
    logs: NDArray[np.float64] = np.log1p(counts)
    mass: NDArray[np.float64] = rare * logs / logs.sum() + (1 - rare) * counts / counts.sum()
    return mass
