"""How much of the data a set of samples covers, and how widely it spreads."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.neighbours import ROUNDING, blocks, exact, neighbour_distances

__all__ = ["class_spread", "coverage", "pair_order", "placements", "spread"]


def coverage(real: Tensor, fake: Tensor, k: int = 5) -> float:
    r"""Share of real samples that have a generated one as near as their k-th real neighbour.

    coverage = 1/N \sum_i 1[ min_j |r_i - f_j| <= NND_k(r_i) ], from 0 to 1, with NND_k(r_i) the
    distance of r_i to the k-th nearest of the other real samples.

    A perfect sampler does not score 1. Its M samples and the N - 1 other real ones are then
    exchangeable, and r_i is left uncovered exactly when its k nearest neighbours among all of them
    are real, so that for continuous data

        E coverage = 1 - \prod_{j=0}^{k-1} (N - 1 - j) / (N - 1 + M - j),

    which for M = N tends to 1 - 2^{-k} from above: 0.969 for k = 5.

    Ties count as covered, where the paper's code has a strict inequality: data in which samples
    recur more than k times have radius 0, and exact copies of them would cover nothing.

    Arguments:
        real, fake: shapes (N, D) and (M, D); distances are computed in float64.
        k: neighbours, from 1 to N - 1.

    Raises:
        UsageError: k is not from 1 to N - 1, or there is no generated sample.

    Source: Naeem et al. (2020), Reliable Fidelity and Diversity Metrics, https://arxiv.org/abs/2002.09797
    """
    if not 1 <= k < len(real) or not len(fake):
        raise UsageError(
            "coverage",
            expected=f"more than k = {k} real samples, k of at least 1, and a generated sample",
            received=f"{len(real)} real and {len(fake)} generated",
        )
    ball = neighbour_distances(real, k)[:, -1].square()
    gaps = blocks(real, fake, ROUNDING)
    covered = [(squared <= ball[rows, None]).any(1) for rows, squared in gaps]
    return float(torch.cat(covered).double().mean())


def spread(x: Tensor) -> float:
    """Mean Euclidean distance of pairs of different samples of x, shape (N, D).

    Raises UsageError for fewer than two samples.
    """
    n = len(x)
    if n < 2:
        raise UsageError("spread", expected="at least 2 samples", received=str(n))
    total = 0.0
    for rows, squared in blocks(x, x):
        squared[:, rows].diagonal().zero_()
        total += float(squared.clamp_min_(0).sqrt_().sum())
    return total / (n * (n - 1))


def class_spread(x: Tensor, y: Tensor) -> float:
    """Mean Euclidean distance of pairs of different samples of the same class.

    Each pair counts alike, so that large classes weigh most. One sample repeated for each class
    has none, however far the classes lie apart.

    Arguments:
        x: shape (N, D).
        y: classes, shape (N,), integers.

    Raises:
        UsageError: no two samples are of the same class.
    """
    sizes = [(part, len(part)) for part in (x[y == label] for label in y.unique())]
    pairs = sum(n * (n - 1) for _, n in sizes)
    if not pairs:
        raise UsageError(
            "class_spread",
            expected="at least 2 samples of a class",
            received=f"{len(x)} samples of {len(sizes)} classes",
        )
    return sum(n * (n - 1) * spread(part) for part, n in sizes if n > 1) / pairs


def placements(scores: Tensor, others: Tensor) -> Tensor:
    """Share of `others` that each score exceeds, ties counted half, (N,), (M,) -> (N,) float64.

    NaN exceeds nothing and is exceeded by nothing.
    """
    x, y = exact(scores).contiguous(), exact(others)
    ordered = y.masked_fill(y.isnan(), math.inf).sort().values
    below, reached = (torch.searchsorted(ordered, x, right=side) for side in (False, True))
    return ((below + reached).double() / (2 * len(others))).masked_fill(x.isnan(), 0)


def pair_order(high: Tensor, low: Tensor) -> float:
    """Share of pairs in which a score of `high` exceeds one of `low`, ties counted half (AUC).

    One half where the two cannot be told apart; shapes (N,) and (M,), neither empty.
    """
    return float(placements(high, low).mean())
