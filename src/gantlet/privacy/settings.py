"""What a person may choose about privacy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Interval

__all__ = ["ColumnPrivacy", "Privacy"]

Share = Annotated[float, Interval(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class ColumnPrivacy:
    """What bounds and categories of columns that are not public may cost."""

    epsilon: Annotated[float, Gt(0)]
    """Epsilon of their counts, taken by themselves."""
    delta: Share | None = None
    """Delta of the whole run; none: 1 / (10 rows)."""


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """(epsilon, delta)-differential privacy of a run, for tables that differ by one row.

    Source: Abadi et al. (2016), Deep Learning with Differential Privacy, https://arxiv.org/abs/1607.00133
    """

    epsilon: Annotated[float, Gt(0)] = 3.0
    """Budget of the whole run: columns and training together. It is never exceeded."""
    delta: Share | None = None
    """Delta; none: 1 / (10 rows)."""
    columns: Share = 0.2
    """Share of epsilon that bounds and categories of columns that are not public cost, taken by
    themselves; none is taken where all are public."""
    clip: Annotated[float, Gt(0)] = 1.0
    """C: Euclidean norm to which the gradient of each row is cut."""
    sigma: Annotated[float, Gt(0)] | None = None
    """Standard deviation of the noise, over C; none: the smallest with which the steps spend the
    budget."""
    steps: Annotated[int, Ge(1)] | None = None
    """Critic steps after which the run has spent its budget and ends; none: those of
    stop.samples, or with a sigma as many as the budget allows."""
