"""`gantlet judge`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gantlet.cli.tables import console
from gantlet.cli.words import RunFolder

if TYPE_CHECKING:
    from rich.table import Table

    from gantlet.judge.items import Panel
    from gantlet.judge.results import Results
    from gantlet.metrics.estimate import Estimate

__all__ = ["judge_"]


def judge_(
    run: RunFolder,
    /,
    *,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 100,
    seconds: float | None = None,
    seed: int = 0,
    data: str | None = None,
    train: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    no_browser: bool = False,
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
    data
        Real images to show, in place of those that the run set aside.
    train
        Where the training data are, if they have moved.
    host
        Address to listen at (127.0.0.1: this machine alone).
    port
        Port to listen at (7860, or another one if that is taken); 0 takes any that is free.
    no_browser
        Open no browser.
    results
        Print the results so far, and serve nothing.
    as_json
        Print the results as JSON.
    """
    from gantlet.judge.items import panel
    from gantlet.judge.results import results as found

    if not results:
        made = panel(run, n, seed=seed, seconds=seconds, data=data, train=train)
        _serve(run, made, host, port, browser=not no_browser)
    known, notes = found(run)
    if as_json:
        told = {"results": [one.to_json() for one in known], "notes": notes}
        print(json.dumps(told, indent=1))
        return
    out = console()
    for one in known:
        about = one.about
        limit = f"{about['seconds']:g} s each" if about["seconds"] else "no time limit"
        print(f"{about['run']} at {about['seen']:,} samples: {about['n']} images, {limit}")
        out.print(_table(one))
        print(f"Seed {about['seed']}; real ones: {about['real']}. 50 % is guessing.")
    for note in notes or ["No answers yet."] * (not known):
        print(note)


def _serve(run: Path, made: Panel, host: str, port: int | None, *, browser: bool) -> None:
    from gantlet.judge.answers import Answers
    from gantlet.judge.judging import Judging
    from gantlet.judge.page import RESULTS, judge_page
    from gantlet.serving import invite, serve

    store, half = Answers.of(run), len(made.items) // 2
    judging = Judging(made, store)
    judging.begin()

    def ready(address: str) -> None:
        _say(f"{2 * half} images: {half} generated ones, {half} {made.about['real']}.")
        _say(f"Open {address} to judge them; results so far: {address}{RESULTS}. Ctrl-C ends.")
        invite(address, host, browser=browser)

    with suppress(KeyboardInterrupt):
        serve(partial(judge_page, judging), host, port, ready)
    _say(f"\nStopped. The answers are kept in {store.path}; the same command goes on.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _table(found: Results) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in ("answers", "wrong, % [95 %]", "fakes passed", "reals doubted"):
        table.add_column(name, justify="right", no_wrap=True)
    for score in found.scores:
        shares = (score.errors, score.fooled, score.doubted)
        table.add_row(Text(score.rater), f"{score.answers:,}", *map(_percent, shares))
    return table


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
