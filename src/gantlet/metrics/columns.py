"""Columns of a table as metrics see them, and scores of them that can be averaged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.metrics.estimate import GROUPS, Estimate, groups, jackknife, normal

__all__ = ["UNDEFINED", "Choice", "Numeric", "Score", "Values", "averaged", "group_of", "without"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Numeric:
    """A column of numbers or times."""

    x: Floats
    """Shape (N,), NaN where a value is missing."""

    def __len__(self) -> int:
        return len(self.x)

    @property
    def absent(self) -> NDArray[np.bool_]:
        """Which values are missing, (N,)."""
        return np.isnan(self.x)


@dataclass(frozen=True, eq=False)
class Choice:
    """A column of categories or truth values."""

    codes: NDArray[np.int64]
    """Shape (N,), from 0 to `count` - 1; -1 where a value is missing."""
    count: int
    """Values that any of the tables compared has."""

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def absent(self) -> NDArray[np.bool_]:
        """Which values are missing, (N,)."""
        return self.codes < 0


Values: TypeAlias = Numeric | Choice


@dataclass(frozen=True, eq=False)
class Score:
    """A score of a column or a pair of columns against real rows, from 0 to 1."""

    value: float
    """NaN where it is not defined."""
    left_out: Floats
    """The same without each of the groups of generated rows in turn, (GROUPS,)."""
    error: float
    """Its standard error, the real rows being held fixed."""

    @property
    def is_defined(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    @property
    def estimate(self) -> Estimate:
        """The score with its interval, from 0 to 1."""
        found = normal(self.value, self.error, "normal, real rows fixed")
        return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.how)

    @classmethod
    def of(cls, values: Floats, error: float) -> Score:
        """From the score of all rows and those without each group, (1 + GROUPS,).

        One that is not defined without a group stays as it is with it.
        """
        left_out = np.where(np.isnan(values[1:]), values[0], values[1:])
        return cls(float(values[0]), left_out, error)


UNDEFINED = Score(math.nan, np.full(GROUPS, math.nan), math.nan)
"""Of a column that has no values."""


def averaged(*families: Iterable[Score]) -> Estimate:
    """The mean of the scores that are defined, with a jackknife over groups of rows.

    Of several families the mean of their means. Columns depend on each other, which their errors
    one by one would not tell.

    Raises UsageError where none is defined.
    """
    known = [[score for score in family if score.is_defined] for family in families]
    if not all(known):
        raise UsageError("a mean over columns", expected="a column of this kind", received="none")
    value = fmean(fmean(score.value for score in family) for family in known)
    without_each = [np.mean([score.left_out for score in family], axis=0) for family in known]
    found = jackknife(value, np.mean(without_each, axis=0).tolist())
    how = f"{found.how}, real rows fixed"
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), how)


@lru_cache(maxsize=16)
def group_of(n: int) -> NDArray[np.int64]:
    """The group from 0 to GROUPS - 1 of each of n rows, (n,)."""
    found = np.empty(n, dtype=np.int64)
    for group, rows in enumerate(groups(n)):
        found[rows.numpy()] = group
    return found


def without(cells: NDArray[np.int64], group: NDArray[np.int64], count: int) -> Floats:
    """Counts of cells 0 ... count - 1 among all rows and without each group, (1 + GROUPS, count).

    Arguments:
        cells, group: of each row, (N,).
    """
    each = np.bincount(group * count + cells, minlength=GROUPS * count)
    parts = each.reshape(GROUPS, count).astype(np.float64)
    whole = parts.sum(0)
    return np.concatenate([whole[None], whole - parts])
