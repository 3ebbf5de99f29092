"""A number and its 95 % interval, and the ways to come by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.rng import permutation

__all__ = [
    "GROUPS",
    "Estimate",
    "Z",
    "groups",
    "jackknife",
    "mean_of",
    "normal",
    "student",
    "wilson",
]

GROUPS = 10
"""Groups of samples that a jackknife leaves out in turn."""

Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""
_FEW = (12.706204736174705, 4.302652729749464, 3.182446305283709, 2.776445105197793)
"""That of Student's distribution with 1 to 4 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval [low, high]."""

    value: float
    low: float
    high: float
    how: str
    """How the interval came about, in a few words."""


def _around(value: float, reach: float, how: str) -> Estimate:
    return Estimate(value, value - reach, value + reach, how)


def normal(value: float, standard_error: float, how: str) -> Estimate:
    """value +- 1.96 standard errors."""
    return _around(value, Z * standard_error, how)


def student(value: float, standard_error: float, freedom: int, how: str) -> Estimate:
    """value +- t standard errors, where the standard error has few degrees of freedom itself.

    t is the 97.5 % quantile of Student's distribution: 12.7 for 1 degree of freedom, 2.26 for 9,
    1.96 for many. Beyond 4 degrees its expansion in their inverse is used, exact to 2e-4.

    Source: Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.7.5
    """
    z, v = Z, freedom
    series = (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
    return _around(value, (_FEW[v - 1] if v <= len(_FEW) else series) * standard_error, how)


def mean_of(terms: Tensor) -> Estimate:
    """The mean of independent terms, shape (N,), with Student's interval of s / sqrt(N).

    Raises UsageError for fewer than two terms.
    """
    n = len(terms)
    if n < 2:
        raise UsageError("a mean", expected="at least 2 terms", received=str(n))
    exact = terms.to("cpu", torch.float64)
    return student(float(exact.mean()), float(exact.std() / n**0.5), n - 1, "Student's t")


def wilson(hits: int, n: int) -> Estimate:
    """A share of n trials, with Wilson's score interval.

    Raises UsageError if n is not positive or hits are not from 0 to n.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference,
    https://doi.org/10.1080/01621459.1927.10502953
    """
    if n < 1 or not 0 <= hits <= n:
        raise UsageError("a share", expected="0 <= hits <= n, n > 0", received=f"{hits} of {n}")
    p, z2 = hits / n, Z**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)) ** 0.5
    # At 0 and n hits one end equals p, but for rounding.
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Estimate(p, min(p, low), max(p, high), "Wilson")


def groups(n: int, count: int = GROUPS) -> tuple[Tensor, ...]:
    """The indices of n samples in `count` groups of sizes that differ by at most one.

    Which sample falls into which group is random, so that samples in an order (by class, say)
    make no odd groups, and the same at every call.

    Raises UsageError for fewer than two groups or fewer samples than groups.
    """
    if not 2 <= count <= n:
        raise UsageError(
            "groups of samples",
            expected=f"at least 2 groups and a sample for each of {count}",
            received=f"{n} samples",
        )
    return permutation(0, "jackknife", 0, n).tensor_split(count)


def jackknife(value: float, left_out: Sequence[float]) -> Estimate:
    r"""The interval of a smooth statistic from its values with one of g groups left out.

    With \theta_i the statistic without group i and \bar\theta their mean, the variance is
    (g - 1) / g \sum_i (\theta_i - \bar\theta)^2; it has g - 1 degrees of freedom. The interval is
    that of chance alone: a bias of the statistic stays in the value.

    Raises UsageError for fewer than two groups.

    Source: Efron and Stein (1981), The Jackknife Estimate of Variance, https://doi.org/10.1214/aos/1176345462
    """
    g = len(left_out)
    if g < 2:
        raise UsageError("a jackknife", expected="at least 2 groups", received=str(g))
    centre = sum(left_out) / g
    variance = (g - 1) / g * sum((theta - centre) ** 2 for theta in left_out)
    return student(value, variance**0.5, g - 1, f"jackknife over {g} groups")
