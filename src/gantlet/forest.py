"""A law of several finite variables by pairs of them: a forest, fitted and drawn from.

Each variable follows one other, or none: p(x) is the product of p(x_i | x_parent(i)). Of all such
laws the one that is nearest to the data has the largest sum of mutual information along its edges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest", "drawn", "fitted"]

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]
Forest = Sequence[tuple[int, Numbers]]
"""Of each variable the number of the one that it follows, -1 for none, and its shares: (W,), or
for each value of the other, (V, W). They need not sum to one."""

_MOST = 2**14
"""Pairs of values of two variables, beyond which they are not looked at together."""


def fitted(
    codes: Sequence[Codes], widths: Sequence[int], fewest: int
) -> list[tuple[int, Numbers]]:
    """The forest of variables (N,) with values below `widths`.

    An edge counts for its mutual information less log(N) / 2N for each degree of freedom, and is
    left out where that is below 0: a forest of least BIC. Of pairs, those that fewer than `fewest`
    samples have count as none; after a value that then has no pair, a variable has its own shares.

    Source: Chow and Liu (1968), Approximating discrete probability distributions with dependence
    trees, https://doi.org/10.1109/TIT.1968.1054142
    """
    count, n = len(codes), len(codes[0])
    gains = np.zeros((count, count))
    for i, j in combinations(range(count), 2):
        if widths[i] * widths[j] <= _MOST:
            pairs = _pairs(codes[i], codes[j], widths[i], widths[j])
            gains[i, j] = gains[j, i] = _gain(pairs)
    own = [np.bincount(c, minlength=w) / n for c, w in zip(codes, widths, strict=True)]
    found: list[tuple[int, Numbers]] = []
    for i, parent in enumerate(_parents(gains)):
        if parent < 0:
            found.append((-1, own[i]))
            continue
        pairs = _pairs(codes[parent], codes[i], widths[parent], widths[i])
        kept = np.where(pairs >= fewest, pairs, 0)
        some = kept.sum(1, keepdims=True)
        found.append((parent, np.where(some > 0, kept / np.maximum(some, 1), own[i])))
    return found


def drawn(forest: Forest, u: Numbers, known: Mapping[int, int]) -> tuple[Codes, Numbers]:
    """Values of K variables, given those that are known, by uniform numbers u (N, K).

    Known values are passed on towards the roots and out again, so that others are drawn from their
    law given these (belief propagation, exact in a forest). Where values never come together, the
    others are drawn as if nothing was known.

    Returns:
        The values (N, K), and where u lies between the ends of what gave them, from 0 to 1.
    """
    order = _order([parent for parent, _ in forest])
    beliefs = _beliefs(forest, order, known)
    if beliefs is None:
        beliefs = [np.ones(shares.shape[-1]) for _, shares in forest]
    values, within = np.zeros(u.shape, np.int64), np.zeros(u.shape)
    for i in order:
        parent, shares = forest[i]
        weights = np.atleast_2d(shares * beliefs[i])
        edges = np.cumsum(weights, 1)
        edges /= np.where(edges[:, -1:] > 0, edges[:, -1:], 1)
        mine = edges[values[:, parent]] if parent >= 0 else edges.repeat(len(u), 0)
        at = (u[:, i, None] >= mine).sum(1).clip(max=mine.shape[1] - 1)
        ends = np.take_along_axis(np.pad(mine, ((0, 0), (1, 0))), np.stack([at, at + 1], 1), 1)
        width = np.diff(ends)[:, 0]
        values[:, i] = at
        within[:, i] = (u[:, i] - ends[:, 0]) / np.where(width > 0, width, 1)
    return values, within.clip(0, 1)


def _beliefs(
    forest: Forest, order: Sequence[int], known: Mapping[int, int]
) -> list[Numbers] | None:
    """How likely what is known at and behind a variable is, by its value; None if never."""
    beliefs = [np.ones(shares.shape[-1]) for _, shares in forest]
    for i, value in known.items():
        beliefs[i] = np.eye(len(beliefs[i]))[value]
    for i in reversed(order):
        parent, shares = forest[i]
        told = shares @ beliefs[i]
        if not np.any(told > 0):
            return None
        if parent >= 0:
            beliefs[parent] = beliefs[parent] * told
    return beliefs


def _order(parents: Sequence[int]) -> list[int]:
    """Variables, each after the one that it follows."""
    found = [i for i, parent in enumerate(parents) if parent < 0]
    for i in found:
        found += [j for j, parent in enumerate(parents) if parent == i]
    return found


def _parents(gains: Numbers) -> list[int]:
    """Of each variable the one that it follows in the heaviest forest (Prim's algorithm)."""
    count = len(gains)
    best, parents = np.zeros(count), [-1] * count
    left = set(range(count))
    while left:
        i = max(left, key=lambda k: (best[k], -k))
        left.remove(i)
        if best[i] <= 0:
            parents[i] = -1
        for j in left:
            if gains[i, j] > best[j]:
                best[j], parents[j] = gains[i, j], i
    return parents


def _pairs(first: Codes, second: Codes, rows: int, columns: int) -> Numbers:
    """How often each pair of values comes, (rows, columns)."""
    counts = np.bincount(first * columns + second, minlength=rows * columns)
    return counts.reshape(rows, columns).astype(np.float64)


def _gain(pairs: Numbers) -> float:
    """Mutual information of counts of pairs, in nats, less its price."""
    n, rows, columns = pairs.sum(), pairs.sum(1, keepdims=True), pairs.sum(0, keepdims=True)
    freedom = (np.count_nonzero(rows) - 1) * (np.count_nonzero(columns) - 1)
    some = pairs > 0
    told = (pairs[some] * np.log(pairs[some] * n / (rows * columns)[some])).sum() / n
    return float(told - freedom * math.log(n) / (2 * n))
