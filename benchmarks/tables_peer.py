"""The peer's side of `benchmarks.tables`: runs in the peer's environment, knows nothing of ours.

python tables_peer.py fit TRAIN.csv FOLDER --discrete COLUMN ... [--epochs 300] [--stops 10 30]
                          [--rows N] [--seed 0]
python tables_peer.py quality REAL.csv MADE.csv --discrete COLUMN ...

`fit` trains ctgan's CTGAN with its defaults on one thread and writes rows after each count of
epochs, with the clocks of fit and of sampling. `quality` prints SDMetrics' quality report as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["fit", "main", "quality"]

Clock = tuple[float, float]


def clock() -> Clock:
    """Wall and processor seconds, those of processes that have ended among them."""
    own, ended = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    spent = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    return time.perf_counter(), spent


def between(begin: Clock, end: Clock) -> Clock:
    """Seconds from one moment to another."""
    return end[0] - begin[0], end[1] - begin[1]


class Watched:
    """Stands for the bar over epochs of ctgan: calls back after each, outside the clock."""

    def __init__(self, after: Callable[[int], None]) -> None:
        self.after = after

    def __call__(self, epochs: Sequence[int], disable: bool = True) -> Iterator[int]:
        """The epochs, as `tqdm` gives them."""
        for epoch in epochs:
            yield epoch
            self.after(epoch + 1)


def fit(given: argparse.Namespace) -> None:
    """Train, and write rows and clocks at each stop."""
    import ctgan.synthesizers.ctgan as module
    import torch

    torch.set_num_threads(1)
    table = pd.read_csv(given.train)
    model = module.CTGAN(epochs=given.epochs, verbose=False)
    model.set_random_state(given.seed)
    stages: list[dict[str, Any]] = []
    aside = [0.0, 0.0]
    """Seconds that the stops took."""

    def stop(epochs: int, spent: Clock) -> None:
        begin = clock()
        made = model.sample(given.rows or len(table))
        sampling = between(begin, clock())
        name = f"epochs-{epochs}"
        made.to_csv(given.folder / f"{name}.csv", index=False)
        stages.append({"stage": name, "fit": spent, "sample": sampling})

    def after(epochs: int) -> None:
        moment = clock()
        if epochs in given.stops and epochs < given.epochs:
            spent = between(begin, moment)
            stop(epochs, (spent[0] - aside[0], spent[1] - aside[1]))
            took = between(moment, clock())
            aside[0], aside[1] = aside[0] + took[0], aside[1] + took[1]

    module.tqdm = Watched(after)
    begin = clock()
    model.fit(table, given.discrete)
    spent = between(begin, clock())
    stop(given.epochs, (spent[0] - aside[0], spent[1] - aside[1]))
    (given.folder / "clock.json").write_text(json.dumps(stages), encoding="utf-8")


def quality(given: argparse.Namespace) -> None:
    """Print column shapes, pair trends and their mean as SDMetrics has them."""
    from sdmetrics.reports.single_table import QualityReport

    real, made = pd.read_csv(given.real), pd.read_csv(given.made)
    kinds = {c: "categorical" if c in given.discrete else "numerical" for c in real}
    report = QualityReport()
    columns = {column: {"sdtype": kind} for column, kind in kinds.items()}
    report.generate(real, made, {"columns": columns}, verbose=False)
    parts = report.get_properties().set_index("Property")["Score"]
    answer = {
        "quality": report.get_score(),
        "shapes": parts["Column Shapes"],
        "trends": parts["Column Pair Trends"],
    }
    print(json.dumps(answer))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    verbs = options.add_subparsers(required=True)
    fitting = verbs.add_parser("fit")
    fitting.add_argument("train", type=Path)
    fitting.add_argument("folder", type=Path)
    fitting.add_argument("--epochs", type=int, default=300)
    fitting.add_argument("--stops", nargs="*", type=int, default=[])
    fitting.add_argument("--rows", type=int, default=0)
    fitting.add_argument("--seed", type=int, default=0)
    fitting.set_defaults(verb=fit)
    judging = verbs.add_parser("quality")
    judging.add_argument("real", type=Path)
    judging.add_argument("made", type=Path)
    judging.set_defaults(verb=quality)
    for verb in (fitting, judging):
        verb.add_argument("--discrete", nargs="*", default=[])
    given = options.parse_args()
    given.verb(given)


if __name__ == "__main__":
    main()
