"""Our side of `benchmarks.tables`, in a process of its own.

python -m benchmarks.tables_ours TRAIN.csv FOLDER [--recipe table] [--samples N] [--share 0.25]
                                 [--rows N] [--seed 0] [--conditions FILE]

Trains `TableSynthesizer`, writes rows, and the clocks of fit and of sampling. A share of the
recipe's length shortens its schedules with it. The file of conditions holds a JSON object a line,
{"name", "where", "n"}; their rows come after the clock has stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.tables_peer import between, clock
from gantlet import TableSynthesizer
from gantlet.config import assignments
from gantlet.data import open_data
from gantlet.errors import UsageError
from gantlet.recipes import recipe
from gantlet.schedules import Schedule

__all__ = ["main", "shortened"]


def shortened(settings: Any, samples: int) -> dict[str, int]:
    """Dotted keys that bring schedules and ticks of a recipe to another length."""
    share = samples / settings.stop.samples
    keys = {"train.tick": max(1, round(settings.train.tick * share))}
    for path, schedule in _schedules(settings, ()):
        name = ".".join(path)
        keys[f"{name}.samples"] = max(1, round(schedule.samples * share))
        keys[f"{name}.delay"] = round(schedule.delay * share)
    return keys


def _schedules(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schedule]]:
    if isinstance(value, Schedule):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _schedules(inner, (*path, key))
    elif is_dataclass(value):
        for field in fields(value):
            yield from _schedules(getattr(value, field.name), (*path, field.name))


def _model(table: Any, given: argparse.Namespace) -> TableSynthesizer:
    settings: dict[str, Any] = dict(assignments(given.set))
    base = recipe(given.recipe, open_data(table).spec)
    samples = given.samples or base.stop.samples
    if samples is not None and (given.samples or given.share < 1):
        samples = round(samples * given.share)
        settings = {**shortened(base, samples), **settings}
    else:
        samples = None
    return TableSynthesizer(
        recipe=given.recipe, samples=samples, seed=given.seed, settings=settings
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("train", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--recipe", default="table")
    options.add_argument("--samples", type=int, help="instead of the recipe's length")
    options.add_argument("--share", type=float, default=1.0, help="of that length")
    options.add_argument("--rows", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    options.add_argument("--conditions", type=Path)
    given = options.parse_args()
    table = pd.read_csv(given.train)
    model = _model(table, given)
    begin = clock()
    model.fit(table)
    spent, begin = between(begin, clock()), clock()
    made = model.sample(given.rows or len(table), seed=given.seed)
    sampling = between(begin, clock())
    made.to_csv(given.folder / "rows.csv", index=False)
    lines = given.conditions.read_text(encoding="utf-8").splitlines() if given.conditions else []
    for line in lines:
        wanted = json.loads(line)
        try:
            rows = model.sample(wanted["n"], where=wanted["where"], seed=given.seed + 1000)
        except UsageError as error:  # hopeless: the page says how many
            print(error)
            continue
        rows.to_csv(given.folder / f"{wanted['name']}.csv", index=False)
    stages = [{"stage": "rows", "fit": spent, "sample": sampling}]
    (given.folder / "clock.json").write_text(json.dumps(stages), encoding="utf-8")


if __name__ == "__main__":
    main()
