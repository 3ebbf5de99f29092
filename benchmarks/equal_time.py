"""Recipes on MNIST and on 4,000 images of CIFAR-10, each for as long as the others.

python -m benchmarks.equal_time [--data mnist cifar10] [--recipes mlp r3gan ...] [--seeds 0 1 2]
                                [--minutes 20] [--set key=value ...]
                                [--kept docs/benchmarks/equal_time]
                                [--out runs/benchmarks/equal_time] [--write]

What a recipe makes of equal minutes must not depend on what else the machine does. So the speeds
of all recipes are measured first, in turns within one run, and each is then trained to the number
of samples that it passes in that many minutes. Speeds and rows that exist are kept, in the
documentation, so that another machine measures what is missing; a run that was stopped goes on.
`--recipes --write` (no name) measures nothing and writes the page from what there is.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.common import (
    PAGES,
    ROOT,
    Page,
    commit,
    computer,
    mean_text,
    mnist,
    parser,
    record,
    recorded,
    setup,
    stepper,
    whole,
)
from gantlet.bench.digit_judge import read_digits
from gantlet.bench.table import over_seeds
from gantlet.data import Dataset, open_data
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.extractors import Extractor, embedded
from gantlet.metrics.frechet import frechet_estimate
from gantlet.metrics.moments import grouped
from gantlet.run import train
from gantlet.training.machine import settled

Images = tuple[NDArray[np.uint8], NDArray[np.int64]]

RECIPES: Mapping[str, Sequence[str]] = {
    "mnist": ("mlp", "r3gan", "resnet", "dcgan"),
    "cifar10": ("mlp", "r3gan", "resnet", "dcgan"),
}
"""`mlp` and the three that scored best on MNIST at a fixed number of samples (recipes.md)."""
DEFAULT = "r3gan"
ROUNDS, PASSES = 5, 12


def _digits() -> tuple[Images, Images]:
    digits = read_digits(mnist())
    x, y, test = digits.x, digits.y, digits.test
    return (x[:-test], y[:-test]), (x[-test:], y[-test:])


def _cifar() -> tuple[Images, Images]:
    path = mnist().parent / "cifar10" / "cifar10-png-lossless-train4000-test1000.zip"
    parts: dict[str, list[tuple[str, NDArray[np.uint8]]]] = {"train": [], "test": []}
    with zipfile.ZipFile(path) as file:
        for name in sorted(n for n in file.namelist() if n.endswith(".png")):
            part, kind, _ = name.split("/")[-3:]
            image = Image.open(io.BytesIO(file.read(name))).convert("RGB")
            parts[part].append((kind, np.asarray(image)))
    kinds = sorted({kind for kind, _ in parts["train"]})
    made = [
        (np.stack([x for _, x in part]), np.array([kinds.index(kind) for kind, _ in part]))
        for part in (parts["train"], parts["test"])
    ]
    return made[0], made[1]


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Training and test images of one data set, and features of a classifier of the former."""

    name: str
    cache: Path

    @cached_property
    def images(self) -> tuple[Images, Images]:
        """To train on, and the published test images."""
        return _digits() if self.name == "mnist" else _cifar()

    @cached_property
    def dataset(self) -> Dataset:
        """The images to train on."""
        return open_data(self.images[0])

    @cached_property
    def extractor(self) -> Extractor:
        """Trained on all images to train on; no run sees it."""
        return embedded(self.dataset, np.arange(len(self.dataset)), cache=self.cache)

    @cached_property
    def unseen(self) -> Tensor:
        """Features of the test images, (N, D)."""
        return self.features(self.images[1][0])

    def features(self, x: NDArray[np.uint8]) -> Tensor:
        """Of images (N, H, W), (N, H, W, C) or (N, C, H, W)."""
        return self.extractor.answers(open_data(x).raw[:]).features

    def distance(self, x: NDArray[np.uint8]) -> Estimate:
        """Fréchet distance to the test images, with its interval (jackknife)."""
        return frechet_estimate(grouped(self.unseen), grouped(self.features(x)))


def speeds(recipes: Sequence[str], dataset: Dataset, settings: Sequence[str]) -> dict[str, float]:
    """Samples a second of each recipe: medians of rounds in which all take turns."""
    setups = {name: setup(dataset, name, settings) for name in recipes}
    steppers = {name: stepper(what) for name, what in setups.items()}
    found: dict[str, list[float]] = {name: [] for name in recipes}
    for turn in range(ROUNDS + 1):
        for name, what in setups.items():
            with settled(what.machine, what.config.train):
                start = time.perf_counter()
                for position in range(turn * PASSES, (turn + 1) * PASSES):
                    steppers[name].play(position)
                taken = time.perf_counter() - start
            if turn:  # the first round warms up
                found[name].append(PASSES * what.config.train.batch / taken)
    return {name: median(values) for name, values in found.items()}


@dataclass(frozen=True)
class Row:
    """One run, measured."""

    data: str
    recipe: str
    seed: int
    minutes: float
    samples: int
    settings: list[str]
    frechet: tuple[float, float, float]
    """To the test images: value, low, high."""
    commit: str
    """Of the code that trained it."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it another run."""
        return (self.data, self.recipe, self.seed, self.minutes, tuple(self.settings))


