"""Samples a second by mode, share of the matrix peak, memory, where the time goes, price of ticks.

python -m benchmarks.throughput [--recipes dcgan,r3gan] [--sides 28,32,64] [--batch 32]
    [--modes float32,channels_last,bfloat16,compiled,graphs,compiled_graphs] [--rounds 3]
    [--seconds 1] [--clock wall] [--out runs/benchmarks/throughput] [--write]

What has been measured stands in files of --out and is not measured again. On a processor that
other programs use, --clock own counts the processor time that a process gets, with one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from subprocess import PIPE

import numpy as np
import torch

from benchmarks.common import (
    ROOT,
    Page,
    Setup,
    kept,
    numbers,
    parser,
    setup,
    spread,
    stepper,
    table,
    words,
)
from benchmarks.flops import flops_of_a_sample
from benchmarks.spans import timed
from benchmarks.ticks import price_of_ticks
from gantlet.config import Train
from gantlet.data import open_data
from gantlet.training.machine import find_machine, settled
from gantlet.training.step import Stepper

__all__ = ["MODES", "main", "matrix_peak", "price_of_penalties", "where_time_goes"]

Clock = Callable[[], float]

MODES: Mapping[str, Sequence[str]] = {
    "float32": ("train.precision=float32", "train.channels_last=false"),
    "channels_last": ("train.precision=float32",),
    "bfloat16": ("train.precision=bfloat16",),
    "compiled": ("train.precision=auto", "train.compile=true"),
    "graphs": ("train.precision=auto", "train.cuda_graphs=true"),
    "compiled_graphs": ("train.precision=auto", "train.compile=true", "train.cuda_graphs=true"),
}
"""The first three each with what the one before it has; the others in the precision that `auto`
takes."""
IMAGES = 1_024
CLOCKS: Mapping[str, Clock] = {"wall": time.perf_counter, "own": time.process_time}
_MISSED, _PRICE = "missed", "all that penalties cost"
SIDE_OF_MATRICES = {"cpu": 1_024, "cuda": 8_192}


def modes_here(device: str) -> list[str]:
    """Modes that a device has.

    bfloat16 in its own instructions; `compiled` where that is worth its time, not on a processor;
    graphs on CUDA.
    """
    has = find_machine(Train(device=device)).precision == "bfloat16"
    able = {"bfloat16": has, "compiled": device != "cpu"}
    able["graphs"] = able["compiled_graphs"] = device.startswith("cuda")
    return [mode for mode in MODES if able.get(mode, True)]


def images(name: str, side: int, settings: Sequence[str]) -> Setup:
    """A recipe on noise with ten labels; images of 28x28 have one channel, larger ones three."""
    shape = (IMAGES, side, side, 1 if side == 28 else 3)
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return setup(open_data((x, np.arange(IMAGES) % 10)), name, settings)


def matrix_peak(device: str, dtype: torch.dtype, clock: Clock, repeats: int = 3) -> float:
    """The best of some products of two large square matrices, in operations a second."""
    n = SIDE_OF_MATRICES[torch.device(device).type]
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    wait = _waiting(device)
    best = float("inf")
    for _ in range(repeats + 1):  # the first warms up, and is seldom the best
        wait()
        start = clock()
        torch.mm(a, b)
        wait()
        best = min(best, clock() - start)
    return 2 * n**3 / best


def _waiting(device: str) -> Callable[[], object]:
    return partial(torch.cuda.synchronize, device) if device.startswith("cuda") else lambda: None


def _rate(play: Stepper, places: Iterator[int], seconds: float, clock: Clock) -> float:
    """Samples a second, over whole turns of all phases."""
    every = math.lcm(*(phase.every for phase in play.game.phases))
    wait = _waiting(play.machine.device)
    wait()
    start, passes = clock(), 0
    while passes == 0 or clock() - start < seconds:
        for _ in range(every):
            play.play(next(places))
        wait()
        passes += every
    return passes * play.config.train.batch / (clock() - start)


def _memory(device: str) -> int:
    """The most bytes that were held: by torch on a device, by the process on a processor."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _work(way: str, name: str, side: int, settings: Sequence[str]) -> None:
    """In a process of its own: for each line of input play so many seconds; answer in JSON."""
    what = images(name, side, settings)
    dtype = torch.bfloat16 if what.machine.precision == "bfloat16" else torch.float32
    clock = CLOCKS[way]
    with settled(what.machine, what.config.train):
        play, places, device = stepper(what), count(), what.machine.device
        for line in sys.stdin:
            rate = _rate(play, places, float(line), clock)
            memory = _memory(device)
            peak = matrix_peak(device, dtype, clock)
            print(json.dumps({"rate": rate, "memory": memory, "peak": peak}), flush=True)


