"""A recipe on a few MNIST images: without augmentation, with DiffAugment, ADA and APA.

python -m benchmarks.augmentation [--recipe r3gan] [--methods none ada ...] [--seeds 0 1 2]
                                  [--samples 100000 200000] [--images 500] [--n 10000]
                                  [--set key=value ...] [--out runs/benchmarks/augmentation]
                                  [--write]

Each method trains without labels on the same images, for each seed to the first count of samples,
then on to the next; each end is measured. Rows whose results exist are skipped, and a run that was
stopped goes on. `--methods --write` (no name) measures nothing and writes the page from what has
been measured so far, with the same --recipe, --images, --n, --steps and --set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import ROOT, Page, mean_text, mnist, parser, record, recorded, whole
from gantlet.bench.digit_judge import Digits, read_digits
from gantlet.data import open_data
from gantlet.metrics.copying import closer, near_share
from gantlet.metrics.diversity import pair_order
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.extractors import Extractor, Training, embedded
from gantlet.metrics.frechet import frechet_estimate
from gantlet.metrics.moments import grouped
from gantlet.metrics.neighbours import nearest
from gantlet.rng import permutation
from gantlet.run import Run, train
from gantlet.spec import Batch
from gantlet.training import checkpoint
from gantlet.training.folder import Folder
from gantlet.training.trainer import built

__all__ = ["METHODS", "Row", "Yardstick", "main", "measured"]

METHODS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "diffaugment": ("game.augment={policy: diffaugment, p: 1}",),
    "diffaugment-fast": ("game.augment={policy: diffaugment, p: {samples: 50000}}",),
    "diffaugment-0.4": ("game.augment={policy: diffaugment, p: 0.4}",),
    "ada": ("game.augment={}",),
    "ada-fast": ("game.augment={p: {samples: 50000}}",),
    "ada-bg": ("game.augment={policy: bg, p: {samples: 50000}}",),
    "apa": ("game.apa={}",),
    "apa-fast": ("game.apa={samples: 50000}",),
    "bcr": ("game.consistency={fake: 10}",),
}
"""Settings by name. The published 500,000 samples from p = 0 to 1 are long beside a short run; the
fast ones take a tenth. DiffAugment's p = 1 slows learning, 0.4 less."""

DEFAULT = "r3gan"
ALWAYS = ("data.held_out=false", "validation.extractor=null")
"""All images train, and the bundle holds the last generator: nothing is chosen."""
Bounds = tuple[float, float, float]


def _bounds(estimate: Estimate) -> Bounds:
    return estimate.value, estimate.low, estimate.high


@dataclass(frozen=True)
class Row:
    """What was measured at one end of one run."""

    recipe: str
    method: str
    seed: int
    samples: int
    images: int
    n: int
    steps: int
    """Of the features' network."""
    settings: list[str]
    seconds: float
    frechet: Bounds
    """Generated against held-out images: value, low, high."""
    closer: Bounds
    """Share of pairs in which a generated image lies nearer to training images than unseen."""
    near: Bounds
    """Generated images nearer to training images than all but 5 % of unseen ones."""
    gap: float
    """Mean logit of training images minus that of unseen ones."""
    overfit: float
    """The gap over the distance from training to generated images (the r_v of ADA)."""
    memory: float
    """Share of pairs (training, unseen) that the critic orders so; one half is none."""
    p: float | None
    """Adaptive probability, mean of the last tick."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it another measurement."""
        about = (self.recipe, self.images, self.n, self.steps, tuple(self.settings))
        return (self.method, self.seed, self.samples, *about)


