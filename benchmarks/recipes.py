"""All recipes for images on MNIST with labels, each for a fixed number of samples.

python -m benchmarks.recipes [--recipes dcgan r3gan] [--samples N] [--scale 0.1]
                             [--set key=value ...] [--out runs/benchmarks/recipes] [--write]

Rows whose results exist are skipped; a run that was stopped goes on. `--recipes --write` (no
name) measures nothing and writes the page from what has been measured so far.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.classifier import trained
from benchmarks.common import PAGES, ROOT, Page, mnist, parser, record, recorded, whole
from gantlet.bench.digit_judge import DigitJudge
from gantlet.metrics.estimate import wilson
from gantlet.run import load, train
from gantlet.sample import Samples
from gantlet.training.callback import Callback, Progress
from gantlet.training.pictures import grid

__all__ = ["SAMPLES", "Row", "main", "measured"]

SAMPLES: Mapping[str, int] = {
    "minimax": 2_000_000,
    "mlp": 2_000_000,
    "mlp-leaky": 2_000_000,
    "dcgan": 400_000,
    "resnet": 250_000,
    "lsgan": 400_000,
    "wgan": 400_000,
    "wgan-gp": 400_000,
    "sngan": 250_000,
    "biggan": 250_000,
    "r3gan": 200_000,
    "progressive": 160_000,
    "fastgan": 200_000,
    "stylegan2": 200_000,
}
"""Real samples each recipe sees: about six minutes on two cores."""

THEORY: Mapping[str, str] = {
    "minimax": "The saturating loss: its slope in the logit, -sigmoid(l), vanishes where the "
    "discriminator is sure (arXiv 1406.2661, section 3; arXiv 1701.04862, theorem 2.4).",
    "mlp": "Without a penalty the game need not converge (arXiv 1801.04406), and its gradient "
    "forgives missing modes (arXiv 1701.04862, theorem 2.5); ReLUs that are zero pass none.",
    "mlp-leaky": "Without a penalty the game need not converge (arXiv 1801.04406), and its "
    "gradient forgives missing modes (arXiv 1701.04862, theorem 2.5).",
    "wgan": "Clipped weights bound the critic's slope, but leave critics that are too simple and "
    "gradients that vanish or explode with depth (arXiv 1704.00028, section 3); the paper itself "
    "calls clipping a poor way (arXiv 1701.07875). One generator step in five passes is slow.",
}
"""What theory says of recipes that may fail."""
UNEXPLAINED = "Theory gives no reason: too few samples, or a fault."

EACH = 100
LEARNED = 0.9
"""Accuracy from which a recipe counts as having learned, with all ten classes."""


@dataclass(frozen=True)
class Row:
    """What was measured of one recipe."""

    recipe: str
    samples: int
    seconds: float
    loss_d: float
    loss_g: float
    coverage: float
    hits: list[int]
    """Of EACH samples asked for of each class, those that the classifier takes for it."""
    verdict: str
    settings: tuple[str, ...] = ()
    """Settings that differ from the recipe's."""

    @property
    def accuracy(self) -> float:
        """Share of samples that show the digit asked for."""
        return sum(self.hits) / (EACH * len(self.hits))

    @property
    def classes(self) -> int:
        """Digits that more than half of their samples show."""
        return sum(2 * hits > EACH for hits in self.hits)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        share = wilson(sum(self.hits), EACH * len(self.hits))
        learned = self.accuracy >= LEARNED and self.classes == len(self.hits)
        return (
            " ".join([f"`{self.recipe}`", *self.settings]),
            f"{self.samples:,}",
            f"{self.seconds:.0f}",
            f"{self.loss_d:.3f}",
            f"{self.loss_g:.3f}",
            f"{self.coverage:.2f}",
            f"{self.accuracy:.3f} [{share.low:.3f}, {share.high:.3f}]",
            f"{self.classes} of {len(self.hits)}",
            "" if learned else THEORY.get(self.recipe, UNEXPLAINED),
        )


class Line(Callback):
    """One line every few seconds."""

    def __init__(self, recipe: str) -> None:
        self.recipe, self.calls = recipe, 0

    def on_progress(self, progress: Progress) -> None:
        """Every fortieth call, about ten seconds apart."""
        self.calls += 1
        if self.calls % 40 == 1:
            left = progress.seconds_left or 0
            text = (
                f"{self.recipe}: {progress.seen:,} seen, {progress.rate:.0f}/s, {left:.0f} s left"
            )
            print(text, flush=True)

    def on_note(self, sentence: str) -> None:
        """Roll-backs and damaged checkpoints."""
        print(f"{self.recipe}: {sentence}", flush=True)


