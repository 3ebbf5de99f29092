"""A mixture of Gaussians on a line, fitted to weighted values by expectation and maximisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mixture", "fitted", "uniform_of"]

Values = NDArray[np.float64]

_BINS = 1_000
"""Weighted values that a fit looks at, at most: more are brought together by quantiles."""
_ROWS = 10_000
"""Rows beyond which more of them do not make small components believable."""
_STEPS, _STILL = 200, 1e-6
_LEAST = 0.005
"""Share below which a component is left out (as in arXiv 1907.00503)."""
_NARROW = 1e-3
"""Smallest standard deviation, over that of all values."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """K Gaussians in the order of their means."""

    weights: Values
    means: Values
    stds: Values

    def posterior(self, x: Values) -> Values:
        """The probability of each component given each value, (N, K)."""
        return _shares(_log_joint(x, self.weights, self.means, self.stds))[0]


def fitted(x: Values, counts: Values, components: int, fewest: int = 1) -> Mixture:
    """The mixture of at most `components` Gaussians that fits values with their counts.

    Weights are those of the minimum message length: w_k grows with max(0, n_k - 1), with n_k the
    rows of component k, at most 10,000 in all, so that needless components vanish.

    Arguments:
        x: distinct finite values in ascending order, shape (N,), N of at least 1.
        counts: how many rows have each, shape (N,).
        components: K to begin with.
        fewest: rows below which a component vanishes.

    Source: Figueiredo and Jain (2002), Unsupervised Learning of Finite Mixture Models,
    https://doi.org/10.1109/34.990138
    """
    total = float(counts.sum())
    x, counts = _binned(x, counts)
    share = counts / counts.sum()
    mean = float(share @ x)
    std = float(np.sqrt(share @ (x - mean) ** 2))
    if std == 0 or len(x) < 3:
        return Mixture(np.ones(1), np.array([mean]), np.array([std or 1.0]))
    rows, narrow = min(total, _ROWS), _NARROW * std
    k = min(components, len(x))
    means = np.interp((np.arange(k) + 0.5) / k, np.cumsum(share) - share / 2, x)
    stds, weights = np.full(k, std / k), np.full(k, 1 / k)
    before = -np.inf
    for _ in range(_STEPS):
        shares, likelihood = _shares(_log_joint(x, weights, means, stds))
        weighted = shares * share[:, None]
        mass = weighted.sum(0)
        kept = ((rows * mass > 1) & (total * mass >= fewest)) | (mass == mass.max())
        mass, weighted = mass[kept], weighted[:, kept]
        means = x @ weighted / mass
        spread = (weighted * (x[:, None] - means) ** 2).sum(0) / mass
        stds = np.sqrt(spread).clip(narrow)
        weights = _normal((rows * mass - 1).clip(1e-9))
        now = float(share @ likelihood)
        if len(mass) == len(kept) and now - before < _STILL:
            break
        before = now
    return _tidy(weights, means, stds)


def uniform_of(values: Values) -> Values:
    """A number in [0, 1) for each value, as if drawn at random, the same for equal values.

    Source: Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators,
    https://doi.org/10.1145/2660193.2660195
    """
    h = np.ascontiguousarray(values + 0.0, np.float64).view(np.uint64)  # -0 is 0
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h = h ^ (h >> np.uint64(31))
    return (h >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _binned(x: Values, counts: Values) -> tuple[Values, Values]:
    """Weighted means of neighbours, in at most `_BINS` parts of about equal weight."""
    if len(x) <= _BINS:
        return x, counts
    middle = np.cumsum(counts) - counts / 2
    part = np.minimum((middle / counts.sum() * _BINS).astype(np.int64), _BINS - 1)
    weight = np.bincount(part, counts, _BINS)
    total = np.bincount(part, counts * x, _BINS)
    full = weight > 0
    return total[full] / weight[full], weight[full].astype(np.float64)


def _log_joint(x: Values, weights: Values, means: Values, stds: Values) -> Values:
    """log w_k N(x | mean_k, std_k), (N, K)."""
    z = (x[:, None] - means) / stds
    joint: Values = np.log(weights / (stds * np.sqrt(2 * np.pi))) - z**2 / 2
    return joint


def _shares(log_joint: Values) -> tuple[Values, Values]:
    """Posterior (N, K) and log-likelihood (N,)."""
    top = log_joint.max(1, keepdims=True)
    parts = np.exp(log_joint - top)
    total = parts.sum(1, keepdims=True)
    return parts / total, (top + np.log(total))[:, 0]


def _normal(weights: Values) -> Values:
    normal: Values = weights / weights.sum()
    return normal


def _tidy(weights: Values, means: Values, stds: Values) -> Mixture:
    kept = weights >= min(_LEAST, float(weights.max()))
    order = np.flatnonzero(kept)[np.argsort(means[kept], kind="stable")]
    return Mixture(_normal(weights[order]), means[order], stds[order])
