"""Resume under SIGKILL: killed anywhere and run again, a run ends with the same bits.

python -m benchmarks.kill [--kills 50] [--jobs 2] [--write]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import ROOT, Page, parser
from gantlet.training import checkpoint
from gantlet.training.folder import Folder
from gantlet.training.step import Stepper

__all__ = ["Moment", "Reference", "in_passes", "in_steps", "in_time", "killed_and_resumed"]

BATCH = 16
SETTINGS = (
    f"train.batch={BATCH}",
    f"train.tick={8 * BATCH}",
    "train.threads=1",
    "network.latent=16",
    "network.width=16",
    "network.blocks=1",
)


@dataclass(frozen=True)
class Moment:
    """When to kill: before a numbered call of a checkpoint write, in a pass, after a while."""

    kind: str
    """`step`, `pass` or `time`."""
    at: float
    """Number of the call, number of the pass, or seconds since the process began."""
    what: str
    """The moment in words."""
    delay: float = 0.0
    """Seconds from the beginning of the pass."""


# --- what runs in the process that is killed ---


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Steps:
    """Counts the calls by which checkpoints are written and pruned; dies before one of them.

    Arguments:
        last: number of the call before which to die, from 0; None: never.
        record: where to write the name of each call, a line each.
    """

    OWNERS: Sequence[tuple[Any, str]] = (
        (os, "fsync"),
        (os, "unlink"),
        (os, "rmdir"),
        (Path, "mkdir"),
        (Path, "rename"),
        (shutil, "rmtree"),
    )

    def __init__(self, last: int | None, record: Path | None) -> None:
        self.last, self.record, self.count, self.inside = last, record, 0, False

    def watch(self) -> None:
        """Put the counter around the calls, and mark where checkpoints are written."""
        for owner, name in self.OWNERS:
            setattr(owner, name, self._counted(name, getattr(owner, name)))
        for name in ("write", "prune"):
            setattr(checkpoint, name, self._within(getattr(checkpoint, name)))

    def _within(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def within(*arguments: Any) -> Any:
            self.inside = True
            try:
                return call(*arguments)
            finally:
                self.inside = False

        return within

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(target: Any, *arguments: Any, **options: Any) -> Any:
            if self.inside:
                self._take(name, target)
            return call(target, *arguments, **options)

        return counted

    def _take(self, name: str, target: Any) -> None:
        if self.count == self.last:
            _die()
        self.count += 1
        if self.record is not None:
            with self.record.open("a", encoding="utf-8") as file:
                file.write(f"{name} {_named(target)}\n")


def _named(target: Any) -> str:
    """The last part of a path or of an open file's path, without what differs between writes."""
    path = Path(f"/proc/self/fd/{target}").resolve() if isinstance(target, int) else Path(target)
    if path.name.endswith(".part"):
        return "draft"
    return "checkpoint" if path.name.isdigit() else path.name


def _kill_in_pass(number: int, delay: float) -> None:
    """Die `delay` seconds after pass `number` has begun, or at its end."""
    play = Stepper.play

    def played(self: Stepper, position: int) -> None:
        if position == number:
            threading.Timer(delay, _die).start()
        play(self, position)
        if position == number:
            _die()

    setattr(Stepper, "play", played)  # noqa: B010


def child(given: argparse.Namespace) -> None:
    """Train in this process, and die where told to."""
    from gantlet.run import train

    if given.pass_ is not None:
        _kill_in_pass(given.pass_, given.delay)
    if given.step is not None or given.record is not None:
        Steps(given.step, given.record).watch()
    train("digits", "r3gan", SETTINGS, out=given.child, samples=given.passes * BATCH, quiet=True)


# --- what kills it ---


def _command(out: Path, passes: int, *options: str) -> list[str]:
    program = [sys.executable, "-m", "benchmarks.kill", "--child", str(out)]
    return [*program, "--passes", str(passes), *options]


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def _finished(command: Sequence[str]) -> None:
    if code := _started(command).wait():
        raise SystemExit(f"{' '.join(command)} ended with code {code}")


Result = tuple[dict[str, Tensor], list[dict[str, Any]]]


def _result(out: Path) -> Result:
    """All tensors of the newest checkpoint, and the log without what clocks say."""
    found, _ = checkpoint.newest(Folder(out).checkpoints)
    if found is None:
        raise SystemExit(f"no checkpoint in {out}")
    tensors = {f"{g}/{k}": t for g, part in found.tensors.items() for k, t in part.items()}
    rows = [
        {k: v for k, v in row.items() if k not in ("seconds", "rate")}
        for row in Folder(out).rows()
    ]
    return tensors, rows


def _bits(t: Tensor) -> Tensor:
    return t.reshape(-1).view(torch.uint8)


def _equal(a: Result, b: Result) -> bool:
    (tensors, rows), (others, other_rows) = a, b
    return (
        tensors.keys() == others.keys()
        and all(
            t.dtype == others[k].dtype and t.shape == others[k].shape for k, t in tensors.items()
        )
        and all(torch.equal(_bits(t), _bits(others[k])) for k, t in tensors.items())
        and rows == other_rows
    )


