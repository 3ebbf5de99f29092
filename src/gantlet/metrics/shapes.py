"""Whether a column is distributed as the data's: shape, range, categories, missing values.

Source: SDMetrics, https://docs.sdv.dev/sdmetrics
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gantlet.metrics.columns import (
    UNDEFINED,
    Choice,
    Floats,
    Numeric,
    Score,
    Values,
    group_of,
    without,
)

__all__ = ["adherence", "missingness", "shape", "variation"]

Codes = NDArray[np.int64]


def shape(real: Values, fake: Values) -> Score:
    r"""How alike two columns are distributed: 1 for equal ones, 0 for disjoint ones.

    Of numbers and times 1 - \max_x |F(x) - G(x)|, with F and G their cumulative shares
    (Kolmogorov and Smirnov); of choices 1 - 1/2 \sum_k |p_k - q_k| (total variation). Missing
    values play no part. The standard error is that of the difference where it is largest, or of
    the sum with its signs held fixed: near 1 it is too large, which errs to the safe side. It is
    that of the generated rows alone, the real ones being held fixed: what a floor is compared
    with is the same.

    Arguments:
        real, fake: a column of each, of one kind.

    Source: SDMetrics, KSComplement and TVComplement, https://docs.sdv.dev/sdmetrics
    """
    kept, made = ~real.absent, ~fake.absent
    if not kept.any() or not made.any():
        return UNDEFINED
    group = group_of(len(fake))[made]
    match real, fake:
        case Numeric(), Numeric():
            return _kolmogorov(real.x[kept], fake.x[made], group)
        case Choice(), Choice():
            return variation(real.codes[kept], fake.codes[made], group)
    return UNDEFINED


def _kolmogorov(real: Floats, fake: Floats, group: Codes) -> Score:
    values, places = np.unique(np.concatenate([real, fake]), return_inverse=True)
    a, b = places[: len(real)], places[len(real) :]
    F = np.bincount(a, minlength=len(values)).cumsum() / len(a)
    below = without(b, group, len(values)).cumsum(1)
    with np.errstate(invalid="ignore"):
        G = below / below[:, -1:]
    gaps = np.abs(G - F)
    q = G[0, gaps[0].argmax()]
    return Score.of(1 - gaps.max(1), _error(q * (1 - q), len(fake)))


def variation(real: Codes, fake: Codes, group: Codes) -> Score:
    """1 less the total variation between cells, numbered from 0, of N and of M rows.

    Arguments:
        real, fake: cells, shapes (N,) and (M,).
        group: of each generated row (`group_of`), (M,).
    """
    count = int(max(real.max(), fake.max())) + 1
    p = np.bincount(real, minlength=count) / len(real)
    counts = without(fake, group, count)
    with np.errstate(invalid="ignore"):
        q = counts / counts.sum(1, keepdims=True)
    sign = np.sign(q[0] - p) / 2
    spread = (sign**2 * q[0]).sum() - (sign * q[0]).sum() ** 2
    return Score.of(1 - np.abs(q - p).sum(1) / 2, _error(spread, len(fake)))


def _error(variance: float, n: int) -> float:
    """Of a mean of n terms; of rare values too, of which a row more or less is seen by chance."""
    return math.sqrt(max(0.0, variance) / n + 1 / n**2)


def adherence(known: Values, fake: Values) -> Score:
    """Share of values within the smallest and the largest known one, or of known categories.

    Missing values play no part.

    Arguments:
        known: the column of the training rows.
        fake: that of other rows, of the same kind.

    Source: SDMetrics, BoundaryAdherence and CategoryAdherence, https://docs.sdv.dev/sdmetrics
    """
    kept, made = ~known.absent, ~fake.absent
    if not kept.any() or not made.any():
        return UNDEFINED
    match known, fake:
        case Numeric(), Numeric():
            x, ends = fake.x[made], known.x[kept]
            inside = (x >= ends.min()) & (x <= ends.max())
        case Choice(), Choice():
            inside = np.isin(fake.codes[made], np.unique(known.codes[kept]))
    return _share(inside, group_of(len(fake))[made])


def _share(hits: NDArray[np.bool_], group: Codes) -> Score:
    counts = without(hits.astype(np.int64), group, 2)
    with np.errstate(invalid="ignore"):
        shares = counts[:, 1] / counts.sum(1)
    return Score.of(shares, _error(shares[0] * (1 - shares[0]), len(hits)))


def missingness(real: Values, fake: Values) -> Score:
    """1 less the difference between the shares of missing values.

    Source: SDMetrics, MissingValueSimilarity, https://docs.sdv.dev/sdmetrics
    """
    gone = real.absent.astype(np.int64), fake.absent.astype(np.int64)
    return variation(*gone, group_of(len(fake)))
