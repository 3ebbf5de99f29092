"""Tables of numbers: their width, and how a number with its interval is written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from gantlet.metrics.estimate import Estimate

__all__ = ["console", "interval"]

_WIDTH = 120
"""Columns of a table that goes to a file."""


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for their columns."""
    from rich.console import Console

    found = Console(highlight=False, markup=False)  # names may have brackets
    if not found.is_terminal:
        found.width = _WIDTH
    return found


def interval(estimate: Estimate) -> str:
    """`0.92 [0.90, 0.94]`; the value alone where no limits are known."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g} [{estimate.low:.3g}, {estimate.high:.3g}]"
