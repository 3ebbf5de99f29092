"""`gantlet bench`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gantlet.cli.words import sorted_out

if TYPE_CHECKING:
    from gantlet.bench.table import Table

__all__ = ["bench_"]


def bench_(
    *words: Annotated[str, Parameter(name="NAME key=value ...")],
    seeds: int = 3,
    samples: int | None = None,
    data: Path | None = None,
    out: Path = Path("runs/bench"),
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Play a problem whose answer is known, beside rows that others have published.

    Without a name: list the problems. Every row of a problem is trained for every seed; what is
    finished is not played again, and what was stopped goes on by the same command. Means over
    seeds come with their 95 % interval, floors are what perfect samplers score.

    Parameters
    ----------
    words
        Name of a problem, and settings for all its rows, such as train.threads=1.
    seeds
        How many, from 0 on (3).
    samples
        Real samples that each row sees, in place of its own number.
    data
        Folder of MNIST's four idx files, for stacked-mnist.
    out
        Folder of runs and results (runs/bench).
    as_json
        Print the table as JSON.
    """
    from gantlet.bench.base import Asked, Stopped
    from gantlet.bench.runner import bench

    plain, settings = sorted_out(words, "NAME")
    if not plain:
        _list()
        return
    asked = Asked(samples=samples, settings=tuple(settings), data=data)
    try:
        table = bench(plain[0], seeds=seeds, asked=asked, out=out, tell=_tell)
    except Stopped as stopped:
        _tell("Stopped and saved. The same command goes on from there.")
        raise SystemExit(128 + (stopped.signal or signal.SIGINT)) from None
    if as_json:
        print(json.dumps(table.contents, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _show(table)


def _tell(sentence: str) -> None:
    """To the side, so that the output is the table alone."""
    print(sentence, file=sys.stderr, flush=True)


def _list() -> None:
    from gantlet.bench import PROBLEMS

    width = max(map(len, PROBLEMS))
    for name, problem in PROBLEMS.items():
        print(f"{name:<{width}}  {problem.line}")
        print(f"{'':<{width}}  {problem.source}")


def _show(table: Table) -> None:
    """A table in a terminal, lines with columns elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"{table.title}\n{table.text}\n"), soft_wrap=not console.is_terminal)
    lines = [[line.name, *line.cells, line.remark] for line in table.lines]
    if console.is_terminal:
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
        for place, title in enumerate(table.columns):
            inner = 0 < place < len(table.columns) - 1
            grid.add_column(title, no_wrap=inner, justify="right" if inner else "left")
        for line in lines:
            grid.add_row(*map(Text, line))
        console.print(grid)
        return
    columns = list(zip(*[list(table.columns), *lines], strict=True))
    widths = [max(map(len, column)) for column in columns]
    for line in [list(table.columns), *lines]:
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip())
