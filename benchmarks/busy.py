"""Steps beside another busy process: threads that wait must sleep, not spin.

python -m benchmarks.busy [--rounds 5] [--write]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

from benchmarks.common import Page, parser, setup, spread, stepper
from gantlet.training.machine import settled
from gantlet.training.step import Stepper

__all__ = ["beside_a_busy_process", "main"]

TARGET = 2.5
PASSES = {"mlp": 200, "dcgan": 24}
"""Passes in a block: about two seconds."""


@contextmanager
def beside_a_busy_process() -> Iterator[None]:
    """A process that computes without end, while the block lasts."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.5)
        yield
    finally:
        spinner.kill()
        spinner.wait()


def _milliseconds(step: Stepper, positions: Iterator[int], passes: int) -> float:
    start = time.perf_counter()
    for _ in range(passes):
        step.play(next(positions))
    return (time.perf_counter() - start) / passes * 1e3


def _measured(name: str, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds a pass, alone and beside a busy process, for each round."""
    what = setup(None, name)
    with settled(what.machine, what.config.train):
        step, positions, passes = stepper(what), count(), PASSES[name]
        _milliseconds(step, positions, passes)
        pairs = []
        for _ in range(rounds):
            alone = _milliseconds(step, positions, passes)
            with beside_a_busy_process():
                pairs.append((alone, _milliseconds(step, positions, passes)))
    return pairs


def _row(name: str, pairs: list[tuple[float, float]]) -> tuple[str, ...]:
    alone, beside = zip(*pairs, strict=True)
    ratios = [b / a for a, b in pairs]
    reached = "yes" if median(ratios) <= TARGET else "no"
    return (name, spread(alone, ".1f"), spread(beside, ".1f"), spread(ratios), reached)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    rows = [_row(name, _measured(name, given.rounds)) for name in PASSES]
    Page(
        name="busy",
        title="Beside another busy process",
        text="Milliseconds of one pass on MNIST, alone and beside one process that computes "
        "without end, in turns, with as many threads as are granted. Threads that spin at "
        "barriers lose far more than their share of the processor. "
        f"Target: at most {TARGET} times as long.",
        command="python -m benchmarks.busy --write",
        n=f"{given.rounds} rounds of "
        + ", ".join(f"{passes} passes of {name}" for name, passes in PASSES.items()),
        columns=("recipe", "alone, ms", "beside, ms", "ratio: median (range)", "reached"),
        rows=rows,
    ).publish(given.write)


if __name__ == "__main__":
    main()
