"""The one protocol through which others watch a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from gantlet.games.base import Game
from gantlet.spec import DataSpec
from gantlet.training.health import Verdict

__all__ = ["Callback", "End", "Progress", "Start", "Tick"]


@dataclass(frozen=True)
class Start:
    """What a callback learns when training begins or goes on."""

    folder: Path
    config: Mapping[str, Any]
    """All settings, as nested plain values."""
    spec: DataSpec
    seen: int
    """Real samples seen before: 0 for a new run."""
    target: int | None
    """Samples at which the run ends, if that is what ends it."""
    notes: tuple[str, ...]
    """Sentences about data, split, machine and what was found."""
    rows: tuple[Mapping[str, Any], ...] = ()
    """Rows of the log so far."""
    over: bool = False
    """Whether the run has ended before: nothing is left to train."""


@dataclass(frozen=True)
class Progress:
    """Where training stands between ticks."""

    seen: int
    target: int | None
    rate: float
    """Real samples per second in this session."""
    seconds_left: float | None
    means: Mapping[str, float]
    """Means since the last tick, such as `generator/loss`."""


@dataclass(frozen=True)
class Tick:
    """What a callback learns at each tick."""

    row: Mapping[str, Any]
    """The object that went into log.jsonl."""
    picture: Path
    """The grid of samples from fixed latents."""
    game: Game
    averaged: nn.ModuleDict
    """The averaged players, ready for sampling."""
    verdict: Verdict


@dataclass(frozen=True)
class End:
    """How a session of training ended."""

    reason: str
    """`finished` (samples), `time` (minutes), `plateau` (no gain) or `stopped` (a signal)."""
    seen: int
    verdict: Verdict
    folder: Path
    averaged: nn.ModuleDict
    """The averaged players, ready for sampling."""
    bundled: int
    """Real samples that these had seen: fewer than `seen` where an earlier state is bundled."""
    signal: int = 0
    """Number of the signal that stopped it, 0 if none did."""


class Callback:
    """Base of callbacks; override what is of use. Called on rank 0 only, between passes."""

    def on_start(self, start: Start) -> None:
        """Training begins or goes on."""

    def on_progress(self, progress: Progress) -> None:
        """Some passes have been played; called a few times a second at most."""

    def on_note(self, sentence: str) -> None:
        """Something happened that a person should know."""

    def on_tick(self, tick: Tick) -> None:
        """A row was logged, a grid written and a checkpoint taken."""

    def on_end(self, end: End) -> None:
        """The session is over; everything has been saved."""
