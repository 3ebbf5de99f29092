"""How much of the data a set of samples covers, and how widely it spreads."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["coverage", "pair_order", "spread"]


def coverage(real: Tensor, fake: Tensor, k: int = 5) -> float:
    r"""Share of real samples that have a generated one nearer than their k-th real neighbour.

    coverage = 1/N \sum_i 1[ min_j |r_i - f_j| < NND_k(r_i) ], 0 to 1. A perfect sampler with
    as many samples as the data has expects 1 - (k choose N-ratio) close to 1 - 2^{-k}.

    Arguments:
        real, fake: shapes (N, D) and (M, D).
        k: neighbours, fewer than N.

    Source: Naeem et al. (2020), Reliable Fidelity and Diversity Metrics, https://arxiv.org/abs/2002.09797
    """
    radius = torch.cdist(real, real).kthvalue(k + 1, dim=1).values  # the nearest is itself
    nearest = torch.cdist(real, fake).amin(dim=1)
    return float((nearest < radius).double().mean())


def spread(x: Tensor) -> float:
    """Mean Euclidean distance of pairs of different samples of x, shape (N, D)."""
    n = len(x)
    return float(torch.cdist(x, x).sum() / (n * (n - 1)))


def pair_order(high: Tensor, low: Tensor) -> float:
    """Share of pairs in which a score of `high` exceeds one of `low`, ties counted half (AUC).

    One half where the two cannot be told apart; shapes (N,) and (M,).
    """
    gap = high[:, None] - low[None, :]
    return float((gap > 0).double().mean() + (gap == 0).double().mean() / 2)