def _rounds(
    given: argparse.Namespace, name: str, side: int, modes: Sequence[str]
) -> dict[str, list[dict[str, float]]]:
    """What each mode's process answered in each round, after two to warm up.

    The second turn of each phase is recorded where phases are CUDA graphs.
    """
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    with ExitStack() as stack:
        processes = {}
        for mode in modes:
            command = [sys.executable, "-m", "benchmarks.throughput", "--work", given.clock]
            command += [name, str(side), *MODES[mode], *_sized(given)]
            process = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
            processes[mode] = stack.enter_context(process)
        for turn in range(-2, given.rounds):
            for mode, process in processes.items():
                answer = json.loads(_asked(process, given.seconds if turn >= 0 else 0.0))
                found[mode].append(answer)
                print(f"{name} {side} {mode}: {answer['rate']:.1f} samples/s", flush=True)
    return {mode: answers[2:] for mode, answers in found.items()}


def _asked(process: subprocess.Popen[str], seconds: float) -> str:
    if process.stdin is None or process.stdout is None:
        raise SystemExit("the process has no pipes")
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    return process.stdout.readline()


def _common(given: argparse.Namespace) -> list[str]:
    alone = ["train.threads=1"] if given.clock == "own" else []
    return [f"train.device={given.device}", *alone]


def _sized(given: argparse.Namespace) -> list[str]:
    return [f"train.batch={given.batch}", *_common(given)]


def _rows(given: argparse.Namespace, name: str, side: int) -> list[list[str]]:
    modes: list[str] = given.modes or modes_here(given.device)
    found = _rounds(given, name, side, modes)
    flops = flops_of_a_sample(images(name, side, [*_sized(given), "train.device=cpu"]))
    rows = []
    for mode, answers in found.items():
        rates = [answer["rate"] for answer in answers]
        gains = [a["rate"] / b["rate"] for a, b in zip(answers, found[modes[0]], strict=True)]
        shares = [100 * a["rate"] * flops / a["peak"] for a in answers]
        memory = max(answer["memory"] for answer in answers)
        measured = (spread(rates, ".1f"), spread(gains), spread(shares, ".0f"))
        rows.append([f"{name}, {side}x{side}", mode, *measured, f"{memory / 1e9:.2f}"])
    return rows


def where_time_goes(what: Setup, passes: int, clock: Clock) -> tuple[dict[str, float], float]:
    """Percent of the time of some passes by span; percent of the clock's time that they miss."""
    with settled(what.machine, what.config.train):
        play = timed(what, clock)
        play.play(0)
        play.span.seconds.clear()
        start = clock()
        for position in range(1, passes + 1):
            play.play(position)
        whole = clock() - start
    total = sum(play.span.seconds.values())
    shares = {name: 100 * s / total for name, s in play.span.seconds.items()}
    return shares, 100 * abs(whole - total) / whole


def price_of_penalties(
    whole: Setup, without: Setup, rounds: int, seconds: float, clock: Clock
) -> float:
    """Percent by which passes are shorter without penalties; both in turns."""
    ratios = []
    with settled(whole.machine, whole.config.train):
        plays = [(stepper(what), count()) for what in (whole, without)]
        for turn in range(rounds + 1):
            slow, fast = (_rate(*play, seconds if turn else 0.0, clock) for play in plays)
            ratios.append(slow / fast)
    return 100 * (1 - median(ratios[1:]))


def _spent_by(given: argparse.Namespace, name: str, side: int) -> dict[str, float]:
    """Percent by part, what the parts miss, what penalties cost."""
    what, without = (
        images(name, side, [*_sized(given), *more]) for more in ((), ("game.penalties={}",))
    )
    clock = CLOCKS[given.clock]
    shares, missed = where_time_goes(what, 2 * given.rounds, clock)
    more = {_MISSED: missed}
    if what.config.game.penalties:
        more[_PRICE] = price_of_penalties(what, without, given.rounds, given.seconds, clock)
    return shares | more


def _spent(given: argparse.Namespace) -> str:
    """The table of where time goes: a row for each part, a column for each recipe and size."""
    columns = {
        f"{name}, {side}x{side}": kept(
            given.out, f"spent-{name}-{side}", _asked(given), partial(_spent_by, given, name, side)
        )
        for name, side in _cases(given)
    }
    missed = max(shares.pop(_MISSED) for shares in columns.values())
    names = dict.fromkeys(name for shares in columns.values() for name in shares)
    last = ("the rest", _PRICE)
    order = [*(name for name in names if name not in last), *last]
    rows = [
        [name, *(f"{shares[name]:.1f}" if name in shares else "" for shares in columns.values())]
        for name in order
    ]
    return f"{table(['%', *columns], rows)}\n\nThe parts miss {missed:.3f} % of the clock's time."


