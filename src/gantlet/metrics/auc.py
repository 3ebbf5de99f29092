"""How well a score orders two sets: the area under its curve, with its interval."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.diversity import placements
from gantlet.metrics.estimate import Estimate, normal, wilson

__all__ = ["auc", "auc_error", "cautious_auc", "chance_error"]


def auc(high: Tensor, low: Tensor) -> Estimate:
    """P(h > l) + P(h = l) / 2 for scores h and l, shapes (N,) and (M,): 1/2 if they are alike.

    The interval is DeLong's: the variance is that of the `placements` of `high` over N and of
    those of `low` over M. Where all pairs agree and it vanishes, Wilson's of the smaller set
    stands in, which bounds the variance of any such share.

    Raises UsageError for fewer than two scores of either.

    Source: DeLong et al. (1988), Comparing the Areas under Two or More Correlated Receiver
    Operating Characteristic Curves, https://doi.org/10.2307/2531595
    """
    share, error = auc_error(high, low)
    fewer = min(len(high), len(low))
    found = normal(share, error, "DeLong") if error else wilson(round(share * fewer), fewer)
    return _bounded(found)


def cautious_auc(high: Tensor, low: Tensor) -> Estimate:
    """The area of `auc`, with the larger of DeLong's standard error and `chance_error`.

    Where few scores differ from the one that most have, and all of these are on one side, DeLong's
    variance is far too small: an area of 0.501 would be told from 1/2.
    """
    share, error = auc_error(high, low)
    return _bounded(normal(share, max(error, chance_error(high, low)), "DeLong, or of chance"))


def _bounded(found: Estimate) -> Estimate:
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.how)


def chance_error(high: Tensor, low: Tensor) -> float:
    r"""The standard error of the area for two samples of one law, given all scores and ties.

        \sqrt{ (n + 1 - \sum_t (t^3 - t) / (n (n - 1))) / (12 N M) },   n = N + M,

    the sum over groups of t equal scores; shapes (N,) and (M,).
    """
    pairs, n = len(high) * len(low), len(high) + len(low)
    ties = torch.cat([high, low]).unique(return_counts=True)[1].double()
    tied = float((ties**3 - ties).sum()) / (n * (n - 1))
    return math.sqrt(max(0.0, n + 1 - tied) / (12 * pairs))


def auc_error(high: Tensor, low: Tensor) -> tuple[float, float]:
    """The area and its standard error, 0 where all pairs agree; see `auc`."""
    if min(len(high), len(low)) < 2:
        raise UsageError(
            "area under a curve",
            expected="at least 2 scores on each side",
            received=f"{len(high)} and {len(low)}",
        )
    above, below = placements(high, low), placements(low, high)
    variance = float(above.var() / len(above) + below.var() / len(below))
    return float(above.mean()), math.sqrt(variance)
