"""How many different samples a generator can make, from how often it repeats itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate

__all__ = ["poisson_limits", "support_size"]

_TAIL = 0.025
_HALVINGS = 100


def support_size(twins: Tensor) -> Estimate:
    r"""The number of samples N that a generator draws from, by the birthday paradox.

    Among s draws from N equally likely samples, C pairs are twins, with

        E C = s (s - 1) / (2 N),    P(C = 0) ~ \exp(-s (s - 1) / (2 N)),

    so that N is estimated by s (s - 1) / (2 C). Where samples are not equally likely, this
    estimates 1 / \sum_i p_i^2, which is less than the number of samples possible.

    The interval takes C as Poisson. Samples of unequal probability make C vary \phi times as
    much, by the variance of a U-statistic: with \theta = 2 C / (s (s - 1)) and d_i the twins of
    sample i,

        \phi = 1 - \theta + 2 (s - 2) \zeta / \theta,
        \zeta = \sum_i d_i (d_i - 1) / (s (s - 1) (s - 2)) - \theta^2,

    at least 1, and then C / \phi is taken as Poisson. Without twins there is no estimate: the
    value and the upper limit are infinite, and the lower limit is what P(C = 0) = 0.025 gives.

    Arguments:
        twins: how many others are twins of each sample, shape (s,): `neighbours.identical`,
            `neighbours.within` a threshold, or for pairs (i, j) of indices, each pair once,
            `torch.bincount(pairs.flatten(), minlength=s)`.

    Raises:
        UsageError: fewer than three samples, or a number of twins that cannot be.

    Source: Arora and Zhang (2017), Do GANs actually learn the distribution? An empirical study,
    https://arxiv.org/abs/1706.08224
    """
    s = len(twins)
    d = twins.cpu().double()
    if s < 3 or bool(((d < 0) | (d >= s)).any()):
        raise UsageError(
            "support size",
            expected="at least 3 samples, each with 0 to s - 1 twins",
            received=f"{s} samples",
        )
    most, pairs = s * (s - 1) / 2, float(d.sum()) / 2
    if not pairs:
        bound = most / poisson_limits(0)[1]
        return Estimate(math.inf, bound, math.inf, "no twins found: a lower bound only")
    theta = pairs / most
    zeta = max(0.0, float((d * (d - 1)).sum()) / (2 * most * (s - 2)) - theta**2)
    spread = max(1.0, 1 - theta + 2 * (s - 2) * zeta / theta)
    low, high = (spread * limit for limit in poisson_limits(pairs / spread))
    return Estimate(most / pairs, most / high, most / low, "Poisson number of twins")


def poisson_limits(count: float) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean after `count` events.

    The 2.5 % quantile of a Gamma(count) and the 97.5 % quantile of a Gamma(count + 1) variable.

    Source: Garwood (1936), Fiducial Limits for the Poisson Distribution,
    https://doi.org/10.1093/biomet/28.3-4.437
    """
    low = _gamma_quantile(count, _TAIL) if count else 0.0
    return low, _gamma_quantile(count + 1, 1 - _TAIL)


def _gamma_quantile(shape: float, p: float) -> float:
    """Where the distribution function of a Gamma(shape) variable is p, by bisection."""
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 10
    a = torch.tensor(shape, dtype=torch.float64)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if torch.special.gammainc(a, a.new_tensor(middle)) < p:
            low = middle
        else:
            high = middle
    return high
