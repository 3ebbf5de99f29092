"""Rows as vectors that learners take: fitted on the rows they learn from, on no others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder

from gantlet.errors import UsageError
from gantlet.metrics.tables.records import Records

__all__ = ["MOST_CATEGORIES", "Features"]

MOST_CATEGORIES = 32
"""Of one column: the rarer ones share a place."""


class Features:
    """Numbers standardised, choices as one-hots, float32.

    A missing number is the mean, with a flag of its own where any is missing in the rows that are
    learned from; infinities are the largest and smallest number there. Categories never seen
    there have no place, or that of the rare ones.

    Arguments:
        rows: what is learned from.
    """

    def __init__(self, rows: Records) -> None:
        if not rows.names or not len(rows):
            raise UsageError(
                "rows to learn from",
                expected="at least one row and one column",
                received=f"{len(rows)} rows, {len(rows.names)} columns",
            )
        x = rows.numbers
        finite = np.where(np.isfinite(x), x, np.nan)
        known = np.isfinite(x).any(0)
        held = np.where(known, finite, 0.0)
        self._ends = np.nanmin(held, 0), np.nanmax(held, 0)
        self._mean = np.nanmean(held, 0)
        deviation = np.nanstd(held, 0)
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._flags = np.isnan(x).any(0)
        self._codes = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=MOST_CATEGORIES,
            sparse_output=False,
            dtype=np.float32,
        )
        if rows.choices.shape[1]:
            self._codes.fit(rows.choices)

    def __call__(self, rows: Records) -> NDArray[np.float32]:
        """Vectors of rows, (N, D)."""
        gone = np.isnan(rows.numbers)
        x = (rows.numbers.clip(*self._ends) - self._mean) / self._scale
        parts = [np.where(gone, 0.0, x), gone[:, self._flags]]
        if rows.choices.shape[1]:
            parts.append(self._codes.transform(rows.choices))
        vectors: NDArray[np.float32] = np.concatenate(parts, 1, dtype=np.float32)
        return vectors