def _drawn(run: Path) -> list[Samples]:
    """EACH samples of every class."""
    loaded = load(run)
    return [loaded.sample(EACH, seed=0, label=str(digit)) for digit in range(10)]


@torch.no_grad()
def _hits(judge: DigitJudge, drawn: Sequence[Samples]) -> list[int]:
    return [
        int((judge(torch.from_numpy(samples.values)).argmax(1) == digit).sum())
        for digit, samples in enumerate(drawn)
    ]


def _save_grid(drawn: Sequence[Samples], path: Path) -> None:
    """Ten samples of each class, a column each, in 16 shades: a file below 60 kB."""
    columns = np.stack([samples.values[:10] for samples in drawn], axis=1)
    values = columns.reshape(-1, *columns.shape[2:])
    grid(values, drawn[0].spec, columns=10).quantize(16).save(path, optimize=True)


def measured(
    recipe: str, samples: int, out: Path, judge: DigitJudge, settings: Sequence[str] = ()
) -> Row:
    """Train, sample, judge."""
    folder = out / "-".join([recipe, *settings, str(samples)])
    run = train(
        mnist(),
        recipe,
        settings,
        out=folder,
        samples=samples,
        callbacks=[Line(recipe)],
        verbose=False,
    )
    drawn = _drawn(whole(run).path)
    _save_grid(drawn, out / f"recipes-{recipe}.png")
    last = [row for row in run.log if "coverage" in row][-1]
    return Row(
        recipe=recipe,
        samples=run.seen,
        seconds=last["seconds"],
        loss_d=last["discriminator/loss"],
        loss_g=last.get("generator/loss", float("nan")),
        coverage=last["coverage"],
        hits=_hits(judge, drawn),
        verdict=str(run.verdict),
        settings=tuple(settings),
    )


def _finished(path: Path) -> list[Row]:
    return [Row(**row) for row in recorded(path)]


def _page(rows: Sequence[Row], quality: float) -> Page:
    latest = {row.recipe: row for row in rows}
    done = [latest[name] for name in SAMPLES if name in latest]
    pictures = [f"## {r.recipe}\n\n![{r.recipe}](recipes-{r.recipe}.png)" for r in done]
    return Page(
        name="recipes",
        title="The recipes on MNIST",
        text=f"One class-conditional run of each recipe with its own settings, {len(done)} of "
        f"{len(SAMPLES)} measured. Accuracy: of {EACH} samples of each digit, the share that a "
        f"small classifier ({100 * quality:.2f} % on MNIST's test images) takes for the digit "
        "asked for, with Wilson's 95 % interval; classes: digits that more than half of their "
        "samples show. Losses are means over the last tick. In the pictures each column is a "
        f"class. A recipe has learned if all ten classes appear and accuracy is at least {LEARNED}"
        "; else the last column says what theory says.",
        command="python -m benchmarks.recipes --write",
        n=f"{10 * EACH:,} samples of each recipe, one run of each (seed 0)",
        columns=(
            "recipe",
            "samples seen",
            "seconds",
            "D loss",
            "G loss",
            "coverage",
            "accuracy [95 %]",
            "classes",
            "where it fails",
        ),
        rows=[row.cells() for row in done],
        end="\n\n".join(pictures),
    )


def _play(given: argparse.Namespace, judge: DigitJudge) -> None:
    """Measure the recipes whose results are missing."""
    results = given.out / "results.jsonl"
    for recipe in given.recipes:
        samples = given.samples or round(given.scale * SAMPLES[recipe])
        key = (recipe, tuple(given.set))
        if any(
            (row.recipe, tuple(row.settings)) == key and row.samples >= samples
            for row in _finished(results)
        ):
            print(f"{recipe}: measured before", flush=True)
            continue
        row = measured(recipe, samples, given.out, judge, given.set)
        record(results, asdict(row))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--recipes", nargs="*", default=list(SAMPLES), choices=list(SAMPLES))
    options.add_argument("--samples", type=int, help="for each recipe, instead of the table's")
    options.add_argument("--set", nargs="*", default=[], help="settings, as train.seed=1")
    options.add_argument("--scale", type=float, default=1.0, help="of the table's numbers")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "recipes")
    given = options.parse_args()
    judge, quality = trained(mnist(), given.out / "classifier.safetensors")
    print(f"classifier: {100 * quality:.2f} % of MNIST's test images", flush=True)
    _play(given, judge)
    rows = _finished(given.out / "results.jsonl")
    if given.write:
        for row in rows:
            name = f"recipes-{row.recipe}.png"
            shutil.copyfile(given.out / name, PAGES / name)
    _page(rows, quality).publish(given.write)


if __name__ == "__main__":
    main()
