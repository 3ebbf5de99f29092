"""`gantlet compare`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from gantlet.cli.tables import console, interval

if TYPE_CHECKING:
    from rich.table import Table

    from gantlet.evaluation.comparison import Comparison
    from gantlet.metrics.estimate import Estimate

__all__ = ["compare_"]


def compare_(*runs: Path) -> None:
    """Show evaluated runs side by side, and which differences are more than noise.

    Runs that differ in train.seed alone are taken together: their numbers are means over seeds.
    Differences are from the first run.

    Parameters
    ----------
    runs
        Folders of two or more runs that `gantlet evaluate` has measured.
    """
    from rich.text import Text

    from gantlet.evaluation.comparison import compare

    found = compare(runs)
    out = console()
    out.print(_table(found))
    for note in found.notes:
        out.print(Text(note), soft_wrap=True)


def _table(found: Comparison) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    first, *others = found.groups
    for name in ("", f"{first.name} ({first.seen:,})"):
        table.add_column(name)
    for group in others:
        table.add_column(f"{group.name} ({group.seen:,})")
        table.add_column("difference")
    for row in found.rows:
        cells = [row.title, interval(row.values[0])]
        for value, gap in zip(row.values[1:], row.differences, strict=True):
            cells += [interval(value), _told(gap, row.better)]
        table.add_row(*cells)
    return table


def _told(gap: Estimate, better: str) -> str:
    """The difference, and what it means; none of two numbers without bounds."""
    if math.isnan(gap.value):
        return "-"
    if not (gap.low > 0 or gap.high < 0):
        word = "noise"
    else:
        word = "better" if (gap.value > 0) == (better == "higher") else "worse"
    return f"{gap.value:+.3g} [{gap.low:+.2g}, {gap.high:+.2g}] {word}"
