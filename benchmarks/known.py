"""Rows of the pages on problems whose answer is known: our own, perfect samplers, printed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from gantlet.bench.base import Asked, Problem
from gantlet.bench.table import Played, over_seeds
from gantlet.metrics.estimate import Estimate

__all__ = ["other_rows", "own_row"]


def _cell(estimate: Estimate, form: str) -> str:
    if estimate.low == estimate.high or math.isnan(estimate.low):
        return f"{estimate.value:{form}}"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def own_row(name: str, played: Played, forms: Mapping[str, str]) -> list[str]:
    """What was played: each measure over seeds, with the least and the most; then seconds."""
    cells = []
    for key, form in forms.items():
        known = [values[key] for values in played.values if not math.isnan(values[key])]
        if not known:
            cells.append("undefined")
            continue
        lost = len(played.values) - len(known)
        worst = f" ({min(known):{form}} to {max(known):{form}})" if len(known) > 1 else ""
        worst += f", undefined in {lost} of {len(played.values)}" if lost else ""
        cells.append(f"{_cell(over_seeds(known), form)}{worst}")
    seconds = [values["seconds"] for values in played.values]
    worst = f" ({min(seconds):,.0f} to {max(seconds):,.0f})" if len(seconds) > 1 else ""
    count = f"{len(seconds)} seed{'s' * (len(seconds) > 1)}"
    return [name, f"{played.name}, {count}", *cells, f"{median(seconds):,.0f}{worst}"]


def other_rows(
    name: str, found: Problem, asked: Asked, home: Path, forms: Mapping[str, str]
) -> list[list[str]]:
    """What a perfect sampler scores, and what others have printed."""
    rows = []
    for title, values in found.floors(asked, home).items():
        cells = [_cell(values[key], forms[key]) if key in values else "" for key in forms]
        rows.append([name, title, *cells, ""])
    for row in found.printed:
        cells = [row.cells.get(key, "") for key in forms]
        rows.append([name, f"{row.name}, as printed: {row.source}", *cells, ""])
    return rows
