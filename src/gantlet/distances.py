"""Distances between a group of real samples and one of fakes, that pull a generator to the data.

All take samples flattened to (..., n, D), the last two axes being one group, and answer one
number a group, (...). All are differentiable in the fakes, also where the distance is 0. Real
samples are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError

__all__ = [
    "DISTANCES",
    "Distance",
    "mahalanobis_of_means",
    "mean_distance",
    "mmd",
    "sliced_wasserstein",
]


def _difference_of_means(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean(-2) - real.detach().mean(-2)


def _norm(v: Tensor) -> Tensor:
    """||v|| over the last axis, with the derivative 0 at v = 0."""
    norm: Tensor = torch.linalg.vector_norm(v, dim=-1)
    return norm


def _at_least_two(what: str, real: Tensor, fake: Tensor) -> None:
    if min(real.shape[-2], fake.shape[-2]) < 2:
        raise UsageError(
            what,
            expected="groups of at least 2 samples",
            received=f"{real.shape[-2]} real and {fake.shape[-2]} fake",
            remedy="Choose a larger group",
        )


def mean_distance(real: Tensor, fake: Tensor) -> Tensor:
    """||mean(fake) - mean(real)||, (..., n, D), (..., m, D) -> (...).

    Source: Li et al. (2015), Generative Moment Matching Networks,
    https://arxiv.org/abs/1502.02761 (its first moment)
    """
    return _norm(_difference_of_means(real, fake))


def mahalanobis_of_means(real: Tensor, fake: Tensor, shrinkage: float = 0.1) -> Tensor:
    """sqrt(d^T S^-1 d) with d the difference of means, (..., n, D), (..., m, D) -> (...).

    S = (1 - shrinkage) C + shrinkage v I, with C the covariance of the real group and v its mean
    variance tr(C) / D (at least 1e-6), so that S is regular also for fewer samples than
    dimensions. Rotations and a common scale change nothing.

    Arguments:
        real, fake: at least two real samples.
        shrinkage: above 0, at most 1; 1 gives the distance of means in units of sqrt(v).

    Source: Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance
    matrices, https://doi.org/10.1016/S0047-259X(03)00096-4 (the form of S)
    """
    _at_least_two("Mahalanobis distance", real, real)
    if not 0 < shrinkage <= 1:
        raise UsageError("shrinkage", expected="above 0 and at most 1", received=str(shrinkage))
    d = _difference_of_means(real, fake).unsqueeze(-1)
    centred = real.detach() - real.detach().mean(-2, keepdim=True)
    _, s, vh = torch.linalg.svd(centred / math.sqrt(real.shape[-2] - 1), full_matrices=False)
    floor = (shrinkage * s.square().sum(-1, keepdim=True) / real.shape[-1]).clamp_min(1e-6)
    # S^-1/2 d: the rows of vh are the principal directions; all others have the variance `floor`.
    along = vh @ d
    scales = ((1 - shrinkage) * s.square() + floor).rsqrt() - floor.rsqrt()
    whitened = floor.rsqrt().unsqueeze(-1) * d + vh.mT @ (scales.unsqueeze(-1) * along)
    return _norm(whitened.squeeze(-1))


def sliced_wasserstein(real: Tensor, fake: Tensor, directions: Tensor) -> Tensor:
    """(mean over K directions of W_2^2 of the projections)^1/2, (..., n, D) twice -> (...).

    In one dimension W_2^2 is the mean squared difference of the sorted samples.

    Arguments:
        real, fake: as many real as fake samples.
        directions: shape (..., K, D), standard normal; normalised here.

    Source: Bonneel et al. (2015), Sliced and Radon Wasserstein Barycenters of Measures,
    https://doi.org/10.1007/s10851-014-0506-3
    """
    if real.shape[-2] != fake.shape[-2]:
        raise UsageError(
            "sliced Wasserstein distance",
            expected="as many real as fake samples",
            received=f"{real.shape[-2]} and {fake.shape[-2]}",
        )
    theta = torch.nn.functional.normalize(directions, dim=-1).mT
    projected = (real.detach() @ theta).sort(-2).values
    gaps = ((fake @ theta).sort(-2).values - projected).flatten(-2)
    return _norm(gaps) / math.sqrt(gaps.shape[-1])


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """||a_i - b_j||^2, (..., n, D), (..., m, D) -> (..., n, m)."""
    squares = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2)
    return (squares - 2 * a @ b.mT).clamp_min(0)


_WIDTHS = (0.5, 1.0, 2.0)
"""Kernel widths in units of the bandwidth."""


def _kernel(squared: Tensor, bandwidth: Tensor | float) -> Tensor:
    """The mean over `_WIDTHS` w of exp(-||a - b||^2 / (2 (w bandwidth)^2))."""
    terms = [torch.exp(-squared / (2 * (w * bandwidth) ** 2)) for w in _WIDTHS]
    return torch.stack(terms).mean(0)


def _median_distance(squared: Tensor) -> Tensor:
    """The median distance between two different samples, (..., k, k) -> (..., 1, 1)."""
    k = squared.shape[-1]
    i, j = torch.triu_indices(k, k, 1, device=squared.device)
    # CUDA has no deterministic torch.median; the lower one of two medians, as there.
    pairs = squared[..., i, j].sort(-1).values
    median = pairs[..., (pairs.shape[-1] - 1) // 2]
    return median.clamp_min(1e-12).sqrt()[..., None, None]


def _off_diagonal_mean(k: Tensor) -> Tensor:
    n = k.shape[-1]
    return (k.sum((-2, -1)) - k.diagonal(dim1=-2, dim2=-1).sum(-1)) / (n * (n - 1))


def mmd(real: Tensor, fake: Tensor, bandwidth: float | None = None) -> Tensor:
    """Squared maximum mean discrepancy, (..., n, D), (..., m, D) -> (...).

    mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j), unbiased
    and so at times below 0. k is the mean of three Gaussian kernels of 0.5, 1 and 2 times
    `bandwidth`; without one, of the median distance between two samples of the pooled groups
    (a constant to the gradient).

    Arguments:
        real, fake: at least two samples each.
        bandwidth: in the units of the samples; None for the median.

    Source: Gretton et al. (2012), A Kernel Two-Sample Test,
    https://jmlr.org/papers/v13/gretton12a.html
    """
    _at_least_two("maximum mean discrepancy", real, fake)
    n = real.shape[-2]
    pooled = torch.cat([real.detach(), fake], -2)
    pooled = pooled - pooled.detach().mean(-2, keepdim=True)
    squared = _squared_distances(pooled, pooled)
    k = _kernel(squared, bandwidth or _median_distance(squared.detach()))
    within = _off_diagonal_mean(k[..., :n, :n]) + _off_diagonal_mean(k[..., n:, n:])
    return within - 2 * k[..., :n, n:].mean((-2, -1))


@dataclass(frozen=True, kw_only=True)
class Distance:
    """A distance that a warm-up phase can minimise."""

    line: str
    """What it is, in one line."""
    source: str
    """Where it was published."""
    function: Callable[[Tensor, Tensor, Tensor], Tensor]
    """From real (..., n, D), fake (..., n, D) and standard normal (..., K, D) to (...)."""


DISTANCES: Mapping[str, Distance] = {
    "euclidean": Distance(
        line="Euclidean distance of the means",
        source="Li et al. (2015), Generative Moment Matching Networks, "
        "https://arxiv.org/abs/1502.02761",
        function=lambda real, fake, directions: mean_distance(real, fake),
    ),
    "mahalanobis": Distance(
        line="distance of the means in units of the data's covariance",
        source="Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional "
        "covariance matrices, https://doi.org/10.1016/S0047-259X(03)00096-4",
        function=lambda real, fake, directions: mahalanobis_of_means(real, fake),
    ),
    "sliced-wasserstein": Distance(
        line="Wasserstein-2 distance over random directions",
        source="Bonneel et al. (2015), Sliced and Radon Wasserstein Barycenters of Measures, "
        "https://doi.org/10.1007/s10851-014-0506-3",
        function=sliced_wasserstein,
    ),
    "mmd": Distance(
        line="squared maximum mean discrepancy of three Gaussian kernels",
        source="Gretton et al. (2012), A Kernel Two-Sample Test, "
        "https://jmlr.org/papers/v13/gretton12a.html",
        function=lambda real, fake, directions: mmd(real, fake),
    ),
}
"""Distances by name."""
