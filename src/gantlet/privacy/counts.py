"""Counts of values with noise, so that whether any one row is there cannot be told."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from gantlet.privacy.accounting import Spent, gaussian_sigma

__all__ = ["NoisyCounts"]

Key = TypeVar("Key", bound=Hashable)

_THRESHOLDS = 0.1
"""Share of delta that thresholds take; the accountant has the rest."""


@dataclass(frozen=True, kw_only=True)
class NoisyCounts:
    r"""Histograms with Gaussian noise; keys that are not public appear only above a threshold.

    Each row has at most one key of each of k histograms, so that a row more or less changes all
    counts together by at most sqrt(k) in the Euclidean norm: with noise of standard deviation s
    on every count they cost what one step of the Gaussian mechanism with noise s / sqrt(k) costs.
    A key that one row alone has is released with a probability of at most delta_T / k, as the
    threshold is 1 + s Phi^{-1}(1 - delta_T / k); all k such keys with delta_T. What is released is
    (epsilon - log(1 - delta_T), delta + delta_T)-private for the accountant's (epsilon, delta).

    Source: Wilkins et al. (2022), Exact Privacy Analysis of the Gaussian Sparse Histogram
    Mechanism, https://arxiv.org/abs/2202.01100; Korolova et al. (2009), Releasing Search Queries
    and Clicks Privately, https://doi.org/10.1145/1526709.1526733
    """

    spread: float
    """s, in rows."""
    threshold: int
    """In rows; noise is rounded to whole ones, which the threshold allows for."""
    histograms: int
    """k."""
    beyond: float
    """delta_T."""

    @classmethod
    def costing(cls, epsilon: float, delta: float, histograms: int) -> NoisyCounts:
        """Those of k histograms that cost epsilon by themselves, at the delta of a whole run.

        Arguments:
            epsilon, delta: of the counts together.
            histograms: k, at least 1.
        """
        beyond = _THRESHOLDS * delta
        spread = math.sqrt(histograms) * gaussian_sigma(epsilon, delta - beyond)
        # Noise of half a row less may be rounded up to the threshold.
        far = -spread * NormalDist().inv_cdf(beyond / histograms)
        threshold = 1 + math.ceil(far + 0.5)
        return cls(spread=spread, threshold=threshold, histograms=histograms, beyond=beyond)

    @property
    def spent(self) -> Spent:
        """For the accountant."""
        return Spent(self.spread / math.sqrt(self.histograms), 1.0)

    def of(
        self, counts: Mapping[Key, int], draw: np.random.Generator, public: Iterable[Key] = ()
    ) -> dict[Key, int]:
        """Noisy counts of one histogram, the largest first; none is below 0.

        Arguments:
            counts: rows by key.
            draw: where the noise comes from.
            public: keys that are released whatever their counts: they do not come from the rows.
        """
        known = dict.fromkeys(public)
        keys = [*known, *sorted((k for k in counts if k not in known), key=repr)]
        noise = draw.normal(0.0, self.spread, len(keys))
        noisy = {k: counts.get(k, 0) + round(n) for k, n in zip(keys, noise.tolist(), strict=True)}
        kept = {k: max(0, n) for k, n in noisy.items() if k in known or n >= self.threshold}
        return dict(sorted(kept.items(), key=lambda item: (-item[1], repr(item[0]))))
