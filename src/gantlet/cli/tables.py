"""Tables of numbers: their width, and how a number with its interval is written."""

from __future__ import annotations

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

    found = Console(highlight=False)
    if not found.is_terminal:
        found.width = _WIDTH
    return found


def interval(estimate: Estimate) -> str:
    """`0.92 [0.90, 0.94]`."""
    return f"{estimate.value:.4g} [{estimate.low:.3g}, {estimate.high:.3g}]"