@dataclass(frozen=True, eq=False)
class Yardstick:
    """MNIST, the images that train, and features by which all are compared.

    The features are those of a classifier trained on the other training images.
    """

    digits: Digits
    images: int
    n: int
    cache: Path
    steps: int

    @cached_property
    def order(self) -> np.ndarray:
        """The training digits, drawn once."""
        return permutation(0, "augmentation", 0, len(self.digits.x) - self.digits.test).numpy()

    @cached_property
    def extractor(self) -> Extractor:
        """Trained on digits that no run sees and nothing is compared with."""
        data = open_data((self.digits.x, self.digits.y))
        rest = self.order[self.images + self.n :]
        return embedded(data, rest, Training(steps=self.steps), cache=self.cache)

    def training(self) -> np.ndarray:
        """The images that train, (images, 28, 28)."""
        return self.digits.x[self.order[: self.images]]

    def unseen(self) -> np.ndarray:
        """The test digits, at most n."""
        return self.digits.x[-self.digits.test :][: self.n]

    def spare(self) -> np.ndarray:
        """As many other training digits: what a perfect sampler would make."""
        return self.digits.x[self.order[self.images :]][: len(self.unseen())]

    def features(self, x: np.ndarray) -> Tensor:
        """Shape (N, D)."""
        return self.extractor.answers(x.reshape(-1, 1, *x.shape[-2:])).features

    @cached_property
    def on_unseen(self) -> Tensor:
        """Features of the test digits."""
        return self.features(self.unseen())

    @cached_property
    def on_training(self) -> Tensor:
        """Features of the images that train."""
        return self.features(self.training())

    def quality(self, made: np.ndarray) -> tuple[Bounds, Bounds, Bounds]:
        """Fréchet distance to the test digits; how near to training images: `closer`, `near`."""
        features = self.features(made)
        distance = frechet_estimate(grouped(self.on_unseen), grouped(features))
        mine, theirs = (nearest(f, self.on_training).distance for f in (features, self.on_unseen))
        shares = closer(mine, theirs).share, near_share(mine, theirs)
        return _bounds(distance), _bounds(shares[0]), _bounds(shares[1])