def _finished(path: Path) -> list[Row]:
    return [Row(**row) for row in recorded(path)]


@dataclass(frozen=True)
class Pace:
    """Speeds of recipes on one data set."""

    machine: str
    samples: Mapping[str, float]
    """A second, by recipe."""


def _paces(path: Path) -> dict[str, Pace]:
    """By data set and settings."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {key: Pace(**value) for key, value in found.items()}


def _pace(path: Path, what: Yardstick, given: argparse.Namespace) -> Mapping[str, float]:
    """Of the recipes on one data set; measured all together, so that ratios are of one run."""
    names = given.recipes or RECIPES[what.name]
    kept, key = _paces(path), " ".join([what.name, *given.set])
    if key not in kept or not set(names) <= kept[key].samples.keys():
        kept[key] = Pace(computer(), speeds(names, what.dataset, given.set))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({key: asdict(pace) for key, pace in kept.items()}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
    return kept[key].samples


def _play(given: argparse.Namespace, what: Yardstick) -> None:
    results = given.kept / "results.jsonl"
    pace = _pace(given.kept / "speeds.json", what, given)
    for seed in given.seeds:
        for recipe in given.recipes or RECIPES[what.name]:
            samples = round(pace[recipe] * given.minutes * 60)
            key = (what.name, recipe, seed, given.minutes, tuple(given.set))
            if key in {row.key for row in _finished(results)}:
                continue
            settings = [*given.set, f"train.seed={seed}"]
            place = given.out / "-".join([what.name, recipe, f"{given.minutes:g}", str(seed)])
            print(f"{what.name}, {recipe}, seed {seed}: {samples:,} samples", flush=True)
            run = train(
                what.images[0], recipe, settings, out=place, samples=samples, verbose=False
            )
            made = whole(run).sample(len(what.images[1][0]), seed=0).values
            found = what.distance(made)
            row = Row(
                data=what.name,
                recipe=recipe,
                seed=seed,
                minutes=given.minutes,
                samples=run.seen,
                settings=list(given.set),
                frechet=(found.value, found.low, found.high),
                commit=commit(),
            )
            record(results, asdict(row))


def _cells(rows: Sequence[Row], best: Mapping[str, float]) -> list[str]:
    values = [row.frechet[0] for row in rows]
    first = rows[0]
    runs = f"{min(r.frechet[1] for r in rows):.2f} to {max(r.frechet[2] for r in rows):.2f}"
    against = f"{over_seeds(values).value / best[first.data]:.2f}" if first.data in best else ""
    return [
        *(first.data, f"`{first.recipe}`", f"{first.samples:,}", str(len(rows))),
        *(mean_text(values, ".2f"), runs, against),
    ]


def _page(rows: Sequence[Row], given: argparse.Namespace) -> Page:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.data != "mnist", row.recipe)):
        groups.setdefault((row.data, row.recipe), []).append(row)
    default = {
        data: over_seeds([r.frechet[0] for r in found]).value
        for (data, recipe), found in groups.items()
        if recipe == DEFAULT
    }
    codes = ", ".join(sorted({row.commit for row in rows}))
    asked = {
        (name, recipe, seed)
        for name in given.data
        for recipe in given.recipes or RECIPES[name]
        for seed in given.seeds
    }
    wanted = len(asked | {(row.data, row.recipe, row.seed) for row in rows})
    return Page(
        name="equal_time",
        title="Recipes at equal time",
        text=f"Class-conditional runs of {given.minutes:g} minutes by speeds measured before: "
        "recipes took turns within one run, and each was then trained to the samples that it "
        "passes in that time, whatever else the machine did. Fréchet distance of as many "
        "generated images as there are test images (10,000 of MNIST; 1,000 of CIFAR-10, whose "
        "4,000 first images train) to the test images, by features of a classifier of the "
        "training images: mean over seeds with Student's interval, ends of the single runs' "
        "intervals (jackknife), and the mean over that of the default recipe. Target: the default "
        "is best or within the best one's interval, and `mlp` at least 3 times as far.",
        command=" ".join(["python -m benchmarks.equal_time", *sys.argv[1:]]),
        n=f"{len(rows)} of {wanted} runs so far, by code of {codes}",
        columns=(
            *("data", "recipe", "samples seen", "seeds", "Fréchet distance", "single runs"),
            f"over `{DEFAULT}`",
        ),
        rows=[_cells(found, default) for found in groups.values()],
        end="\n".join(
            f"- Speeds, `{key}`: "
            + ", ".join(f"`{name}` {pace:,.0f}/s" for name, pace in found.samples.items())
            + f", on {found.machine}"
            for key, found in _paces(given.kept / "speeds.json").items()
        ),
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    options.add_argument("--recipes", nargs="*", default=None)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--set", nargs="*", default=[], help="settings, as train.threads=1")
    options.add_argument("--kept", type=Path, default=PAGES / "equal_time")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "equal_time")
    given = options.parse_args()
    if given.recipes is None or given.recipes:
        for name in given.data:
            _play(given, Yardstick(name, given.out / "cache"))
    rows = [
        row
        for row in _finished(given.kept / "results.jsonl")
        if (row.minutes, row.settings) == (given.minutes, given.set)
    ]
    if rows:
        _page(rows, given).publish(given.write)


if __name__ == "__main__":
    main()
