"""A few images of other digits: from the seed's weights, from another run's, with frozen blocks.

python -m benchmarks.transfer [--images 100] [--seeds 0 1 2] [--samples 2000 8000] [--source 20000]
                              [--out runs/benchmarks/transfer] [--write]

The source is a run on scikit-learn's digits 0 to 4. Each method trains on some of the digits 5 to
9, for each seed to the first count of samples, then on to the next; each end is measured. Rows
whose results exist are skipped, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmarks.common import ROOT, Page, mean_text, parser, record, recorded
from gantlet.data import open_data
from gantlet.metrics.copying import near_share
from gantlet.metrics.extractors import Extractor, Training, embedded
from gantlet.metrics.frechet import frechet_estimate
from gantlet.metrics.moments import grouped
from gantlet.metrics.neighbours import nearest
from gantlet.rng import permutation
from gantlet.run import train

__all__ = ["METHODS", "Digits", "Row", "main", "measured"]

METHODS: Mapping[str, tuple[str, ...] | None] = {
    "seed": None,
    "from": (),
    "from, 1 frozen": ("train.freeze_discriminator=1",),
}
"""Settings beside the run to begin with, or none."""
ALWAYS = ("data.labels=false", "data.held_out=false", "validation.extractor=null")
"""All images train, and the bundle holds the last generator: nothing is chosen."""
_FIRST = 5
"""Classes of the source."""


@dataclass(frozen=True)
class Row:
    """What was measured at one end of one run."""

    method: str
    seed: int
    samples: int
    images: int
    source: int
    frechet: tuple[float, float, float]
    """Generated against unseen images: value, low, high."""
    near: float
    """Generated images nearer to training images than all but 5 % of unseen ones."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it another measurement."""
        return (self.method, self.seed, self.samples, self.images, self.source)


@dataclass(frozen=True, eq=False)
class Digits:
    """The source's digits, those that train, and features of a classifier of the source's."""

    images: int

    @cached_property
    def _all(self) -> tuple[np.ndarray, np.ndarray]:
        data = open_data("digits")
        return np.asarray(data.raw), np.asarray(data.y)

    @property
    def source(self) -> np.ndarray:
        """Digits 0 to 4, (N, 1, 8, 8)."""
        x, y = self._all
        return x[y < _FIRST]

    @property
    def training(self) -> np.ndarray:
        """Some of the digits 5 to 9."""
        return self._others[: self.images]

    @property
    def unseen(self) -> np.ndarray:
        """The rest of them."""
        return self._others[self.images :]

    @property
    def _others(self) -> np.ndarray:
        x, y = self._all
        others = x[y >= _FIRST]
        return others[permutation(0, "transfer", 0, len(others)).numpy()]

    @cached_property
    def extractor(self) -> Extractor:
        """Trained on the source's digits alone."""
        x, y = self._all
        data = open_data((x[y < _FIRST], y[y < _FIRST]))
        return embedded(data, np.arange(len(data)), Training())

    def features(self, x: np.ndarray) -> Tensor:
        """Shape (N, D)."""
        return self.extractor.answers(x).features


def measured(method: str, seed: int, samples: int, what: Digits, given: argparse.Namespace) -> Row:
    """Train to a count of samples, or on to it, and measure."""
    begun, settings = METHODS[method], [*ALWAYS, f"train.seed={seed}", "train.tick=2000"]
    first = None
    if begun is not None:
        first = given.out / f"source-seed{seed}"
        train(what.source, None, settings, out=first, samples=given.source, verbose=False)
    out = given.out / f"{method.replace(', ', '-').replace(' ', '-')}-{what.images}-seed{seed}"
    run = train(
        what.training,
        None,
        [*settings, *(begun or ())],
        out=out,
        samples=samples,
        init_from=first,
        verbose=False,
    )
    made = what.features(run.sample(len(what.unseen), seed=0).values)
    unseen, known = what.features(what.unseen), what.features(what.training)
    distance = frechet_estimate(grouped(unseen), grouped(made))
    share = near_share(nearest(made, known).distance, nearest(unseen, known).distance)
    return Row(
        method=method,
        seed=seed,
        samples=samples,
        images=what.images,
        source=given.source,
        frechet=(distance.value, distance.low, distance.high),
        near=share.value,
    )


def _finished(path: Path) -> list[Row]:
    return [Row(**row) for row in recorded(path)]


def _page(rows: Sequence[Row], what: Digits) -> Page:
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, row.samples), []).append(row)
    cells = [
        [
            method,
            f"{samples:,}",
            str(len(found)),
            mean_text([row.frechet[0] for row in found], ".1f"),
            f"{min(r.frechet[1] for r in found):.1f} to {max(r.frechet[2] for r in found):.1f}",
            mean_text([row.near for row in found], ".3f"),
        ]
        for (method, samples), found in groups.items()
    ]
    halves = [grouped(what.features(what.unseen[i::2])) for i in range(2)]
    floor = frechet_estimate(*halves)
    bounds = f"{floor.low:.1f} to {floor.high:.1f}"
    cells.append(["real images", "", "", f"{floor.value:.1f}", bounds, ""])
    return Page(
        name="transfer",
        title=f"From digits 0 to 4 to {what.images} images of digits 5 to 9",
        text="Recipe `r3gan` without labels on scikit-learn's digits of 8x8 pixels. The methods "
        "begin with the seed's weights, with those of a run on the digits 0 to 4 of "
        f"{rows[0].source:,} samples (`--from`), and with these while the discriminator's first "
        "block stays as it is (`train.freeze_discriminator=1`). Fréchet distance of generated to "
        f"{len(what.unseen)} unseen images by features of a classifier of the digits 0 to 4: mean "
        "over seeds with Student's interval, then the ends of the single runs' intervals "
        "(jackknife). Copying: generated images nearer to the training images than all but 5 % of "
        "the unseen ones. The last row: one half of the unseen images against the other.",
        command=" ".join(["python -m benchmarks.transfer", *sys.argv[1:]]),
        n=f"{len(rows)} ends of runs",
        columns=(
            *("begins with", "samples seen", "seeds", "Fréchet distance", "single runs"),
            "nearest 5 %",
        ),
        rows=cells,
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=100, help="that train")
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--samples", nargs="+", type=int, default=[2_000, 8_000])
    options.add_argument("--source", type=int, default=20_000, help="samples of the source")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "transfer")
    given = options.parse_args()
    what, results = Digits(given.images), given.out / "results.jsonl"
    for seed in given.seeds:
        for method in METHODS:
            for samples in sorted(given.samples):
                key = (method, seed, samples, given.images, given.source)
                if key in {row.key for row in _finished(results)}:
                    continue
                row = measured(method, seed, samples, what, given)
                record(results, asdict(row))
    rows = [r for r in _finished(results) if r.key[3:] == (given.images, given.source)]
    _page(rows, what).publish(given.write)


if __name__ == "__main__":
    main()
