"""`gantlet sweep`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gantlet.cli.tables import console
from gantlet.cli.words import size_setting, sorted_out
from gantlet.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from gantlet.metrics.estimate import Estimate
    from gantlet.sweeping import Design, Swept

__all__ = ["sweep_"]

_WIDTH = 160
"""Columns of a table that goes to a file: settings and rungs take many."""


def sweep_(
    *words: Annotated[str, Parameter(name="DATA SPACE.yaml key=value,value ...")],
    recipe: str | None = None,
    size_model: str | None = None,
    size: str | None = None,
    samples: int | None = None,
    keep: str = "1/3",
    seeds: int = 1,
    random: int | None = None,
    out: Path | None = None,
    plan: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Try settings against each other: the best go on, the others end early.

    Values are separated by commas: optimisers.generator.lr=1e-4,2e-4 game.penalties.r1=0.1,1 are
    four trials; single values hold for all. A YAML file of lists does the same. Each trial is a
    run in RUNS/trials; the judge is validation, against samples set aside from training. The same
    command goes on with what was stopped.

    Parameters
    ----------
    words
        What to train on (digits), a YAML file, and settings with their values. recipe=a,b and
        size_model=s,m are tried like settings.
    recipe
        Name of the recipe, where it is not tried.
    size_model
        Of the networks, as for gantlet train.
    size
        Of the images, as for gantlet train.
    samples
        Real samples that the trials of the last rung see; the recipe's number without it.
    keep
        Share of the trials that goes on to the next rung (1/3).
    seeds
        Trainings of each trial, with seeds 0, 1, ... (1).
    random
        So many of all combinations, drawn at random.
    out
        Folder of the sweep (runs/NAME-sweep).
    plan
        Print rungs, trials and samples, and train nothing.
    as_json
        Print the table as JSON.
    """
    from gantlet.bench.base import Stopped
    from gantlet.sweeping import design, played

    data, settings = _asked(words, size)
    made = design(
        data,
        settings,
        recipe=recipe,
        size=size_model,
        samples=samples,
        keep=keep,
        seeds=seeds,
        random=random,
        out=out,
    )
    if plan:
        _show_plan(made)
        return
    for line in _planned(made):
        _tell(line)
    try:
        swept = played(made, _tell)
    except (Stopped, KeyboardInterrupt) as stopped:
        _tell("Stopped and saved. The same command goes on from there.")
        number = stopped.signal if isinstance(stopped, Stopped) else 0
        raise SystemExit(128 + (number or signal.SIGINT)) from None
    if as_json:
        print(json.dumps(swept.contents, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _show(swept)


def _asked(words: tuple[str, ...], size: str | None) -> tuple[str, dict[str, Any] | list[str]]:
    """The data, and what is to be tried; settings of the command line override the file's."""
    from gantlet.sweeping.space import listed, read_space

    plain, settings = sorted_out(words, "DATA", "SPACE.yaml")
    settings = size_setting(size, settings)
    files = [word for word in plain if word.endswith((".yaml", ".yml"))]
    sources = [word for word in plain if word not in files]
    if max(len(files), len(sources)) > 1:
        raise UsageError(
            "gantlet sweep",
            expected="one DATA and settings, or one DATA and one SPACE.yaml",
            received=" ".join(plain),
        )
    data = sources[0] if sources else "digits"
    if not files:
        return data, settings
    return data, {**listed(read_space(Path(files[0]))), **listed(settings)}


def _tell(sentence: str) -> None:
    """To the side, so that the output is the table alone."""
    from gantlet.console import though_closed

    with though_closed():
        print(sentence, file=sys.stderr, flush=True)


def _planned(made: Design) -> list[str]:
    """Rungs and what they cost, and what is refused."""
    from gantlet.sweeping.rungs import samples_in_all

    tried = any(axis.key == "recipe" for axis in made.space.axes)
    before, lines = 0, [] if tried else [f"Recipe {made.recipe}."]
    for number, rung in enumerate(made.rungs, 1):
        lines.append(
            f"Rung {number}: {_trials(rung.trials)} to {rung.samples:,} samples, from {before:,}."
        )
        before = rung.samples
    total = samples_in_all(made.rungs, made.seeds)
    seeds = f", {made.seeds} seeds of each" if made.seeds > 1 else ""
    lines.append(f"{_trials(len(made.accepted))}, {total:,} samples in all{seeds}. {made.folder}")
    lines.append(made.judge)
    for number, why in made.refused.items():
        lines.append(f"Trial {number} is {why}")
    return lines


def _trials(number: int) -> str:
    return f"{number} trial{'s' * (number > 1)}"


def _show_plan(made: Design) -> None:
    for line in _planned(made):
        print(line)
    for trial in made.accepted:
        print(f"Trial {trial.number}: {trial}")


def _show(swept: Swept) -> None:
    from rich.text import Text

    out = console()
    if not out.is_terminal:
        out.width = _WIDTH
    out.print(_table(swept))
    for note in swept.notes:
        out.print(Text(note), soft_wrap=True)
    runs = " ".join(map(str, swept.runs))
    out.print(Text(f"The winner is trained: {runs}. Anew:\n{swept.command}"), soft_wrap=True)


def _table(swept: Swept) -> Table:
    from rich import box
    from rich.table import Table

    from gantlet.sweeping.space import shown

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    keys = list(swept.winner.chosen)
    for title in ("trial", *_shortened(keys), *(f"{rung.samples:,}" for rung in swept.rungs)):
        table.add_column(title, no_wrap=True)
    table.add_column("beside the winner")
    for line in swept.lines:
        scores = [_score(score) for score in line.scores]
        scores += [""] * (len(swept.rungs) - len(scores))
        words = line.verdict if line.gap is None else f"{_score(line.gap, '+')} {line.verdict}"
        chosen = [shown(line.trial.chosen[key]) for key in keys]
        table.add_row(str(line.trial.number), *chosen, *scores, words)
    return table


def _score(score: Estimate, sign: str = "") -> str:
    """`0.62 [0.59, 0.65]`: a score, or a difference with its sign."""
    value, low, high = (f"{part:{sign}.2f}" for part in (score.value, score.low, score.high))
    return f"{value} [{low}, {high}]"


def _shortened(keys: Sequence[str]) -> list[str]:
    """The last parts of dotted keys, as many as tell them apart."""
    for length in range(1, 9):
        short = [".".join(key.split(".")[-length:]) for key in keys]
        if len(set(short)) == len(keys):
            return short
    return list(keys)