@dataclass(frozen=True)
class Reference:
    """The run that nobody killed."""

    passes: int
    result: Result
    calls: Sequence[str]
    """Names of the calls by which its checkpoints were written, in order."""
    seconds: float
    training: float
    """Seconds of the process, and of its training."""

    @classmethod
    def run(cls, folder: Path, passes: int) -> Reference:
        """Run it in a folder that is empty."""
        out, record, start = folder / "whole", folder / "calls.txt", time.monotonic()
        _finished(_command(out, passes, "--record", str(record)))
        seconds = time.monotonic() - start
        training = float(Folder(out).rows()[-1]["seconds"])
        calls = record.read_text(encoding="utf-8").splitlines()
        return cls(passes, _result(out), calls, seconds, training)


def in_steps(reference: Reference, count: int, choose: random.Random) -> Iterator[Moment]:
    """Moments before calls of a checkpoint write: all kinds of call in turn, in any write."""
    kinds: dict[str, list[int]] = {}
    for number, name in enumerate(reference.calls):
        kinds.setdefault(name, []).append(number)
    names = list(kinds)
    for i in range(count):
        name = names[i * max(1, len(names) // count) % len(names)]
        yield Moment("step", choose.choice(kinds[name]), f"checkpoint write, before {name}")


def in_passes(reference: Reference, count: int, choose: random.Random) -> Iterator[Moment]:
    """Moments inside passes."""
    for _ in range(count):
        number, delay = choose.randrange(reference.passes), choose.uniform(0, 0.02)
        words = f"pass {number}, at most {1e3 * delay:.1f} ms after it began"
        yield Moment("pass", number, words, delay)


def in_time(reference: Reference, count: int, choose: random.Random) -> Iterator[Moment]:
    """Moments by the clock, from about the first pass on."""
    for _ in range(count):
        seconds = choose.uniform(reference.seconds - reference.training, reference.seconds)
        yield Moment("time", seconds, f"{seconds:.2f} s after the process began")


def _killed(command: list[str], moment: Moment) -> bool:
    """Whether the process died by the signal, and had not ended before."""
    options = {
        "step": ["--step", str(moment.at)],
        "pass": ["--pass", str(moment.at), "--delay", str(moment.delay)],
        "time": [],
    }
    process = _started([*command, *options[moment.kind]])
    if moment.kind == "time":
        time.sleep(moment.at)
        process.kill()
    return process.wait() == -signal.SIGKILL


def killed_and_resumed(reference: Reference, folder: Path, moment: Moment) -> bool:
    """Kill a run at a moment, run the same command to its end: whether it ends with equal bits."""
    out = folder / f"{moment.kind}-{moment.at}-{moment.delay}"
    command = _command(out, reference.passes)
    while not _killed(command, moment):
        if moment.kind != "time":
            raise SystemExit(f"not killed: {moment.what}")
        shutil.rmtree(out)  # it had ended before: an earlier moment
        moment = Moment("time", 0.8 * moment.at, moment.what)
    _finished(command)
    equal = _equal(reference.result, _result(out))
    shutil.rmtree(out)
    return equal


def _moments(reference: Reference, kills: int) -> list[Moment]:
    """Two in five between the steps of a checkpoint write, the others by passes and by time."""
    choose = random.Random(0)
    steps, passes = 2 * kills // 5, 3 * kills // 10
    return [
        *in_steps(reference, steps, choose),
        *in_passes(reference, passes, choose),
        *in_time(reference, kills - steps - passes, choose),
    ]


def _page(reference: Reference, moments: Sequence[Moment], equal: Sequence[bool]) -> Page:
    rows = Counter((m.kind, re.sub(r"\d+(\.\d+)?", "N", m.what)) for m in moments)
    good = Counter(
        (m.kind, re.sub(r"\d+(\.\d+)?", "N", m.what))
        for m, e in zip(moments, equal, strict=True)
        if e
    )
    positions = ", ".join(str(m.at) for m in moments if m.kind == "pass")
    delays = ", ".join(f"{m.at:.1f}" for m in moments if m.kind == "time")
    return Page(
        name="kill",
        title="Resume under SIGKILL",
        text="One uninterrupted run (`r3gan` on the built-in digits, one thread, "
        f"{reference.passes} passes, a checkpoint each 8), then runs of the same command in "
        "processes of their own, each killed by SIGKILL at another moment and run again to its "
        "end. Equal means: all "
        "tensors of the last checkpoint (players, averages, optimisers) bit for bit, and all "
        f"rows of the log but the clock's. **{sum(equal)} of {len(equal)} equal.**",
        command="python -m benchmarks.kill --write",
        n=f"{len(equal)} kills; {len(reference.result[0])} tensors compared each",
        columns=("killed", "times", "equal"),
        rows=[(what, str(times), str(good[kind, what])) for (kind, what), times in rows.items()],
        end=f"Passes: {positions}. Seconds: {delays} of about {reference.seconds:.1f}.",
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--passes", type=int, default=240)
    options.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    options.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--step", type=int, help=argparse.SUPPRESS)
    options.add_argument("--pass", type=int, dest="pass_", help=argparse.SUPPRESS)
    options.add_argument("--delay", type=float, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child is not None:
        child(given)
        return
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(given.jobs) as pool:
        reference = Reference.run(Path(name), given.passes)
        moments = _moments(reference, given.kills)
        equal = []
        for moment, same in zip(
            moments,
            pool.map(partial(killed_and_resumed, reference, Path(name)), moments),
            strict=True,
        ):
            print(f"{'equal' if same else 'DIFFERS'}: {moment.what}", flush=True)
            equal.append(same)
    _page(reference, moments, equal).publish(given.write)
    if not all(equal):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
