"""Distances between the means of two sets of features."""

from __future__ import annotations

import torch

from gantlet.errors import UsageError
from gantlet.metrics.checks import check_sets
from gantlet.metrics.moments import Moments, principal

__all__ = ["euclidean", "mahalanobis"]

_ROUNDING = 1e-10
"""Share of the means' length below which a difference counts as none."""


def euclidean(real: Moments, fake: Moments) -> float:
    """|mu_f - mu_r|, in the unit of a feature; `jackknifed(euclidean, ...)` gives its interval.

    Above 0 by chance: for equal distributions its square is tr(C) (1/n + 1/m) on average.
    Raises UsageError if the dimensions differ.
    """
    check_sets("distance of means", 1, real=real.mean[None], fake=fake.mean[None])
    return float(torch.linalg.vector_norm(fake.mean - real.mean))


def mahalanobis(real: Moments, fake: Moments) -> float:
    r"""sqrt(d^T S^+ d), d = mu_f - mu_r: the distance of means in standard deviations.

    S = (scatter_r + scatter_f) / (n + m - 2) is the pooled covariance, as in Hotelling's test,
    and S^+ its pseudo-inverse, so that features that are constant in both sets do no harm. Affine
    maps of all features change nothing. For equal distributions the square is about
    D (1/n + 1/m) on average. The loss `distances.mahalanobis_of_means` shrinks the covariance of
    the real samples instead, to be regular for small groups.

    `jackknifed(mahalanobis, ...)` gives its interval.

    Raises:
        UsageError: the dimensions differ; there are fewer than three samples; or d leaves the
            span of S, where the distance is infinite: too few samples, or constant features that
            differ.

    Source: Mahalanobis (1936), On the generalised distance in statistics; Hotelling (1931), The
    Generalization of Student's Ratio, https://doi.org/10.1214/aoms/1177732979
    """
    what = "Mahalanobis distance of means"
    check_sets(what, 1, real=real.mean[None], fake=fake.mean[None])
    freedom = real.count + fake.count - 2
    if min(real.count, fake.count) < 1 or freedom < 1:
        raise UsageError(
            what,
            expected="at least 3 samples, of both sets",
            received=f"{real.count} real and {fake.count} generated",
        )
    d = fake.mean - real.mean
    values, vectors = principal((real.scatter + fake.scatter) / freedom)
    along = vectors.mT @ d
    outside = torch.linalg.vector_norm(d - vectors @ along)
    if outside > _limit(real, fake, values):
        raise UsageError(
            what,
            expected="means that differ only where features vary within a set",
            received=f"a difference of {float(outside):.3g} elsewhere: infinitely many "
            "standard deviations",
            remedy="Use more samples than features, or drop features that are constant in "
            "each set",
        )
    return float((along.square() / values).sum().sqrt())


def _limit(real: Moments, fake: Moments, values: torch.Tensor) -> float:
    """What rounding may leave outside the span: of the means, and of the smallest variances."""
    lengths = torch.linalg.vector_norm(real.mean) + torch.linalg.vector_norm(fake.mean)
    least = len(real.mean) * torch.finfo(values.dtype).eps * values.sum()
    return float(_ROUNDING * lengths + least.sqrt())
