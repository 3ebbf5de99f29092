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
    the sum with its signs held fixed: near 1 it is too large, which errs to the safe side.

    Arguments:
        real, fake: a column of each, of one kind.

    Source: SDMetrics, KSComplement and TVComplement, https://docs.sdv.dev/sdmetrics
    """
    kept, made = ~real.absent, ~fake.absent
    if not kept.any() or not made.any():
        return UNDEFINED
    groups = group_of(len(real))[kept], group_of(len(fake))[made]
    match real, fake:
        case Numeric(), Numeric():
            return _kolmogorov(real.x[kept], fake.x[made], *groups)
        case Choice(), Choice():
            return variation(real.codes[kept], fake.codes[made], *groups)
    return UNDEFINED


def _kolmogorov(a: Floats, b: Floats, group_a: Codes, group_b: Codes) -> Score:
    values, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    count = len(values)
    below = [
        without(at, group, count).cumsum(1)
        for at, group in ((places[: len(a)], group_a), (places[len(a) :], group_b))
    ]
    with np.errstate(invalid="ignore"):
        F, G = (cumulative / cumulative[:, -1:] for cumulative in below)
    gaps = np.abs(F - G)
    widest = gaps[0].argmax()
    p, q = F[0, widest], G[0, widest]
    error = math.sqrt(p * (1 - p) / len(a) + q * (1 - q) / len(b))
    return Score.of(1 - gaps.max(1), error)


def variation(a: Codes, b: Codes, group_a: Codes, group_b: Codes) -> Score:
    """1 less the total variation between cells, numbered from 0, of N and of M rows.

    Arguments:
        a, b: cells, shapes (N,) and (M,).
        group_a, group_b: of each row (`group_of`).
    """
    count = int(max(a.max(), b.max())) + 1
    with np.errstate(invalid="ignore"):
        p, q = (
            counts / counts.sum(1, keepdims=True)
            for counts in (without(a, group_a, count), without(b, group_b, count))
        )
    sign = np.sign(p[0] - q[0]) / 2
    spread = [(sign**2 * share).sum() - (sign * share).sum() ** 2 for share in (p[0], q[0])]
    error = math.sqrt(max(0.0, spread[0] / len(a) + spread[1] / len(b)))
    return Score.of(1 - np.abs(p - q).sum(1) / 2, error)


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
    error = math.sqrt(shares[0] * (1 - shares[0]) / len(hits))
    return Score.of(shares, error)


def missingness(real: Values, fake: Values) -> Score:
    """1 less the difference between the shares of missing values.

    Source: SDMetrics, MissingValueSimilarity, https://docs.sdv.dev/sdmetrics
    """
    gone = real.absent.astype(np.int64), fake.absent.astype(np.int64)
    return variation(*gone, group_of(len(real)), group_of(len(fake)))
