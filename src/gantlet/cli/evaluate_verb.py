"""`gantlet evaluate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gantlet.cli.tables import console, interval
from gantlet.cli.words import RunFolder

if TYPE_CHECKING:
    from rich.table import Table

    from gantlet.metrics.evidence import Evidence

__all__ = ["evaluate_"]


def evaluate_(
    run: RunFolder,
    /,
    *,
    data: str | None = None,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 10_000,
    extractor: str | None = None,
    seed: int = 0,
    train: str | None = None,
    target: str | None = None,
    sensitive: str | None = None,
    known: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Measure whether a run's samples look real, cover the data, copy them, and are useful.

    Every number is printed with its 95 % interval and its floor: held-out real data scored the
    same way, which is what a perfect generator would get. Writes RUN/evidence.json and
    RUN/report.html.

    Parameters
    ----------
    run
        Folder of a run.
    data
        Held-out data to compare with, in place of those that the run set aside: one half of them
        is compared with, the other makes the floor.
    n
        How many samples to draw (10000).
    extractor
        What makes features of samples: embedded (the default, a small network trained on the
        data), pixels, inception or dinov2; none for a table.
    seed
        Of the samples (0).
    train
        Where the training data are, if they have moved.
    target
        Of a table: the column that learners predict; by default the last with 2 to 20 categories,
        or the last of numbers.
    sensitive
        Of a table: columns that an attacker guesses, such as income,illness; by default each.
    known
        Of a table: columns that the attacker knows, such as age,sex; by default all others.
    as_json
        Print the evidence as JSON instead of a table.
    """
    from gantlet.evaluation import evaluate
    from gantlet.report.gathering import gathered
    from gantlet.report.page import write_report

    found = evaluate(
        run,
        data,
        n=n,
        extractor=extractor,
        seed=seed,
        train=train,
        target=target,
        sensitive=_names(sensitive),
        known=_names(known),
    )
    report = write_report(run, found.evidence, gathered(found))
    if as_json:
        print(json.dumps(found.evidence.to_json(), indent=1))
        return
    _show(found.evidence)
    print(f"Written: {report} and {found.path}")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _show(evidence: Evidence) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(evidence.verdict))
    out.print(_table(evidence))
    for note in evidence.notes:
        out.print(Text(note), soft_wrap=True)


def _table(evidence: Evidence) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from gantlet.metrics.evidence import QUESTIONS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "value [95 %]", "floor [95 %]", "real", "made", "verdict"):
        table.add_column(name, justify="right" if name in ("real", "made") else "left")
    for question, words in QUESTIONS.items():
        numbers = [number for number in evidence.numbers if number.question == question]
        if numbers:
            table.add_row(Text(words, style="bold"))
        for number in numbers:
            table.add_row(
                f"  {number.title}",
                interval(number.value),
                "none" if number.floor is None else interval(number.floor),
                f"{number.n_real:,}",
                f"{number.n_fake:,}",
                number.verdict,
            )
    return table
