"""How pairs of columns depend on each other, as three squares: real, generated, difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.report.figures import WIDTH, Figure, drawn

__all__ = ["matrices", "worst_pairs"]

_NAMED, _LETTERS = 24, 14
"""Columns whose names fit beside a square, and letters of a name that do."""
_BELOW, _ABOVE = (0.80, 0.42, 0.08), (0.16, 0.46, 0.86)
"""Red, green and blue of -1 and of 1; nearer to 0 the page shines through, light or dark."""
_WORST = 12


def matrices(names: Sequence[str], trends: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """A square of all pairs for real rows, one for generated ones, one of what lies between.

    Arguments:
        names: of the columns, in the order of the table.
        trends: rows of `Evidence.trends`.
    """
    if len(names) < 2:
        return []
    real, made, gap = (_square(names, trends, key) for key in ("real", "made", "score"))
    strength = (
        "Pearson's correlation of two numbers, from -1 to 1; Cramér's V of any other pair, from 0 "
        "to 1. Empty where a column has one value alone. Columns stand in the order of the table."
    )
    return [
        _drawn(names, real, "Real rows", f"Held-out rows of the data. {strength}", -1.0),
        _drawn(names, made, "Generated rows", "The same of the generated rows.", -1.0),
        _drawn(
            names,
            1 - gap,
            "Difference",
            "1 less the similarity of each pair: 0 is as in the data. Pairs of many categories "
            "differ by chance, too; the table below holds each against its floor.",
            0.0,
        ),
    ]


def worst_pairs(trends: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The pairs that lie farthest below their floors."""
    known = [row for row in trends if row["score"] is not None]
    return sorted(known, key=lambda row: row["score"] - (row["floor"] or 0.0))[:_WORST]


def _square(
    names: Sequence[str], trends: Sequence[Mapping[str, Any]], key: str
) -> NDArray[np.float64]:
    places = {name: place for place, name in enumerate(names)}
    square = np.full((len(names), len(names)), np.nan)
    for row in trends:
        if row[key] is not None:
            i, j = places[row["first"]], places[row["second"]]
            square[i, j] = square[j, i] = row[key]
    return square


def _drawn(
    names: Sequence[str], square: NDArray[np.float64], title: str, caption: str, low: float
) -> Figure:
    high = 1.0 if low else max(0.1, float(np.nanmax(square, initial=0.0)))
    with drawn(WIDTH * 0.8, title, caption) as (sheet, done):
        sheet.set_layout_engine("constrained")
        axes = sheet.add_subplot(title=title)
        axes.grid(visible=False)
        ends = (0.5, len(names) + 0.5)
        shown = axes.imshow(
            square, _colours(low), vmin=low, vmax=high, extent=(*ends, *reversed(ends))
        )
        places = range(1, len(names) + 1)
        if len(names) <= _NAMED:
            numbered = [f"{_short(name)} {i}" for i, name in zip(places, names, strict=True)]
            axes.set_yticks(places, numbered, fontsize=8, parse_math=False)
            axes.set_xticks(places, map(str, places), fontsize=7)
        else:
            axes.tick_params(labelsize=8)
        axes.tick_params(length=0)
        marks = [low, 0.0, high] if low else [0.0, high]
        bar = sheet.colorbar(shown, shrink=0.6, ticks=marks)
        bar.ax.set_yticklabels([f"{mark:.2g}" for mark in marks])
        bar.outline.set_visible(False)
    return done[0]


def _colours(low: float) -> Any:
    """Colours from `low` to the highest, the stronger the farther from 0."""
    from matplotlib.colors import ListedColormap

    x = np.linspace(low, 1, 201)
    base = np.where(x[:, None] < 0, _BELOW, _ABOVE if low else _BELOW)
    return ListedColormap(np.column_stack([base, np.sqrt(np.abs(x))]))


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
