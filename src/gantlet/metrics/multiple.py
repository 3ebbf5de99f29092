"""Many numbers against their floors at once, so that chance alone seldom condemns any of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from gantlet.metrics.estimate import Estimate, Z

__all__ = ["deviation", "holm", "inverse", "upper_tail"]


def deviation(value: Estimate, floor: Estimate, better: Literal["lower", "higher"]) -> float:
    r"""By how many standard errors a number is worse than its floor; negative where it is better.

    The variance of the difference is recovered from the two intervals. For a number of which
    lower is better, with 95 % limits l and u,

        z = 1.96 (value - floor) / \sqrt{ (value - value_l)^2 + (floor_u - floor)^2 },

    which takes from each interval the side that faces the other, so that skewed intervals (of
    shares near 0 or 1) count as they are; for two Wilson intervals this is Newcombe's hybrid
    score of 1998. The two are taken as independent: that they share a reference makes the
    difference vary less, and the test err to the safe side.

    Source: Zou and Donner (2008), Construction of Confidence Limits About Effect Measures,
    https://doi.org/10.1002/sim.3095
    """
    sign = 1 if better == "lower" else -1
    near, far = (value.low, floor.high) if better == "lower" else (value.high, floor.low)
    gap, error = (
        sign * (value.value - floor.value),
        math.hypot(value.value - near, floor.value - far),
    )
    if error == 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return Z * gap / error


def inverse(estimate: Estimate) -> Estimate:
    """1 / x and its interval, for x above 0 or infinite: of a rate where x is a number of things.

    Such an x has an interval that reaches far up, or without end, while that of the rate is nearly
    symmetric and ends.
    """
    value, low, high = (
        1 / x if x else math.inf for x in (estimate.value, estimate.high, estimate.low)
    )
    return Estimate(value, low, high, estimate.how)


def upper_tail(z: float) -> float:
    """P(Z >= z) for a standard normal Z."""
    return math.erfc(z / math.sqrt(2)) / 2


def holm(p: Sequence[float]) -> list[float]:
    r"""Probabilities of m tests, adjusted so that all tests together err with the rate of one.

    In ascending order p_(1) <= ... <= p_(m), the adjusted ones are

        \max_{j <= i} \min(1, (m - j + 1) p_(j)).

    Whoever rejects where the adjusted probability is at most 0.05 rejects any true hypothesis
    with a probability of at most 0.05, however the tests depend on each other.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure,
    https://www.jstor.org/stable/4615733
    """
    p = [1.0 if math.isnan(one) else one for one in p]  # nothing is known against it
    adjusted, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = least
    return adjusted
