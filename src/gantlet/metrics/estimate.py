"""A number and its 95 % interval, and the ways to come by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError

__all__ = ["Estimate", "jackknife", "mean_of", "normal", "wilson"]

_Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval [low, high]."""

    value: float
    low: float
    high: float
    how: str
    """How the interval came about, in a few words."""


def normal(value: float, standard_error: float, how: str) -> Estimate:
    """value +- 1.96 standard errors."""
    reach = _Z * standard_error
    return Estimate(value, value - reach, value + reach, how)


def mean_of(terms: Tensor) -> Estimate:
    """The mean of independent terms, shape (N,), with the normal interval of s / sqrt(N).

    Raises UsageError for fewer than two terms.
    """
    if len(terms) < 2:
        raise UsageError("a mean", expected="at least 2 terms", received=str(len(terms)))
    exact = terms.to(torch.float64)
    return normal(float(exact.mean()), float(exact.std() / len(exact) ** 0.5), "normal")


def wilson(hits: int, n: int) -> Estimate:
    """A share of n trials, with Wilson's score interval.

    Raises UsageError if n is not positive or hits are not from 0 to n.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference,
    https://doi.org/10.1080/01621459.1927.10502953
    """
    if n < 1 or not 0 <= hits <= n:
        raise UsageError("a share", expected="0 <= hits <= n, n > 0", received=f"{hits} of {n}")
    p, z2 = hits / n, _Z**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)) ** 0.5
    return Estimate(p, max(0.0, middle - reach), min(1.0, middle + reach), "Wilson")


def jackknife(value: float, left_out: Sequence[float]) -> Estimate:
    r"""The interval of a smooth statistic from its values with one of g groups left out.

    With \theta_i the statistic without group i and \bar\theta their mean, the variance is
    (g - 1) / g \sum_i (\theta_i - \bar\theta)^2. Raises UsageError for fewer than two groups.

    Source: Efron and Stein (1981), The Jackknife Estimate of Variance, https://doi.org/10.1214/aos/1176345462
    """
    g = len(left_out)
    if g < 2:
        raise UsageError("a jackknife", expected="at least 2 groups", received=str(g))
    centre = sum(left_out) / g
    variance = (g - 1) / g * sum((theta - centre) ** 2 for theta in left_out)
    return normal(value, variance**0.5, f"jackknife over {g} groups")
