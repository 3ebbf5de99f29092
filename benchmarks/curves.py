"""Losses over the first steps of recipes by mode: are those of fast modes those of float32?

python -m benchmarks.curves [--recipes dcgan,r3gan,stylegan2] [--sides 32,64] [--seeds 3]
    [--modes float32,graphs] [--steps 2000] [--batch 32] [--device cuda]
    [--out runs/benchmarks/curves] [--write]

Each run is kept in --out and not played again. The first mode is the one that others are held to.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, variance

import torch

from benchmarks.common import ROOT, Page, kept, numbers, parser, setup, stepper, words
from benchmarks.throughput import MODES
from gantlet.config import DataSettings
from gantlet.data import open_data
from gantlet.training.machine import settled

__all__ = ["by_chance", "curves", "difference", "main"]

WINDOW = 50
"""Steps of one point of a curve."""
Curves = Mapping[str, Sequence[float]]


def curves(name: str, side: int, settings: Sequence[str], steps: int) -> dict[str, list[float]]:
    """The loss of each phase on the built-in digits, enlarged: means of `WINDOW` steps each."""
    what = setup(open_data("digits", DataSettings(size=(side, side))), name, settings)
    found: dict[str, list[float]] = {}
    with settled(what.machine, what.config.train):
        play = stepper(what)
        for position in range(steps):
            play.play(position)
            if (position + 1) % WINDOW == 0:
                for key, value in play.meters.means().items():
                    if key.endswith("/loss"):
                        found.setdefault(key, []).append(value)
                play.meters.clear()
    return found


def difference(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """The root mean square over windows of t, the difference of two means over its own error.

    t = (mean(a) - mean(b)) / sqrt((var(a) + var(b)) / n) for n seeds on either side. Of curves
    that differ by chance alone it follows Student's law with k = 2 (n - 1) degrees of freedom,
    whose root mean square is sqrt(k / (k - 2)).

    Arguments:
        ours, theirs: for each of n seeds the points of its curve; n of at least 2.
    """
    squares = []
    for a, b in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True):
        error = (variance(a) + variance(b)) / len(a)
        gap = (mean(a) - mean(b)) ** 2
        squares.append(gap / error if error else math.inf * gap if gap else 0.0)
    return math.sqrt(mean(squares))


def by_chance(seeds: int) -> float:
    """What `difference` is of curves that differ by chance alone; infinite below three seeds."""
    free = 2 * (seeds - 1)
    return math.sqrt(free / (free - 2)) if free > 2 else math.inf


def _played(given: argparse.Namespace, name: str, side: int, mode: str, seed: int) -> Curves:
    settings = [*MODES[mode], f"train.device={given.device}", f"train.seed={seed}"]
    settings += [f"train.batch={given.batch}", *given.set]
    measure = partial(curves, name, side, settings, given.steps)
    key = f"{name}-{side}-{mode}-{seed}"
    found: Curves = kept(given.out, key, [*settings, given.steps], measure)
    return found


def _rows(given: argparse.Namespace, name: str, side: int) -> list[list[str]]:
    seeds = range(given.seeds)
    runs = {mode: [_played(given, name, side, mode, s) for s in seeds] for mode in given.modes}
    first, rows = given.modes[0], []
    for phase in runs[first][0]:
        of = {mode: [run[phase] for run in found] for mode, found in runs.items()}
        for mode in given.modes:
            ends = mean(curve[-1] for curve in of[mode])
            apart = "" if mode == first else f"{difference(of[mode], of[first]):.2f}"
            rows.append([f"{name}, {side}x{side}", phase, mode, f"{ends:.4f}", apart])
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--recipes", type=words, default=["dcgan", "r3gan", "stylegan2"])
    options.add_argument("--sides", type=numbers, default=[32, 64])
    options.add_argument("--modes", type=words, default=["float32", "graphs"])
    options.add_argument("--seeds", type=int, default=3, help="of each mode, at least 2")
    options.add_argument("--steps", type=int, default=2_000)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--set", nargs="*", default=[], help="settings, as train.threads=1")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "curves")
    given = options.parse_args()
    cases = [(name, side) for name in given.recipes for side in given.sides]
    Page(
        name="curves",
        title="Loss curves by mode",
        text=f"The built-in digits, enlarged, batch {given.batch}, on {given.device}: "
        f"{given.steps:,} steps for each of {given.seeds} seeds. Modes are those of "
        f"[throughput](throughput.md). Means of {WINDOW} steps are compared with those of "
        f"`{given.modes[0]}`: the difference of the means over seeds, over its standard error, "
        f"root mean square over the curve. By chance alone it is {by_chance(given.seeds):.2f}.",
        command=" ".join(["python -m benchmarks.curves", *sys.argv[1:]]),
        n=f"{given.seeds} seeds of each mode, {given.steps // WINDOW} points of each curve",
        columns=("recipe", "loss", "mode", "at the end", "difference"),
        rows=[row for case in cases for row in _rows(given, *case)],
    ).publish(given.write)


if __name__ == "__main__":
    main()
