"""What the benchmarks share: real data, the stepper of a recipe, and a page of results."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from gantlet.bench.table import over_seeds
from gantlet.config import Config, Train, override
from gantlet.data import Dataset, open_data
from gantlet.data.split import split
from gantlet.files import added
from gantlet.recipes import recipe
from gantlet.run import Run
from gantlet.training.machine import Machine, find_machine, granted_threads
from gantlet.training.preparing import prepared
from gantlet.training.step import Stepper
from gantlet.training.trainer import built

__all__ = [
    "PAGES",
    "ROOT",
    "Page",
    "Setup",
    "kept",
    "mean_text",
    "mnist",
    "numbers",
    "parser",
    "record",
    "recorded",
    "setup",
    "spread",
    "stepper",
    "table",
    "whole",
    "words",
]

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "benchmarks"


def mnist() -> Path:
    """The folder of MNIST's four idx files, below the folder that GANTLET_DATA names."""
    folder = Path(os.environ.get("GANTLET_DATA", ROOT.parent / "shared" / "data")) / "mnist"
    if not folder.is_dir():
        raise SystemExit("no MNIST: set GANTLET_DATA to the folder that holds mnist/*.gz")
    return folder


def parser(description: str | None) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="write docs/benchmarks/NAME.md")
    return options


def words(text: str) -> list[str]:
    """Of an option: `a,b`."""
    return text.split(",")


def numbers(text: str) -> list[int]:
    """Of an option: `28,32`."""
    return [int(word) for word in words(text)]


def kept(folder: Path, name: str, asked: Sequence[object], measure: Callable[[], Any]) -> Any:
    """What was measured before and lies in a folder as JSON, or is now.

    Arguments:
        name: of what is measured.
        asked: all options that make it another measurement.
    """
    digest = hashlib.blake2b(repr(list(asked)).encode(), digest_size=4).hexdigest()
    file = folder / f"{name}-{digest}.json"
    if not file.exists():
        found = measure()
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found), encoding="utf-8")
    print(f"{name} is measured", flush=True)
    return json.loads(file.read_text(encoding="utf-8"))


def recorded(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines; those that a crash has torn are passed over."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = []
    for line in lines:
        with suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def record(path: Path, row: Mapping[str, Any]) -> None:
    """Print a row that was measured, and add it to a file of JSON lines."""
    text = json.dumps(row)
    print(text, flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    added(path, text)


@dataclass(frozen=True)
class Setup:
    """A recipe on data, on this machine."""

    dataset: Dataset
    config: Config
    machine: Machine


def setup(dataset: Dataset | None, name: str, settings: Sequence[str] = ()) -> Setup:
    """A recipe's settings; on MNIST if no data are given."""
    dataset = dataset or open_data(mnist())
    config = override(recipe(name, dataset.spec), settings)
    return Setup(dataset, config, find_machine(config.train))


def stepper(what: Setup) -> Stepper:
    """A stepper at the start of a run."""
    game = built(what.config, what.dataset.spec)
    indices = split(what.dataset, what.config.data).train
    averaged, feed = prepared(game, what.dataset, indices, what.config, what.machine)
    return Stepper(game, averaged, feed, what.config, what.machine)


def whole(run: Run) -> Run:
    """The run, if no signal stopped it; leaves the program if one did."""
    if run.signal:
        raise SystemExit(f"stopped at {run.seen:,} samples; the same command goes on")
    return run


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median and range, as `1.80 (1.75 to 1.91)`."""
    ordered = torch.tensor(sorted(values), dtype=torch.float64)
    middle = float(ordered.quantile(0.5))
    return f"{middle:{form}} ({float(ordered[0]):{form}} to {float(ordered[-1]):{form}})"


def mean_text(values: Sequence[float], form: str = ".3f") -> str:
    """Mean over seeds with Student's interval, as `1.80 [1.70, 1.90]`; nothing of nothing."""
    if not values:
        return ""
    mean = over_seeds(values)
    if len(values) < 2:
        return f"{mean.value:{form}}"
    return f"{mean.value:{form}} [{mean.low:{form}}, {mean.high:{form}}]"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def commit() -> str:
    """The commit measured; says so where the source differs from it."""
    name = _git("rev-parse", "--short", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", "src", "benchmarks")
    return f"{name} with changes not yet committed" if changed else name


def computer() -> str:
    """Processor threads, whether it has bf16 instructions, versions."""
    has = find_machine(Train(device="cpu")).precision == "bfloat16"
    return (
        f"{granted_threads()} of {os.cpu_count()} cores ({platform.machine()}), "
        f"bf16 instructions: {'yes' if has else 'no'}, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of results."""

    name: str
    title: str
    text: str
    """What is measured, and how."""
    command: str
    n: str
    """How many of what were measured."""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    end: str = ""
    """What stands below the table."""

    def markdown(self) -> str:
        """The page as Markdown."""
        facts = [
            f"- Command: `{self.command}`",
            f"- Date: {datetime.now(UTC):%Y-%m-%d}; commit: {commit()}",
            f"- n: {self.n}",
            f"- Machine: {computer()}",
        ]
        parts = [
            f"# {self.title}",
            self.text,
            table(self.columns, self.rows),
            self.end,
            "\n".join(facts),
        ]
        return "\n\n".join(part.strip() for part in parts if part) + "\n"

    def publish(self, write: bool) -> None:
        """Print the page; write it into the documentation if asked to."""
        print(self.markdown())
        if write:
            PAGES.mkdir(parents=True, exist_ok=True)
            (PAGES / f"{self.name}.md").write_text(self.markdown(), encoding="utf-8")