def _ticks(given: argparse.Namespace) -> str:
    """The table of what ticks cost, for recipes by their own settings."""
    rows = [
        kept(given.out, f"ticks-{name}", _asked(given), partial(_ticks_of, given, name))
        for name in given.ticks
    ]
    return table(("recipe", "training, s", "tick, s", "once, s", "a tick, %", "all, %"), rows)


def _ticks_of(given: argparse.Namespace, name: str) -> list[str]:
    price = price_of_ticks(name, _common(given), 6 * given.seconds, CLOCKS[given.clock])
    seconds = (price.training, price.tick, price.once)
    return [name, *(f"{n:.1f}" for n in (*seconds, price.of_a_tick, price.of_all))]


def _clock(given: argparse.Namespace) -> str:
    return "" if given.clock == "wall" else f"--clock {given.clock} "


def _asked(given: argparse.Namespace) -> list[object]:
    """All that makes it another measurement of a recipe."""
    return [given.batch, given.device, given.clock, given.rounds, given.seconds, given.modes]


def _cases(given: argparse.Namespace) -> list[tuple[str, int]]:
    return [(name, side) for name in given.recipes for side in given.sides]


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--recipes", type=words, default=["dcgan", "r3gan"])
    options.add_argument("--sides", type=numbers, default=[28, 32, 64])
    options.add_argument("--modes", type=words, help="default: those of the device")
    options.add_argument("--ticks", type=words, default=["mlp", "dcgan", "r3gan"])
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--clock", choices=list(CLOCKS), default="wall")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=1.0, help="of a mode in a round")
    place = ROOT / "runs" / "benchmarks" / "throughput"
    options.add_argument("--out", type=Path, default=place, help="where results are kept")
    options.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    return options


def main() -> None:
    given = _options().parse_args()
    if given.work:
        way, name, side, *settings = given.work
        _work(way, name, int(side), settings)
        return
    rows = [
        row
        for name, side in _cases(given)
        for row in kept(
            given.out, f"modes-{name}-{side}", _asked(given), partial(_rows, given, name, side)
        )
    ]
    Page(
        name="throughput",
        title="Throughput",
        text=_TEXT.format(batch=given.batch, device=given.device)
        + (_OWN if given.clock == "own" else ""),
        command=f"python -m benchmarks.throughput {_clock(given)}--write",
        n=f"{given.rounds} rounds of at least {given.seconds:g} s of each mode, after two to warm "
        f"up; {2 * given.rounds} timed passes",
        columns=("recipe", "mode", "samples/s", "of the first", "of the peak, %", "memory, GB"),
        rows=rows,
        end=f"{_SPENT}\n\n{_spent(given)}\n\n{_TICKS}\n\n{_ticks(given)}",
    ).publish(given.write)


_TEXT = """Training on noise with ten labels, batch {batch}, on {device}; images of 28x28 have
one channel, larger ones three. Each mode has what the one before it has: channels last, then
bfloat16. On a GPU follow `torch.compile`, the phases as CUDA graphs, and both, in the precision of
`train.precision=auto`. A mode that the device cannot is left out.
Each is played in a process of its own that sleeps while the others play, in turns; ratios to the
first are taken round by round. The peak is the best of several products of two large square
matrices in the mode's precision, measured in each round right after. The operations of a sample
are counted (`benchmarks/flops.py`): two for each multiplication in a matrix product or a
convolution. Penalties and the slopes they ask for are float32 in every mode
([decision 5](../decisions/0005-penalties-in-float32.md)) and are set against the peak of the mode
all the same. Memory is the most that torch held on a device, or the process on a processor."""

_OWN = """ Seconds are those of the processor that a process got, with one thread, as other
programs used the same processor. By the clock on the wall samples came far slower."""

_SPENT = """## Where the time goes

In the device's own mode (`train.precision=auto`), on a processor with one thread, the device
waited for at each reading of the clock. A part holds only what no other part within it does, so
that the parts sum to the pass. `objective, slopes of penalties` holds the first backward pass of
penalties; their second one is part of `backward`. What penalties cost in all is measured apart, by
leaving them out, in turns."""

_TICKS = """## What ticks cost

On MNIST with labels, each recipe by its own settings: seconds of training from tick to tick, of
the tick itself (health, grid, validation, checkpoint), and once of what validation makes ready;
the share of the time that training stands still, from tick to tick and in the whole training.
Target: at most 5 %."""


if __name__ == "__main__":
    main()
