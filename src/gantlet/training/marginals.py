"""Columns of generated rows, drawn over what is known of the table's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gantlet.spec import DataSpec
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.transform import TableTransform

__all__ = ["draw_columns"]

_MOST, _ACROSS, _CATEGORIES, _BINS = 16, 4, 8, 24
_MADE, _REAL = "#8fb8de", "#222222"


def draw_columns(figure: Any, rows: NDArray[Any], spec: DataSpec) -> None:
    """One panel for each of the first 16 columns that are learned: bars generated, marks real.

    Real shares are those that the fitted columns hold: of categories, and of bins from the modes
    and the values that stand out. Columns that hold none have no marks.

    Arguments:
        figure: of matplotlib, without a layout of its own.
        rows: stored, (N, R).
        spec: of the table.
    """
    transform = TableTransform.from_json(spec.table)
    frame = transform.inverse_transform(rows)
    learned = [column for column in transform.columns_ if column.heads][:_MOST]
    for place, column in enumerate(learned, start=1):
        axes = figure.add_subplot(-(-len(learned) // _ACROSS), _ACROSS, place)
        cells = frame[column.name]
        if isinstance(column, ChoiceColumn):
            _choices(axes, column, cells)
        elif isinstance(column, NumberColumn):
            _numbers(axes, column, column.encode(cells))
        axes.set_title(str(column.name)[:40], loc="left", fontsize=9, parse_math=False)
        axes.tick_params(labelsize=7)
        axes.minorticks_off()
    # Fitted margins would take as long as all the drawing.
    figure.subplots_adjust(0.1, 0.04, 0.99, 0.96, wspace=0.55, hspace=0.35)


def _choices(axes: Any, column: ChoiceColumn, cells: Any) -> None:
    choices = column.choices
    values: Sequence[Any] = choices.values[:_CATEGORIES]
    made = [float((cells == value).mean()) for value in values]
    places = np.arange(len(values))
    axes.barh(places, made, color=_MADE)
    if choices.shares:
        axes.plot(choices.shares[: len(values)], places, "|", color=_REAL, markersize=9, mew=1.6)
    axes.set_yticks(places, [str(value)[:18] for value in values], parse_math=False)
    axes.invert_yaxis()


def _numbers(axes: Any, column: NumberColumn, stored: NDArray[Any]) -> None:
    """Shares of bins from the fifth smallest to the fifth largest value."""
    numbers = column.numbers
    x, absent = column.counts(stored)
    x = x[~absent & np.isfinite(x)]
    edges = np.linspace(numbers.low, max(numbers.high, numbers.low + 1e-9), _BINS + 1)
    made = np.histogram(x, edges)[0] / max(1, len(stored))
    middle = (edges[1:] + edges[:-1]) / 2 + (column.origin if column.clock is None else 0)
    axes.bar(middle, made, width=edges[1] - edges[0], color=_MADE)
    if numbers.shares:
        axes.plot(middle, _expected(column, edges), ".", color=_REAL, markersize=3)
    axes.set_yscale("symlog", linthresh=0.01)


def _expected(column: NumberColumn, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the table's rows in each bin."""
    numbers = column.numbers
    spikes = np.array(numbers.spikes)
    held = np.array(numbers.shares[len(numbers.means) : len(numbers.means) + len(spikes)])
    finite = np.isfinite(spikes)
    share: NDArray[np.float64] = np.histogram(spikes[finite], edges, weights=held[finite])[0]
    at = numbers.warp.forward(edges) if numbers.warp else edges
    for mean, std, mass in zip(numbers.means, numbers.stds, numbers.shares, strict=False):
        below = torch.special.ndtr(torch.from_numpy((at - mean) / std)).numpy()
        within = np.diff(below)
        share = share + mass * within / max(float(within.sum()), 1e-9)
    return share
