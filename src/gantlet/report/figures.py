"""Figures as SVG inside the page: text stays text, colours are the page's, light or dark."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gantlet.evaluation.verdict import is_worse
from gantlet.metrics.evidence import Number
from gantlet.report.words import span
from gantlet.spec import DataSpec

__all__ = ["WIDTH", "Figure", "Place", "bars", "curves", "drawn", "place", "scatter"]

_INK, _MUTED, _RULE, _BAND = "#010101", "#020202", "#030303", "#040404"
_SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004")
_COLOURS = {
    _INK: "--ink",
    _MUTED: "--muted",
    _RULE: "--rule",
    _BAND: "--band",
    **{colour: f"--series-{i}" for i, colour in enumerate(_SERIES, 1)},
}
"""Colours that stand for the page's own, which the style sheet sets for light and dark."""
WIDTH = 4.8
"""Inches; the page shows a figure at a phone's width or at most half of a desk's."""
_RIGHT = 0.5
"""Where the better side of an interval bar ends; the worse side ends at -1."""
_MOST_POINTS = 1_000
"""Of a scatter: each is an element of the page."""
_PARAMETERS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gantlet",
    "text.parse_math": False,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _MUTED,
    "axes.titlecolor": _INK,
    "axes.grid": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "xtick.color": _RULE,
    "ytick.color": _RULE,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "lines.solid_capstyle": "butt",
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "text.color": _INK,
}


@dataclass(frozen=True)
class Figure:
    """An SVG element, what one sees in it, and the same in a few words."""

    svg: Markup
    caption: str


@contextmanager
def drawn(height: float, label: str, caption: str) -> Iterator[tuple[Any, list[Figure]]]:
    """A figure to draw on; afterwards it stands in the list."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Sheet

    done: list[Figure] = []
    with matplotlib.rc_context(_PARAMETERS):
        sheet = Sheet(figsize=(WIDTH, height))
        FigureCanvasSVG(sheet)
        yield sheet, done
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        with warnings.catch_warnings():  # columns may have names that the font lacks signs of
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            sheet.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    done.append(Figure(_inline(buffer.getvalue(), label), caption))


def _inline(text: str, label: str) -> Markup:
    """A file of SVG as an element of the page: its own ids, the page's fonts and colours."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<(style|metadata)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    prefix = re.sub(r"\W+", "-", label.lower()) + "-"
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", text)
    for colour, name in _COLOURS.items():
        text = text.replace(colour, f"var({name})")
    role = Markup('<svg role="img" aria-label="{}"').format(label)
    return Markup(text.replace("<svg", role, 1).strip())


@dataclass(frozen=True)
class _Panel:
    title: str
    caption: str
    lines: Mapping[str, str]
    """Keys of the log, and their names in the legend."""


_PANELS = (
    _Panel(
        "Losses",
        "Losses of the two players. They are no measure of quality: where both stay level, the "
        "game is balanced.",
        {
            "discriminator/loss": "discriminator",
            "generator/loss": "generator",
            "pull/loss": "pull",
        },
    ),
    _Panel(
        "Logits of the discriminator",
        "Its mean answers. The gap between the lines is how well it tells real from generated.",
        {"discriminator/real": "on real samples", "discriminator/fake": "on generated ones"},
    ),
    _Panel(
        "Norm of the gradients",
        "A spike is a step that went far; a line that falls to zero is a player that no longer "
        "learns.",
        {"discriminator/gradient": "discriminator", "generator/gradient": "generator"},
    ),
    _Panel(
        "Health",
        "Coverage: share of real samples with a generated neighbour. Spread: 1 is as far apart "
        "as the data. One half in a line of the critic is a toss of a coin.",
        {
            "coverage": "coverage",
            "spread": "spread",
            "class_spread": "spread within classes",
            "critic_accuracy": "critic, real or generated",
            "critic_memory": "critic, trained on or held out",
        },
    ),
    _Panel(
        "Quality in validation",
        "Precision times coverage, with its 95 % interval: the best checkpoint is chosen by it.",
        {
            "validation": "quality",
            "validation_low": "lower end",
            "validation_high": "upper end",
        },
    ),
    _Panel(
        "Copying",
        "Share of samples beside one training sample, with no second one as near, more than 95 % "
        "of unseen real ones are: 0.05 by chance, 1 for copies. A checkpoint above the bound is "
        "never taken for the best.",
        {"copying": "generated", "copying_bound": "bound of a perfect sampler"},
    ),
)


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    pairs = [(row["seen"], row[key]) for row in rows if row.get(key) is not None]
    return [(seen, value) for seen, value in pairs if math.isfinite(value)]


