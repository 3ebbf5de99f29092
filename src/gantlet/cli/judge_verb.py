"""`gantlet judge`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gantlet.cli.tables import console

if TYPE_CHECKING:
    from rich.table import Table

    from gantlet.judge.results import Results
    from gantlet.metrics.estimate import Estimate

__all__ = ["judge_"]


def judge_(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 100,
    seconds: float | None = None,
    seed: int = 0,
    train: str | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    results: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Let people judge a run's samples: one image at a time, real or generated.

    Serves a page on this machine until Ctrl-C, then prints how often people were wrong, with
    95 % intervals: 50 % is guessing, the best a generator can do. Answers are kept in
    RUN/judge.sqlite as they are given; raters go on where they were. Needs the extra serve.

    Parameters
    ----------
    run
        Folder of a run.
    n
        How many images, half of them generated (100).
    seconds
        Hide each image after so many seconds; without it, it stays.
    seed
        Of the samples and of the choice of real images (0).
    train
        Where the training data are, if they have moved.
    host
        Address to listen at (127.0.0.1: this machine alone).
    port
        Port to listen at (7860); 0 takes any that is free.
    results
        Print the results so far, and serve nothing.
    as_json
        Print the results as JSON.
    """
    from gantlet.judge.results import results as found

    if not results:
        _serve(run, n, seconds, seed, train, host, port)
    known, notes = found(run)
    if as_json:
        print(json.dumps([one.to_json() for one in known], indent=1))
    else:
        out = console()
        for one in known:
            out.print(_table(one))
    for note in notes:
        print(note, file=sys.stderr)


def _serve(
    run: Path,
    n: int,
    seconds: float | None,
    seed: int,
    train: str | None,
    host: str,
    port: int,
) -> None:
    from gantlet.judge.answers import Answers
    from gantlet.judge.items import panel
    from gantlet.judge.page import Judging
    from gantlet.judge.serving import serve

    made = panel(run, n, seed=seed, seconds=seconds, train=train)

    def ready(address: str) -> None:
        real = made.about["real"]
        print(f"{n} images: {n // 2} generated ones, {n // 2} {real}.", file=sys.stderr)
        print(f"Open {address} to judge them. Ctrl-C ends.", file=sys.stderr, flush=True)

    try:
        serve(Judging(made, Answers.of(run)), host, port, ready)
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _table(found: Results) -> Table:
    from rich import box
    from rich.table import Table

    about = found.about
    limit = f"{about['seconds']:g} s each" if about["seconds"] else "no time limit"
    title = f"{about['run']} at {about['seen']:,} samples, seed {about['seed']}, {limit}"
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
        caption=f"Real ones: {about['real']}. 50 % is guessing.",
        caption_justify="left",
    )
    table.add_column("")
    for name in ("answers", "wrong, % [95 %]", "fakes taken for real", "reals taken for fakes"):
        table.add_column(name, justify="right")
    for score in found.scores:
        shares = (score.errors, score.fooled, score.doubted)
        table.add_row(score.rater, f"{score.answers:,}", *map(_percent, shares))
    return table


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
