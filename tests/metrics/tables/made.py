"""Tables of a known law, as the metrics see them, and samplers that copy."""

from __future__ import annotations

import numpy as np

from gantlet.metrics.tables.records import Records

__all__ = ["drawn", "of", "repeated"]


def of(numbers, choices, missing=None):
    """Records of given numbers (N, P) and codes (N, Q)."""
    numbers, choices = np.asarray(numbers, float), np.asarray(choices, np.int64)
    return Records(
        numbers,
        choices,
        tuple(f"x{i}" for i in range(numbers.shape[1])),
        tuple(f"c{i}" for i in range(choices.shape[1])),
        tuple(missing or [-1] * choices.shape[1]),
    )


def drawn(n, seed):
    """Two numbers, the first with missing values and rounded, and three choices that depend."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(size=n)
    first = np.round(hidden + draw.normal(size=n), 1)
    first[draw.random(n) < 0.1] = np.nan
    second = np.exp(hidden + 0.5 * draw.normal(size=n))
    codes = [(hidden + draw.normal(size=n) > cut).astype(int) for cut in (-1, 0)]
    codes.append(draw.integers(0, 5, n))
    return of(np.stack([first, second], 1), np.stack(codes, 1))


def repeated(n, seed, kinds=40):
    """Rows of choices alone that recur: of some kinds, a few common ones and many rare."""
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, kinds + 1)
    kind = draw.choice(kinds, n, p=share / share.sum())
    return of(np.zeros((n, 0)), np.stack([kind % 5, kind // 5], 1))
