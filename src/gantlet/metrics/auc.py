"""How well a score orders two sets: the area under its curve, with its interval."""

from __future__ import annotations

import math

from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.diversity import placements
from gantlet.metrics.estimate import Estimate, normal, wilson

__all__ = ["auc", "auc_error"]


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
    return Estimate(share, max(0.0, found.low), min(1.0, found.high), found.how)


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