def curves(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The course of a training over the real samples seen: a figure for each theme in the log."""
    figures: list[Figure] = []
    for panel in _PANELS:
        lines = {name: _points(rows, key) for key, name in panel.lines.items()}
        lines = {name: points for name, points in lines.items() if points}
        if lines:
            figures += _curve(panel, lines)
    return figures


def _curve(panel: _Panel, lines: Mapping[str, Sequence[tuple[float, float]]]) -> list[Figure]:
    from matplotlib.ticker import EngFormatter

    with drawn(3.1, panel.title, panel.caption) as (sheet, done):
        sheet.set_layout_engine("constrained")
        axes = sheet.add_subplot(title=panel.title, xlabel="real samples seen")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        for (name, points), colour in zip(lines.items(), _SERIES, strict=False):
            alone = "o" if len(points) == 1 else None
            axes.plot(*zip(*points, strict=True), color=colour, label=name, lw=1.6, marker=alone)
        axes.margins(y=0.12)
        sheet.legend(loc="outside lower left", ncols=2, fontsize=9, handlelength=1.4)
    return done


@dataclass(frozen=True)
class Place:
    """A number on its own axis: its floor at 0, worse to the left (-1), better to the right."""

    low: float
    value: float
    high: float
    floor_low: float
    floor_high: float


def place(number: Number) -> Place | None:
    """Where a number and its floor's interval lie, from -1 to 1/2; None without a floor.

    The axis is scaled so that both intervals fill it. An end on the better side that is far beyond
    all else, or infinite, lies at the edge, so that it does not hide the rest.
    """
    floor = number.floor
    if floor is None:
        return None
    sign = 1.0 if number.better == "higher" else -1.0
    ends = (number.value.low, number.value.value, number.value.high, floor.low, floor.high)
    places = [sign * (end - floor.value) for end in ends]
    if any(math.isnan(x) for x in places):
        return None
    known = [x for x in (*places, 0.0) if math.isfinite(x)]
    worst, best = -min(known), max(known)
    near = max(worst, places[1] if math.isfinite(places[1]) else 0.0)
    reach = max(worst, min(best, 1.5 * near or best) / _RIGHT) or 1.0
    places = [min(max(x / reach, -1.0), _RIGHT) for x in places]
    (low, high), (floor_low, floor_high) = sorted(places[:3:2]), sorted(places[3:])
    return Place(low, places[1], high, floor_low, floor_high)


_LINE, _BAR = 0.19, 0.36
"""Heights of a line of text and of a bar, in inches."""
_CHARACTERS = 54
"""That fit beside each other."""


def bars(numbers: Sequence[Number], title: str) -> Figure:
    """Each number's interval against its floor's, a row for each number, each on its own scale."""
    titles = [_wrapped(number) for number in numbers]
    height = sum(len(lines) * _LINE + _BAR for lines in titles) + 0.3
    label = f"{title} Intervals against floors"
    with drawn(height, label, _seen(numbers)) as (sheet, done):
        axes = sheet.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-1.03, _RIGHT + 0.03)
        axes.set_ylim(height, 0)
        top = 0.0
        for number, lines in zip(numbers, titles, strict=True):
            _bar(axes, top, number, lines)
            top += len(lines) * _LINE + _BAR
        axes.text(-1, top + 0.16, "← worse", color=_MUTED, fontsize=9)
        axes.text(0, top + 0.16, "floor", color=_MUTED, fontsize=9, ha="center")
        axes.text(_RIGHT, top + 0.16, "better →", color=_MUTED, fontsize=9, ha="right")
    return done[0]


def _wrapped(number: Number) -> list[str]:
    """The lines of a number's title, the last of which leaves room for its value."""
    lines = textwrap.wrap(number.title, _CHARACTERS) or [""]
    fits = len(lines[-1]) + len(span(number.value)) < _CHARACTERS
    return lines if fits else [*lines, ""]


def _seen(numbers: Sequence[Number]) -> str:
    known = [number for number in numbers if number.floor is not None]
    worse = sum(map(is_worse, known))
    if not worse:
        return "No number is worse than its floor by more than chance."
    rest = "is worse than its floor" if worse == 1 else "are worse than their floors"
    return f"{worse} of {len(known)} numbers {rest} by more than chance."


def _bar(axes: Any, top: float, number: Number, lines: Sequence[str]) -> None:
    for i, text in enumerate(lines, 1):
        axes.text(-1, top + i * _LINE, text, color=_INK)
    base = top + len(lines) * _LINE
    line = base + _BAR / 2 - 0.02
    axes.text(_RIGHT, base, span(number.value), color=_MUTED, ha="right", fontsize=9)
    found = place(number)
    if found is None:
        why = "no floor" if number.floor is None else "not a number"
        axes.text(-1, line + 0.03, f"{why}, so no bar", color=_MUTED, fontsize=9)
        return
    colour, marker = (_SERIES[1], "D") if is_worse(number) else (_SERIES[0], "o")
    axes.plot([-1, _RIGHT], [line, line], color=_RULE, lw=0.8)
    axes.plot([found.floor_low, found.floor_high], [line, line], color=_BAND, lw=10)
    axes.plot([0, 0], [line - 0.1, line + 0.1], color=_INK, lw=1.2)
    axes.plot([found.low, found.high], [line, line], color=colour, lw=2.4)
    axes.plot([found.value], [line], marker, color=colour, ms=6.5)


def scatter(samples: NDArray[Any], real: NDArray[Any] | None, spec: DataSpec) -> Figure:
    """Points of data without the form of images: the first two coordinates, real ones below."""
    caption = "The first two coordinates of generated points" + (
        ", above those of real ones." if real is not None else "."
    )
    with drawn(WIDTH, "Generated points", caption) as (sheet, done):
        sheet.set_layout_engine("constrained")
        axes = sheet.add_subplot(aspect="equal")
        sets = [("real", real, _SERIES[1])] if real is not None else []
        for name, values, colour in [*sets, ("generated", samples, _SERIES[0])]:
            points = values[:_MOST_POINTS]
            second = points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
            axes.plot(points[:, 0], second, ".", color=colour, ms=2.5, alpha=0.5, label=name)
        middle, reach = (spec.low + spec.high) / 2, (spec.high - spec.low) * 0.65
        axes.set_xlim(middle - reach, middle + reach)
        axes.set_ylim(middle - reach, middle + reach)
        sheet.legend(loc="outside lower left", ncols=2, fontsize=9, markerscale=4)
    return done[0]
