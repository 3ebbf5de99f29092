"""Whether two columns depend on each other as in the data.

Source: SDMetrics, https://docs.sdv.dev/sdmetrics
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantlet.metrics.columns import (
    UNDEFINED,
    Choice,
    Floats,
    Numeric,
    Score,
    Values,
    group_of,
)
from gantlet.metrics.estimate import GROUPS
from gantlet.metrics.shapes import variation

__all__ = ["BINS", "Trend", "binned", "trend"]

Codes = NDArray[np.int64]

BINS = 10
"""Of equal width, between the smallest and the largest value of the data."""


@dataclass(frozen=True, eq=False)
class Trend:
    """How one pair of columns compares."""

    score: Score
    """1 where they depend on each other as in the data."""
    real: float
    """How in the data: Pearson's correlation of two numbers, from -1 to 1; else Cramér's V, from
    0 to 1. NaN where it is not defined."""
    made: float
    """How among the rows that are compared."""


def trend(real: tuple[Values, Values], fake: tuple[Values, Values]) -> Trend:
    r"""How alike two tables are in how a pair of columns depends on each other.

    Of two numbers 1 - |r - s| / 2 with r and s Pearson's correlations, over rows that have both;
    where s alone is not defined, as one column is constant, it is 0. Of any other pair 1 less the
    total variation between the shares of the pairs of values, numbers in bins (`binned`), missing
    values as a value of their own. The standard errors are those of `shape`.

    Arguments:
        real, fake: the pair of columns of each table.

    Source: SDMetrics, CorrelationSimilarity and ContingencySimilarity, https://docs.sdv.dev/sdmetrics
    """
    match real, fake:
        case (Numeric() as a, Numeric() as b), (Numeric() as c, Numeric() as d):
            return _correlations((a, b), (c, d))
    first, second = (_chosen(a, b) for a, b in zip(real, fake, strict=True))
    return _contingencies((first[0], second[0]), (first[1], second[1]))


def _chosen(real: Values, fake: Values) -> tuple[Choice, Choice]:
    match real, fake:
        case Choice(), Choice():
            return real, fake
        case Numeric(), Numeric():
            return binned(real, fake)
    raise TypeError("a column is of one kind in both tables")


def binned(real: Numeric, fake: Numeric) -> tuple[Choice, Choice]:
    """Both columns in `BINS` bins of equal width over the range of the real one.

    Values beyond it fall into the first and the last bin. Without a finite value there is one bin.
    """
    held = real.x[np.isfinite(real.x)]
    edges = _edges(held)
    found = []
    for column in (real, fake):
        codes = np.searchsorted(edges, column.x, side="right")
        codes[column.absent] = -1
        found.append(Choice(codes.astype(np.int64), BINS))
    return found[0], found[1]


def _edges(held: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between `BINS` bins of equal width; some may be equal where values differ by rounding."""
    if not len(held):
        return np.zeros(0)
    low, high = held.min(), held.max()
    wide = 0.5 if low == high else 0.0
    edges: NDArray[np.float64] = np.linspace(low - wide, high + wide, BINS + 1)[1:-1]
    return edges


def _contingencies(real: tuple[Choice, Choice], fake: tuple[Choice, Choice]) -> Trend:
    n, width = len(real[0]), max(real[1].count, fake[1].count) + 1
    cells = np.concatenate([_cell(*real, width), _cell(*fake, width)])
    places = np.unique(cells, return_inverse=True)[1]
    a, b = places[:n], places[n:]
    return Trend(variation(a, b, group_of(len(fake[0]))), _cramer(*real), _cramer(*fake))


def _cell(first: Choice, second: Choice, width: int) -> Codes:
    cells: Codes = (first.codes + 1) * width + second.codes + 1
    return cells


def _cramer(first: Choice, second: Choice) -> float:
    r"""Cramér's V of n rows with r and c values that occur, corrected for chance.

    With \phi^2 = \chi^2 / n, f = (r - 1)(c - 1) / (n - 1), and r' = r - (r - 1)^2 / (n - 1), c'
    likewise,

        V = \sqrt{ \max(0, \phi^2 - f) / (\min(r', c') - 1) }.

    Source: Bergsma (2013), A Bias-Correction for Cramér's V and Tschuprow's T,
    https://doi.org/10.1016/j.jkss.2012.10.002
    """
    n = len(first)
    sides = [np.unique(c.codes, return_inverse=True, return_counts=True) for c in (first, second)]
    (_, i, rows), (_, j, columns) = sides
    r, c = len(rows), len(columns)
    least = min(k - (k - 1) ** 2 / (n - 1) for k in (r, c)) - 1
    if min(r, c) < 2 or least <= 0:
        return math.nan
    cells, counts = np.unique(i * c + j, return_counts=True)
    expected = rows[cells // c] * columns[cells % c]
    squared = float((counts**2 / expected).sum()) - 1
    return min(1.0, math.sqrt(max(0.0, squared - (r - 1) * (c - 1) / (n - 1)) / least))


def _correlations(real: tuple[Numeric, Numeric], fake: tuple[Numeric, Numeric]) -> Trend:
    r = float(_correlation(real[0].x, real[1].x)[0][0])
    s, error = _correlation(fake[0].x, fake[1].x)
    if math.isnan(r):
        return Trend(UNDEFINED, r, float(s[0]))
    return Trend(Score.of(1 - np.abs(np.nan_to_num(s) - r) / 2, error / 2), r, float(s[0]))


def _correlation(x: Floats, y: Floats) -> tuple[Floats, float]:
    r"""Pearson's r of all rows and without each group, (1 + GROUPS,), and its standard error.

    The error is that of r's influence function, u v - r (u^2 + v^2) / 2 of standardised values u
    and v, or that of the jackknife over groups where it is larger: neither needs a normal
    distribution, and of long tails the first alone is too small.
    """
    kept = np.isfinite(x) & np.isfinite(y)
    x, y, group = x[kept], y[kept], group_of(len(kept))[kept]
    undefined = np.full(1 + GROUPS, math.nan)
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return undefined, 0.0
    u, v = ((z - z.mean()) / z.std() for z in (x, y))
    each = np.array(
        [
            np.bincount(group, weights, minlength=GROUPS)
            for weights in (np.ones(len(u)), u, v, u * u, v * v, u * v)
        ]
    )
    whole = each.sum(1, keepdims=True)
    n, su, sv, suu, svv, suv = np.concatenate([whole, whole - each], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((suu - su**2 / n) * (svv - sv**2 / n))
        r = np.where(spread > 1e-9 * n, (suv - su * sv / n) / spread, math.nan)
    influence = u * v - r[0] * (u * u + v * v) / 2
    parts = r[1:][~np.isnan(r[1:])]
    grouped = (GROUPS - 1) * float(parts.var()) if len(parts) else 0.0
    return np.clip(r, -1, 1), math.sqrt(max(float(np.mean(influence**2)) / len(u), grouped))
