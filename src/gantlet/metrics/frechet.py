"""Fréchet distance between the Gaussians that share mean and covariance with two sets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.moments import Moments, jackknifed, principal
from gantlet.rng import rows

__all__ = ["frechet", "frechet_estimate", "rank_deficient"]


def frechet(real: Moments, fake: Moments) -> float:
    r"""|mu_r - mu_f|^2 + tr(C_r + C_f - 2 (C_r C_f)^{1/2}); FID on features of Inception.

    No matrix square root is taken. C_r C_f has the eigenvalues of the symmetric L^T C_f L, where
    C_r = L L^T (Cholesky), so that the trace of the root is the sum of their square roots. If
    either covariance is singular to rounding, the trace is the sum of the singular values of
    A_r^T A_f, where C = A A^T by eigenvectors: by the first way, the root of each eigenvalue that
    should be 0 would add about 1e-8.

    The distance is 0 for equal moments, symmetric, unchanged by a rotation of all features, and
    in the squared unit of a feature. Its value on samples is biased upwards, the more the fewer
    they are, and by an amount that depends on the generator (Chong and Forsyth 2020,
    https://arxiv.org/abs/1911.07023): compare at equal n only, and with held-out real data. For
    two sets of n >> D samples of one N(mu, I) it is D (D + 5) / (2 n) on average.

    Arguments:
        real, fake: of at least two samples each, of as many dimensions.

    Raises:
        UsageError: the dimensions differ, or a set has fewer than two samples.

    Source: Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule Converge to a Local
    Nash Equilibrium, https://arxiv.org/abs/1706.08500; Dowson and Landau (1982), The Fréchet
    distance between multivariate normal distributions,
    https://doi.org/10.1016/0047-259X(82)90077-X
    """
    check_sets("Fréchet distance", 1, real=real.mean[None], fake=fake.mean[None])
    shift = (real.mean - fake.mean).square().sum()
    a, b = real.covariance, fake.covariance
    distance = shift + a.trace() + b.trace() - 2 * _trace_of_root(a, b)
    return float(distance.clamp_min(0))


def _trace_of_root(a: Tensor, b: Tensor) -> Tensor:
    """tr (a b)^{1/2} of two covariances, (D, D)."""
    left = _cholesky(a)
    if left is None or _cholesky(b) is None:
        roots: Tensor = torch.linalg.svdvals(_factor(a).mT @ _factor(b))
    else:
        roots = torch.linalg.eigvalsh(left.mT @ b @ left).clamp_min(0).sqrt()
    return roots.sum()


def _cholesky(covariance: Tensor) -> Tensor | None:
    """L of the covariance L L^T; None if it is singular to rounding.

    Rounding may let a singular covariance pass. Its smallest eigenvalue, by inverse iteration, is
    then within rounding of 0.
    """
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        return None
    v = rows(0, "inverse-iteration", 0, len(factor), ()).to(factor)[:, None]
    for _ in range(3):
        v = torch.cholesky_solve(v / torch.linalg.vector_norm(v), factor)
    smallest = 1 / torch.linalg.vector_norm(v)
    rounding = len(factor) * torch.finfo(factor.dtype).eps * covariance.trace()
    return factor if smallest > rounding else None


def _factor(covariance: Tensor) -> Tensor:
    """A of the covariance A A^T, (D, rank)."""
    values, vectors = principal(covariance)
    return vectors * values.sqrt()


def frechet_estimate(real: Sequence[Moments], fake: Sequence[Moments]) -> Estimate:
    """The Fréchet distance of all samples, with an interval from a jackknife.

    `jackknifed` says how groups of both sets are left out; g groups take g + 1 distances. The
    interval shows what chance does to the value at these numbers of samples. It does not remove
    the bias of `frechet`, and need not hold the distance of infinitely many samples.

    Arguments:
        real, fake: from `grouped`, as many groups of each.
    """
    return jackknifed(frechet, real, fake)


def rank_deficient(moments: Moments) -> bool:
    """Whether there are too few samples, n <= D, for a covariance of full rank.

    The distance is still defined then, but tells little beside its bias: say so.
    """
    return moments.count <= len(moments.mean)
