"""Sliced Wasserstein distance between two sets of features of any sizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gantlet.errors import UsageError
from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import GROUPS, Estimate, groups, jackknife
from gantlet.metrics.neighbours import exact
from gantlet.rng import rows

__all__ = ["matching", "sliced_wasserstein"]

_BLOCK = 32
"""Directions along which features are projected at a time."""


def matching(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best matching of n sorted numbers with m, as weights of pairs.

    Quantile u in [0, 1) of the first set is its entry floor(n u), and likewise for the second, so
    that pairs change only where u is a multiple of 1/n or 1/m: at most n + m - 1 pairs.

    Returns:
        Indices into the first set, into the second, and weights that sum to 1, one each a pair.
    """
    ends = torch.cat([torch.arange(n) * m, torch.arange(m) * n, torch.tensor([n * m])]).unique()
    starts = ends[:-1]
    return starts // m, starts // n, ends.diff().to(torch.float64) / (n * m)


def _squared(real: Tensor, fake: Tensor) -> Tensor:
    """W_2^2 of sorted numbers, (K, n), (K, m) -> (K,)."""
    i, j, weights = (t.to(real.device) for t in matching(real.shape[1], fake.shape[1]))
    return (real[:, i] - fake[:, j]).square() @ weights


def _labels(n: int, count: int) -> Tensor:
    """The group of each of n samples, (n,)."""
    labels = torch.empty(n, dtype=torch.long)
    for group, chosen in enumerate(groups(n, count)):
        labels[chosen] = group
    return labels


def _sorted(projected: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each row sorted, (K, n), and the groups of its entries, (K, n)."""
    values, order = projected.sort(1)
    return values, labels.to(order.device)[order]


def _without(values: Tensor, labels: Tensor, group: int) -> Tensor:
    """Sorted rows without the entries of a group."""
    return values[labels != group].view(len(values), -1)


def _along(real: Tensor, fake: Tensor, theta: Tensor, labels: Sequence[Tensor]) -> Tensor:
    """W_2^2 along directions (K, D): of all samples and without each group, (K, 1 + count)."""
    theta = theta.to(real.device)
    (x, of_x), (y, of_y) = (
        _sorted(theta @ features.mT, of) for features, of in zip((real, fake), labels, strict=True)
    )
    count = int(labels[0].max()) + 1
    left_out = [_squared(_without(x, of_x, i), _without(y, of_y, i)) for i in range(count)]
    return torch.stack([_squared(x, y), *left_out], 1)


def sliced_wasserstein(
    real: Tensor, fake: Tensor, *, directions: int = 256, seed: int = 0, count: int = GROUPS
) -> Estimate:
    """(mean over directions of W_2^2 of the projections)^1/2, in the unit of a feature.

    In one dimension W_2^2 is the mean squared difference of equal quantiles, exact for sets of
    any sizes (`matching`). For two Gaussians with covariance s^2 I whose means differ by v it is
    about |v| / sqrt(D). Above 0 by chance: compare at equal n, and with held-out real data.

    The interval is a jackknife over groups of both sets, group i of each left out together, with
    the directions held: it tells what other samples would do, not other directions.

    Arguments:
        real, fake: shapes (N, D) and (M, D), at least `count` samples each.
        directions: how many; uniform on the sphere, a function of `seed` and D alone.
        count: groups of the jackknife.

    Raises:
        UsageError: no direction, too few samples, other dimensions in each set, or features not
            finite.

    Source: Bonneel et al. (2015), Sliced and Radon Wasserstein Barycenters of Measures,
    https://doi.org/10.1007/s10851-014-0506-3
    """
    what = "sliced Wasserstein distance"
    check_sets(what, 2, real=real, fake=fake)
    if directions < 1:
        raise UsageError(what, expected="at least 1 direction", received=str(directions))
    labels = [_labels(len(features), count) for features in (real, fake)]
    drawn = rows(seed, "sliced-wasserstein", 0, directions, (real.shape[1],))
    x, y = exact(real), exact(fake)
    parts = [
        _along(x, y, theta, labels) for theta in normalize(drawn.double(), dim=1).split(_BLOCK)
    ]
    value, *left_out = torch.cat(parts).mean(0).sqrt().tolist()
    return jackknife(value, left_out)
