"""What a sweep has found so far: one small file, replaced as a whole after each training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gantlet.config import differences
from gantlet.errors import UsageError, newer_format
from gantlet.files import replaced
from gantlet.metrics.estimate import Estimate
from gantlet.training.place import disk_errors_told

__all__ = ["FORMAT", "NAME", "State", "opened"]

FORMAT = 1
NAME = "sweep.json"
_SHOWN = 8
_ELSEWHERE = "Choose another folder with --out (in Python: out=), or remove this one."


@dataclass(frozen=True)
class State:
    """Scores and losses so far; all that follows is a function of them."""

    identity: Mapping[str, Any]
    """What makes the sweep the sweep it is: data, settings, rungs."""
    scores: Mapping[str, Estimate]
    """By `TRIAL-SEED-RUNG`."""
    dropped: Mapping[str, str]
    """Why a trial was dropped, by its number."""

    def score(self, trial: int, seed: int, rung: int) -> Estimate | None:
        """What a trial scored at the end of a rung; None if that is not known yet."""
        return self.scores.get(f"{trial}-{seed}-{rung}")

    def scored(self, trial: int, seed: int, rung: int, score: Estimate) -> State:
        """The state after a training."""
        return replace(self, scores={**self.scores, f"{trial}-{seed}-{rung}": score})

    def without(self, trial: int, why: str) -> State:
        """The state after a trial was dropped."""
        return replace(self, dropped={**self.dropped, str(trial): why})

    def write(self, folder: Path) -> None:
        """Replace the file; RunError where the disk refuses."""
        with disk_errors_told(folder):
            replaced(
                folder / NAME, json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()
            )


def opened(folder: Path, identity: Mapping[str, Any]) -> State:
    """The state in a folder, or that of a sweep that has not begun.

    Raises:
        UsageError: another sweep or other files are there, or a state that cannot be read.
    """
    path = folder / NAME
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}", expected="a folder", received="a file", remedy=_ELSEWHERE)
    if not path.exists():
        _check_empty(folder)
        return State(identity, {}, {})
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] > FORMAT:
            raise newer_format(f"sweep {folder}", stored["format"], FORMAT)
        scores = {key: Estimate(**value) for key, value in stored["scores"].items()}
        found = State(stored["identity"], scores, stored["dropped"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", remedy=f"Restore it. {_ELSEWHERE}"
        ) from None
    _check_same(folder, found.identity, identity)
    return found


def _check_empty(folder: Path) -> None:
    names = [entry.name for entry in folder.iterdir()] if folder.exists() else []
    others = sorted(name for name in names if not name.startswith("."))
    if others:
        raise UsageError(
            f"folder {folder} of a sweep",
            expected="a sweep, or an empty folder",
            received=f"other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''})",
            remedy=_ELSEWHERE,
        )


def _check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    lines = differences(old, json.loads(json.dumps(new)))
    if not lines:
        return
    data = any(line.startswith("data_fingerprint") for line in lines)
    told = [line for line in lines if not line.startswith("data_fingerprint")]
    shown = (["data: other samples or labels than it began with"] if data else []) + told
    raise UsageError(
        f"sweep {folder}",
        expected="the data, settings and rungs that it began with",
        received="; ".join(shown[:_SHOWN]),
        remedy=f"Use those to go on. {_ELSEWHERE}",
    )
