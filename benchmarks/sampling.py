"""Sampling into a zip of PNG files, against the bare generator and the bare encoder.

python -m benchmarks.sampling [--count 10000] [--rounds 5] [--write]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Page, parser, setup, spread
from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.png import encoded
from gantlet.processors import granted_threads
from gantlet.rng import BLOCK
from gantlet.sample import ready, sample, sample_into_zip
from gantlet.training.snapshot import blocks
from gantlet.training.trainer import built

__all__ = ["encoder", "forward", "fresh", "main", "timed"]

SHARE = 0.8
CASES = (("r3gan", (28, 28, 1)), ("r3gan", (32, 32, 3)), ("dcgan", (32, 32, 3)))
"""Recipes and shapes of images."""


def fresh(recipe: str, shape: tuple[int, ...]) -> Bundle:
    """A generator as it is before training, for images of a shape (H, W, C)."""
    noise = np.random.default_rng(0).integers(0, 256, (40, *shape)).astype(np.uint8)
    what = setup(open_data(noise), recipe)
    game = built(what.config, what.dataset.spec)
    game.players.eval()
    return Bundle(game, what.dataset.spec, what.config, {}, Path())


def forward(bundle: Bundle, count: int) -> None:
    """The generator alone, as sampling calls it."""
    with ready(bundle, "cpu") as (players, machine):
        for _ in blocks(bundle.game, players, bundle.spec, machine, seed=0, count=count):
            pass


def encoder(images: NDArray[np.uint8], count: int) -> None:
    """The encoder alone, by as many threads as sampling has."""

    def work(start: int) -> None:
        places = np.arange(start, min(start + BLOCK, count)) % len(images)
        for _ in encoded(images[places]):
            pass

    with ThreadPoolExecutor(granted_threads()) as pool:
        list(pool.map(work, range(0, count, BLOCK)))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


def _shares(rates: list[list[float]]) -> str:
    """The rate into the zip by its target, over rounds of (generator, encoder, zip)."""
    shares = [zipped / min(SHARE * bare, limit) for bare, limit, zipped in rates]
    return f"{spread(shares)}, {'reached' if median(shares) >= 1 else 'missed'}"


def _row(recipe: str, shape: tuple[int, ...], given: argparse.Namespace) -> tuple[str, ...]:
    bundle, part = fresh(recipe, shape), -(-given.count // given.rounds)
    images = sample(bundle, 256, device="cpu").values.transpose(0, 2, 3, 1)
    clock, processors = list[list[float]](), list[list[float]]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.zip"
        for _ in range(given.rounds):  # in turn, so that a busy machine is busy for all
            works = (
                lambda: forward(bundle, part),
                lambda: encoder(images, part),
                lambda: sample_into_zip(bundle, path, part, device="cpu"),
            )
            times = [timed(work) for work in works]
            clock.append([part / seconds for seconds, _ in times])
            processors.append([part / seconds for _, seconds in times])
    columns = [spread(column, ",.0f") for column in zip(*clock, strict=True)]
    size = "x".join(map(str, shape))
    return recipe, size, *columns, _shares(clock), _shares(processors)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    Page(
        name="sampling",
        title="Sampling into a zip",
        text=f"`gantlet sample RUN -n {given.count} --out made.zip` against its two parts: the "
        "generator alone, and the PNG encoder alone on what it makes, with the threads that "
        f"sampling has. Target: {SHARE:.0%} of the generator's rate, or the encoder's, whichever "
        "is lower. Median and range over rounds; each round measures all three. Generators are as "
        "they are before training.",
        command=f"python -m benchmarks.sampling --count {given.count} --write",
        n=f"{given.count:,} images in {given.rounds} rounds, for each row and column",
        columns=(
            *("recipe", "images", "generator, images/s", "encoder, images/s"),
            *("zip, images/s", "zip / target", "the same in time of processors"),
        ),
        rows=[_row(recipe, shape, given) for recipe, shape in CASES],
        end="Generator and encoder share the processors here: what the encoder takes, the "
        "generator has not. Rates by the clock vary with what else the machine does (its load at "
        f"the end: {os.getloadavg()[0]:.1f}); the last column counts only what each has used.",
    ).publish(given.write)


if __name__ == "__main__":
    main()
