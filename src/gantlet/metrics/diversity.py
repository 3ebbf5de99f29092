"""How much of the data a set of samples covers, and how widely it spreads."""

from __future__ import annotations

import torch
from torch import Tensor

from gantlet.errors import UsageError

__all__ = ["coverage", "pair_order", "spread"]

_COLUMNS = 4096
"""Features widened to float64 at a time."""
_ROUNDING = 1e-12
"""Share of |a|^2 + |b|^2 below which two squared distances count as equal."""


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
    radius = _squared(real, real).fill_diagonal_(-1).kthvalue(k + 1, dim=1).values
    gaps = _squared(real, fake) - radius[:, None]
    return float((gaps <= _rounding(real, fake)).any(1).double().mean())


def _exact(x: Tensor) -> Tensor:
    """x in float64, which MPS lacks."""
    return x.to("cpu" if x.device.type == "mps" else x.device, torch.float64)


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2 in float64, (N, D), (M, D) -> (N, M), in memory for few columns only."""
    total = torch.zeros((), dtype=torch.float64)
    for part, other in zip(a.split(_COLUMNS, 1), b.split(_COLUMNS, 1), strict=True):
        x, y = _exact(part), _exact(other)
        total = total.to(x) + x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return total


def _rounding(a: Tensor, b: Tensor) -> Tensor:
    """The difference of squared distances that rounding may make, (N, M)."""
    squares = (sum(_exact(p).square().sum(1) for p in t.split(_COLUMNS, 1)) for t in (a, b))
    of_a, of_b = (torch.as_tensor(s) for s in squares)
    return _ROUNDING * (of_a[:, None] + of_b)


def spread(x: Tensor) -> float:
    """Mean Euclidean distance of pairs of different samples of x, shape (N, D).

    Raises UsageError for fewer than two samples.
    """
    n = len(x)
    if n < 2:
        raise UsageError("spread", expected="at least 2 samples", received=str(n))
    distances = _squared(x, x).fill_diagonal_(0).clamp_min(0).sqrt()
    return float(distances.sum() / (n * (n - 1)))


def pair_order(high: Tensor, low: Tensor) -> float:
    """Share of pairs in which a score of `high` exceeds one of `low`, ties counted half (AUC).

    One half where the two cannot be told apart; shapes (N,) and (M,), neither empty.
    """
    gap = high[:, None] - low[None, :]
    return float((gap > 0).double().mean() + (gap == 0).double().mean() / 2)
