"""Each column of a table, generated values over real ones, as plain shapes for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Sides
from gantlet.metrics.columns import Choice, Numeric
from gantlet.report.words import number
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.words import FEWEST

__all__ = ["Bar", "Histogram", "Marginal", "marginals"]

_BINS, _BARS = 24, 8
_WIDTH, _HEIGHT = 240.0, 64.0
"""Of a histogram's drawing, in its own units."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Bar:
    """A category and its share on both sides."""

    name: str
    real: float
    made: float


@dataclass(frozen=True)
class Histogram:
    """Shares of bins on both sides, and what lies at the left, in the middle and at the right."""

    real: Sequence[float]
    made: Sequence[float]
    ends: Sequence[str]

    @property
    def boxes(self) -> list[tuple[float, float, float, float]]:
        """x, y, width and height of each bar of generated values; heights go by square roots."""
        step = _WIDTH / len(self.made)
        heights = self._heights(self.made)
        return [
            (round(i * step + 0.5, 2), round(_HEIGHT - h, 2), round(step - 1, 2), round(h, 2))
            for i, h in enumerate(heights)
            if h > 0
        ]

    @property
    def outline(self) -> str:
        """The line over the bars of real values, as the path of an SVG."""
        step = _WIDTH / len(self.real)
        tops = [f"{_HEIGHT - h:.1f}" for h in self._heights(self.real)]
        steps = [f"V{top}H{(i + 1) * step:.1f}" for i, top in enumerate(tops)]
        return f"M0,{_HEIGHT:.0f}{''.join(steps)}V{_HEIGHT:.0f}"

    def _heights(self, shares: Sequence[float]) -> list[float]:
        most = max([*self.real, *self.made, 1e-9])
        return [(_HEIGHT - 2) * math.sqrt(share / most) for share in shares]


@dataclass(frozen=True, kw_only=True)
class Marginal:
    """One column: how it scores, what is missing, and its values."""

    name: str
    kind: str
    score: float | None
    floor: float | None
    missing: float
    """Share among real rows."""
    made: float
    """Share of missing values among generated rows."""
    bars: Sequence[Bar] = ()
    """Of choices: the commonest categories, then all others together."""
    histogram: Histogram | None = None
    """Of numbers and times."""

    @property
    def most(self) -> float:
        """The largest share of any bar."""
        return max([*(max(bar.real, bar.made) for bar in self.bars), 1e-9])


def marginals(sides: Sides[RowSide], rows: Sequence[Mapping[str, Any]]) -> list[Marginal]:
    """All columns that are learned, those that are farthest below their floors first.

    Categories that fewer than 5 real rows have are not named unless generated rows have them.

    Arguments:
        sides: of the evaluation.
        rows: `Evidence.columns`.
    """
    told = {row["name"]: row for row in rows}
    found = [_marginal(sides, name, told[str(name)]) for name in sides.reference.coder.columns]
    return sorted(found, key=lambda one: (one.score or 0.0) - (one.floor or 0.0))


def _marginal(sides: Sides[RowSide], name: Any, row: Mapping[str, Any]) -> Marginal:
    coder = sides.reference.coder
    real, made, column = (
        sides.reference.values[name],
        sides.matched.values[name],
        coder.columns[name],
    )
    bars: Sequence[Bar] = ()
    histogram = None
    match real, made:
        case Choice(), Choice():
            bars = _bars(real, made, coder.words(name))
        case Numeric(), Numeric():
            if isinstance(column, NumberColumn):
                histogram = _histogram(real.x, made.x, column)
    return Marginal(
        name=row["name"],
        kind=row["kind"],
        score=row["shape"],
        floor=row["floor"],
        missing=row["missing"],
        made=row["made"],
        bars=bars,
        histogram=histogram,
    )


def _bars(real: Choice, made: Choice, words: Sequence[str]) -> list[Bar]:
    counts, fresh = (
        np.bincount(side.codes + 1, minlength=side.count + 1)[1:] for side in (real, made)
    )
    p, q = (held / max(1, int(held.sum())) for held in (counts, fresh))
    named = [
        i
        for i in np.argsort(-(p + q), kind="stable").tolist()
        if _can_be_named(counts[i], fresh[i])
    ]
    shown = named[:_BARS]
    bars = [Bar(words[i], float(p[i]), float(q[i])) for i in shown]
    others = int(((counts > 0) | (fresh > 0)).sum()) - len(shown)
    if others > 0:
        rest = (max(0.0, 1 - float(side[shown].sum())) for side in (p, q))
        bars.append(Bar(f"{others:,} more", *rest))
    return bars


def _can_be_named(real: int, made: int) -> bool:
    return real >= FEWEST or made > 0


def _histogram(real: Shares, made: Shares, column: NumberColumn) -> Histogram:
    edges = _edges(column)
    low, high, middle = column.numbers.low, column.numbers.high, edges[len(edges) // 2]
    if len(edges) % 2 == 0:
        middle = (edges[len(edges) // 2 - 1] + middle) / 2
    ends = list(map(_told, column.cells(np.array([low, middle, high]))))
    return Histogram(_shares(real, edges), _shares(made, edges), ends)


def _told(value: Any) -> str:
    """A number to four digits, a time without a midnight."""
    if isinstance(value, int | float | np.integer | np.floating):
        return number(float(value)) if float(value) % 1 else f"{int(value):,}"
    return str(value).removesuffix(" 00:00:00")


def _edges(column: NumberColumn) -> Shares:
    """Bins from the fifth smallest to the fifth largest value: of equal width, or where long tails
    were drawn in for the networks, of equal width there. Whole numbers lie within bins."""
    numbers, is_whole = column.numbers, column.kind != "real"
    low, high = numbers.low, max(numbers.high, numbers.low + 1e-9)
    if numbers.warp is None and is_whole:
        step = math.ceil((high - low + 1) / _BINS)
        return low - 0.5 + step * np.arange(math.ceil((high - low + 1) / step) + 1.0)
    if numbers.warp is None:
        return np.linspace(low, high, _BINS + 1)
    first, last = numbers.warp.forward(np.array([low, high])).tolist()
    edges = numbers.warp.inverse(np.linspace(first, last, _BINS + 1))
    edges[0], edges[-1] = low, high  # but for rounding
    return np.append(np.unique(np.rint(edges)) - 0.5, high + 0.5) if is_whole else edges


def _shares(x: Shares, edges: Shares) -> list[float]:
    held = x[~np.isnan(x)]
    inside = np.clip(held, edges[0], edges[-1])
    found: list[float] = (np.histogram(inside, edges)[0] / max(1, len(held))).tolist()
    return found
