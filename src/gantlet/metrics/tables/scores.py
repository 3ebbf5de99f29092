r"""Scores of predictions with the influence of each row, from which intervals and gains follow.

A score that is a ratio of means, s = \bar a / \bar b, moves with row i by
psi_i = (a_i - s b_i) / \bar b, and its variance is that of psi over n (the delta method). Means of
several scores on the same rows have the mean of their psi, and differences the difference, so
that what two models share cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

import numpy as np
from numpy.typing import NDArray

from gantlet.metrics.estimate import Estimate, normal, student

__all__ = ["Score", "difference", "f1", "macro_f1", "mean", "over_draws", "r2"]


@dataclass(frozen=True, eq=False)
class Score:
    """A score and how much each of n held-out rows moves it."""

    value: float
    influence: NDArray[np.float64]
    """psi, shape (n,), of mean 0."""

    @property
    def variance(self) -> float:
        """That of chance in the choice of the rows."""
        n = len(self.influence)
        return float(self.influence.var(ddof=1)) / n if n > 1 else 0.0

    @property
    def estimate(self) -> Estimate:
        """With its interval, given the models."""
        return normal(self.value, self.variance**0.5, "delta method over held-out rows")


def f1(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> Score:
    """2 TP / (2 TP + FP + FN); 0 where neither has any."""
    a, b = 2.0 * (truth & guess), truth.astype(float) + guess
    if not b.any():
        return Score(0.0, np.zeros(len(b)))
    value = a.sum() / b.sum()
    return Score(float(value), (a - value * b) / b.mean())


def macro_f1(truth: NDArray[np.int64], guess: NDArray[np.int64], classes: Sequence[int]) -> Score:
    """The mean F1 of each class against the rest."""
    return mean([f1(truth == code, guess == code) for code in classes])


def r2(truth: NDArray[np.float64], guess: NDArray[np.float64]) -> Score:
    r"""1 - \sum (y - g)^2 / \sum (y - \bar y)^2; 0 where y is one value."""
    a, b = (truth - guess) ** 2, (truth - truth.mean()) ** 2
    if not b.any():
        return Score(0.0, np.zeros(len(b)))
    lost = a.sum() / b.sum()
    return Score(float(1 - lost), (lost * b - a) / b.mean())


def mean(scores: Sequence[Score]) -> Score:
    """Of scores on the same rows."""
    value = sum(score.value for score in scores) / len(scores)
    return Score(value, np.mean([score.influence for score in scores], 0))


def difference(a: Score, b: Score) -> Score:
    """a - b on the same rows."""
    return Score(a.value - b.value, a.influence - b.influence)


def over_draws(draws: Sequence[Score]) -> Estimate:
    r"""The mean of one score for each of R draws of training rows, on the same held-out rows.

    Its variance is s^2 / R, that over draws, and that of chance in the held-out rows, of the mean
    psi. Student's interval has the degrees of freedom of Welch and Satterthwaite; with one draw
    it is given the draw.
    """
    together, r = mean(draws), len(draws)
    drawn = variance(score.value for score in draws) / r if r > 1 else 0.0
    chance, n = together.variance, len(together.influence)
    total, value = drawn + chance, together.value
    if not total:
        return Estimate(value, value, value, "no draw and no row changes it")
    freedom = total**2 / (drawn**2 / max(1, r - 1) + chance**2 / max(1, n - 1))
    how = f"Student over {r} draws and held-out rows"
    return student(value, total**0.5, max(1, int(freedom)), how)