@torch.no_grad()
def _logits(run: Run, sets: Sequence[np.ndarray]) -> list[Tensor]:
    """The last critic's logits on sets of images as they are, but for the rest of a group."""
    found, _ = checkpoint.newest(Folder(run.path).checkpoints)
    assert found is not None
    spec = run.bundle.spec
    game = built(run.bundle.config, spec)
    game.players.load_state_dict(found.tensors["players"])
    assert game.judge is not None
    answers = []
    for values in sets:
        x = spec.encode(torch.from_numpy(values.reshape(-1, *spec.shape)))
        x = x[: len(x) // game.group * game.group]
        parts = [game.judge(game.players, Batch(part)) for part in x.split(8 * game.group)]
        answers.append(torch.cat(parts))
    return answers


def measured(
    recipe: str,
    method: str,
    seed: int,
    samples: int,
    *,
    what: Yardstick,
    out: Path,
    settings: Sequence[str],
) -> Row:
    """Train to a count of samples, or on to it, and measure."""
    name = "-".join([recipe, method, str(what.images), f"seed{seed}", *settings])
    images = out / f"images-{what.images}.npy"
    if not images.exists():
        images.parent.mkdir(parents=True, exist_ok=True)
        np.save(images, what.training())
    chosen = [*ALWAYS, f"train.seed={seed}", *METHODS[method], *settings]
    run = whole(train(images, recipe, chosen, out=out / name, samples=samples, verbose=False))
    made = run.sample(len(what.unseen()), seed=0).values
    known, unseen, fake = _logits(run, [what.training(), what.unseen(), made])
    gap, reach = float(known.mean() - unseen.mean()), float(known.mean() - fake.mean())
    distance, nearer, near = what.quality(made)
    last = [row for row in run.log if "discriminator/loss" in row][-1]
    chances = [last.get(f"discriminator/{name}_p") for name in ("augment", "apa")]
    return Row(
        recipe=recipe,
        method=method,
        seed=seed,
        samples=samples,
        images=what.images,
        n=what.n,
        steps=what.steps,
        settings=list(settings),
        seconds=last["seconds"],
        frechet=distance,
        closer=nearer,
        near=near,
        gap=gap,
        overfit=gap / reach if reach else float("nan"),
        memory=pair_order(known, unseen),
        p=next((p for p in chances if p is not None), None),
    )


def _finished(path: Path) -> list[Row]:
    return [Row(**row) for row in recorded(path)]


def _play(given: argparse.Namespace, what: Yardstick) -> None:
    """Measure what is missing."""
    results = given.out / "results.jsonl"
    about = (given.recipe, what.images, what.n, what.steps, tuple(given.set))
    for seed in given.seeds:
        for method in given.methods:
            for samples in sorted(given.samples):
                if (method, seed, samples, *about) in {row.key for row in _finished(results)}:
                    print(f"{method}, seed {seed}, {samples}: measured before", flush=True)
                    continue
                row = measured(
                    given.recipe,
                    method,
                    seed,
                    samples,
                    what=what,
                    out=given.out,
                    settings=given.set,
                )
                record(results, asdict(row))


def _cells(method: str, samples: int, rows: Sequence[Row]) -> list[str]:
    chances = [row.p for row in rows if row.p is not None]
    lows, highs = [row.frechet[1] for row in rows], [row.frechet[2] for row in rows]
    return [
        f"`{method}`",
        f"{samples:,}",
        str(len(rows)),
        mean_text([row.frechet[0] for row in rows], ".2f"),
        f"{min(lows):.2f} to {max(highs):.2f}",
        mean_text([row.closer[0] for row in rows], ".3f"),
        mean_text([row.near[0] for row in rows], ".3f"),
        mean_text([row.gap for row in rows], ".2f"),
        mean_text([row.overfit for row in rows], ".2f"),
        mean_text([row.memory for row in rows], ".2f"),
        mean_text(chances, ".2f"),
        f"{sum(row.seconds for row in rows) / len(rows):.0f}",
    ]


def _yardsticks(what: Yardstick) -> list[list[str]]:
    """A perfect sampler and one that copies, scored as the runs are."""
    copies = np.resize(what.training(), what.unseen().shape)
    rows = []
    for name, made in (("other real images", what.spare()), ("the training images", copies)):
        distance, nearer, near = what.quality(made)
        cells = [f"{distance[0]:.2f}", f"{distance[1]:.2f} to {distance[2]:.2f}"]
        rows.append([name, "", "", *cells, f"{nearer[0]:.3f}", f"{near[0]:.3f}", *[""] * 5])
    return rows


def _page(rows: Sequence[Row], what: Yardstick) -> Page:
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, row.samples), []).append(row)
    order = sorted(groups, key=lambda key: (list(METHODS).index(key[0]), key[1]))
    settings = "; ".join(
        f"`{name}`: {' '.join(f'`{s}`' for s in METHODS[name]) or 'the recipe as it is'}"
        for name in METHODS
        if any(row.method == name for row in rows)
    )
    recipe = rows[0].recipe
    return Page(
        name="augmentation" if recipe == DEFAULT else f"augmentation-{recipe}",
        title=f"Augmentation on {what.images} MNIST images, {recipe}",
        text=f"Recipe `{recipe}` without labels on {what.images} training images, none "
        f"set aside. Fréchet distance of {len(what.unseen()):,} generated images to as many of "
        "MNIST's test images, by features of a classifier of the remaining training images: mean "
        "over seeds with Student's interval, then the ends of the single runs' intervals "
        "(jackknife). Copying: share of pairs in which a generated image lies nearer to the "
        "training images than a test image (one half for a perfect sampler, 1 for copies), and "
        "generated images nearer than all but 5 % of the test images. Gap: D(train) - D(test), in "
        "mean logits of the last critic. Overfit: the gap over D(train) - D(generated), 0 for "
        "none, 1 where test images "
        "look to it like generated ones. Order: pairs (training, test) that it orders so, one "
        f"half for none. Settings: {settings}.",
        command=" ".join(["python -m benchmarks.augmentation", *sys.argv[1:]]),
        n=f"{len(rows)} ends of runs, {what.images} images, {len(what.unseen()):,} against "
        f"{len(what.unseen()):,}",
        columns=(
            *("method", "samples seen", "seeds", "Fréchet distance", "single runs"),
            *("nearer than unseen", "nearest 5 %", "gap", "overfit", "order", "p", "seconds"),
        ),
        rows=[*(_cells(*key, groups[key]) for key in order), *_yardsticks(what)],
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--recipe", default=DEFAULT)
    default = ["none", "diffaugment", "ada", "apa"]
    options.add_argument("--methods", nargs="*", default=default, choices=list(METHODS))
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--samples", nargs="+", type=int, default=[100_000, 200_000])
    options.add_argument("--images", type=int, default=500, help="that train")
    options.add_argument("--n", type=int, default=10_000, help="compared on either side, at most")
    options.add_argument("--steps", type=int, default=900, help="of the features' network")
    options.add_argument("--set", nargs="*", default=[], help="settings, as train.device=cpu")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "augmentation")
    given = options.parse_args()
    what = Yardstick(read_digits(mnist()), given.images, given.n, given.out / "cache", given.steps)
    _play(given, what)
    asked = (given.recipe, given.images, given.n, given.steps, tuple(given.set))
    rows = [r for r in _finished(given.out / "results.jsonl") if r.key[3:] == asked]
    if rows:
        _page(rows, what).publish(given.write)


if __name__ == "__main__":
    main()
