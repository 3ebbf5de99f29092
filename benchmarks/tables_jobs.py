"""Trainings of `benchmarks.tables`: each in a process of one thread, in a folder of its own."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT
from benchmarks.tables_data import (
    RARE,
    Condition,
    Table,
    adult,
    california,
    conditions,
    imbalanced,
)

__all__ = ["RARE_TO", "Job", "jobs", "peer_quality", "peer_versions", "play", "rare_rows"]

STOPS = (10, 30, 100)
"""Epochs after which the peer's first seed makes rows, for the curve."""
SHARES = (1 / 16, 1 / 4, 1 / 2)
"""Of our recipe's length, for ours."""
RARE_TO = 0.04
"""Share to which generated rows bring the rare class: beyond, real rows do no good either."""
CONDITION_ROWS = 1_000
PEER = Path(__file__).with_name("tables_peer.py")


@dataclass(frozen=True)
class Job:
    """One training, and the rows that it makes."""

    table: Table
    model: str
    """`ctgan`, `ours`, or `real` for the training rows themselves."""
    part: str
    """`adult`, `rare` or `california`."""
    seed: int
    command: tuple[str, ...]
    """Without the interpreter, the file of training rows and the folder."""
    name: str
    share: float = 1
    """Of the recipe's length."""
    conditions: Sequence[tuple[str, str, int]] = ()
    """Names, conditions and counts of rows that ours makes beside."""


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """All trainings that are asked for: by seed, the peer's before ours."""
    table = adult(official=given.official, measured=False)
    if "adult" in given.parts:
        yield _real(table)
        found = conditions(table)
        for seed in given.seeds:
            stops = STOPS if seed == given.seeds[0] else ()
            yield from _both(table, seed, given, found, stops)
    if "adult" in given.parts and "ours" in given.models:
        for share in SHARES:
            yield _ours(table, given.seeds[0], given, share=share)
    if "rare" in given.parts and "ours" in given.models:
        for seed in given.seeds:
            few = imbalanced(table, seed)
            wanted = [("rare", '"income"=">50K"', rare_rows(few))]
            yield _ours(few, seed, given, wanted=wanted)
    if "california" in given.parts:
        yield _real(california())
        for seed in given.seeds:
            yield from _both(california(), seed, given, (), ())


def rare_rows(table: Table) -> int:
    """Rows of the rare class that bring it from RARE to RARE_TO."""
    others = (1 - RARE) * len(table.train)
    return round(RARE_TO / (1 - RARE_TO) * others - RARE * len(table.train))


def _real(table: Table) -> Job:
    return Job(table, "real", table.name, 0, (), f"{table.name}-real")


def _both(
    table: Table,
    seed: int,
    given: argparse.Namespace,
    found: Sequence[Condition],
    stops: Sequence[int],
) -> Iterator[Job]:
    if "ctgan" in given.models:
        name = f"{table.name}-ctgan-{given.epochs}-seed{seed}"
        command = ["--epochs", str(given.epochs), "--seed", str(seed)]
        at = [str(stop) for stop in stops if stop < given.epochs]
        command += ["--stops", *at, "--discrete", *table.discrete]
        yield Job(table, "ctgan", table.name, seed, tuple(command), name)
    if "ours" in given.models:
        wanted = [(c.name, c.where, CONDITION_ROWS) for c in found]
        yield _ours(table, seed, given, wanted=wanted)


def _ours(
    table: Table,
    seed: int,
    given: argparse.Namespace,
    *,
    share: float = 1,
    wanted: Sequence[tuple[str, str, int]] = (),
) -> Job:
    length = f"-{given.samples}" if given.samples else ""
    part = f"-share{share:g}" if share < 1 else ""
    own = "".join(f"-{setting.replace('/', '_')}" for setting in given.set)
    name = f"{table.name}-{given.recipe}{own}{length}{part}-seed{seed}"
    command = ["--recipe", given.recipe, "--share", str(share), "--seed", str(seed)]
    command += ["--samples", str(given.samples)] if given.samples else []
    command += ["--set", *given.set] if given.set else []
    kind = table.name.split("-")[0]
    return Job(table, "ours", kind, seed, tuple(command), name, share, wanted)


def play(job: Job, out: Path, peer: str) -> list[dict[str, Any]]:
    """Run a job unless it has been; its stages with their clocks.

    Raises SystemExit if the process fails.
    """
    folder, clocks = out / job.name, out / job.name / "clock.json"
    if not clocks.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        job.table.train.to_csv(folder / "train.csv", index=False)
        print(job.name, flush=True)
        if job.model == "real":
            job.table.train.to_csv(folder / "rows.csv", index=False)
            clocks.write_text(json.dumps([{"stage": "rows"}]), encoding="utf-8")
        elif subprocess.run(
            _command(job, folder, peer), cwd=ROOT, env=_alone(), check=False
        ).returncode:
            raise SystemExit(f"{job.name} failed; the same command goes on")
    stages: list[dict[str, Any]] = json.loads(clocks.read_text(encoding="utf-8"))
    return stages


def _command(job: Job, folder: Path, peer: str) -> list[str]:
    place = [str(folder / "train.csv"), str(folder)]
    if job.model == "ctgan":
        return [peer, str(PEER), "fit", *place, *job.command]
    lines = [json.dumps({"name": n, "where": w, "n": k}) for n, w, k in job.conditions]
    file = folder / "conditions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.tables_ours", *place, *job.command]
    return [*command, "--conditions", str(file)]


def _alone() -> dict[str, str]:
    """The environment, with one thread for each process and no helpers of joblib's."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
    return {**os.environ, **one, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


def peer_quality(peer: str, real: Path, made: Path, discrete: Sequence[str]) -> dict[str, float]:
    """SDMetrics' quality in the peer's environment."""
    command = [peer, str(PEER), "quality", str(real), str(made), "--discrete", *discrete]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_alone())
    if done.returncode:
        raise SystemExit(f"SDMetrics failed: {done.stderr[-2000:]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def peer_versions(peer: str) -> str:
    """What the peer's environment has; raises SystemExit if it lacks ctgan or SDMetrics."""
    code = (
        "from importlib.metadata import version as v\n"
        "print(', '.join(f'{n} {v(n)}' for n in ('ctgan', 'sdmetrics', 'torch', 'pandas')))"
    )
    try:
        done = subprocess.run([peer, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"--peer {peer}: no Python that has ctgan and sdmetrics") from error
    return done.stdout.strip()
