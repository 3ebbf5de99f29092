"""Whether a classifier can tell generated samples from real ones that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from gantlet.errors import unknown
from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.neighbours import exact
from gantlet.rng import permutation

__all__ = ["CLASSIFIERS", "TwoSample", "chance_of", "two_sample"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TwoSample:
    """How well a classifier told generated samples from real ones."""

    accuracy: Estimate
    """Share of the held-out half that it named rightly: 1/2 if it cannot, 1 if always."""
    p: float
    """Probability of at least this accuracy by guessing."""


def _neighbours(n: int) -> KNeighborsClassifier:
    return KNeighborsClassifier(math.isqrt(n) | 1, algorithm="brute")  # odd: votes never tie


CLASSIFIERS: Mapping[str, Callable[[int], Any]] = {
    "logistic": lambda n: LogisticRegression(max_iter=1000),
    "neighbours": _neighbours,
}
"""From the number of training samples to a classifier of scikit-learn. Logistic regression
sees means that differ, the vote of the sqrt(n) nearest neighbours also shapes and gaps."""


def two_sample(
    real: Tensor, fake: Tensor, *, classifier: str = "logistic", seed: int = 0
) -> TwoSample:
    """Accuracy of a classifier trained on one half of both sets, on the other half.

    As many real as generated samples are taken, the first of a shuffle by `seed`, so that
    guessing has 1/2; the two halves share none. Features are standardised by the training half.
    Wilson's interval, given the classifier. p is exact, P(Binomial(n, 1/2) >= hits): it is at
    most too large, as guesses of a fixed classifier on as many of both vary less.

    Arguments:
        real, fake: shapes (N, D) and (M, D).
        classifier: a name in `CLASSIFIERS`.

    Raises:
        UsageError: fewer than 8 samples, D unlike, numbers that are not finite, an unknown name.

    Source: Lopez-Paz and Oquab (2017), Revisiting Classifier Two-Sample Tests,
    https://arxiv.org/abs/1610.06545
    """
    if classifier not in CLASSIFIERS:
        raise unknown("classifier", classifier, CLASSIFIERS)
    check_sets("two-sample test", 8, real=real, fake=fake)
    count = min(len(real), len(fake)) // 2
    halves = [_halves(x, count, seed, name) for name, x in (("real", real), ("fake", fake))]
    seen, new = (np.concatenate(half) for half in zip(*halves, strict=True))
    is_real = np.arange(2 * count) < count
    judge = make_pipeline(StandardScaler(), CLASSIFIERS[classifier](2 * count))
    hits = int((judge.fit(seen, is_real).predict(new) == is_real).sum())
    return TwoSample(wilson(hits, 2 * count), chance_of(hits, 2 * count))


def _halves(x: Tensor, count: int, seed: int, name: str) -> tuple[Array, Array]:
    """`count` samples to learn from and as many others to be judged by."""
    chosen = permutation(seed, f"two-sample/{name}", 0, len(x))[: 2 * count].to(x.device)
    both = exact(x[chosen]).cpu().numpy()
    return both[:count], both[count:]


def chance_of(hits: int, n: int) -> float:
    """P(Binomial(n, 1/2) >= hits)."""
    k = torch.arange(hits, n + 1, dtype=torch.float64)
    choices = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return min(1.0, float(torch.logsumexp(choices - n * math.log(2), 0).exp()))
