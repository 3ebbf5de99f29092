"""What a person sees while a run trains: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console as RichConsole
from rich.live import Live
from rich.text import Text

from gantlet.training.callback import Callback, End, Progress, Start, Tick

__all__ = ["COMMAND_LINE", "PYTHON", "Console", "Door", "duration"]


@dataclass(frozen=True)
class Door:
    """How what comes next is said where the run was started."""

    same: str
    """What goes on with the run."""
    sample: str
    """Makes samples of a {folder}."""
    samples: str
    """Extends the run to {n} samples."""
    minutes: str
    """Extends the run to {n} minutes."""
    fresh: str
    """Begins anew."""


COMMAND_LINE = Door(
    same="command",
    sample="gantlet sample {folder}",
    samples="--samples {n}",
    minutes="--minutes {n:g}",
    fresh="--fresh",
)
PYTHON = Door(
    same="call",
    sample='gantlet.load("{folder}").sample(64)',
    samples="samples={n}",
    minutes="minutes={n:g}",
    fresh="fresh=True",
)


def duration(seconds: float) -> str:
    """Seconds as a person writes them: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


class Console(Callback):
    """Prints a run's course.

    Arguments:
        door: where the run was started.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        # A notebook gets plain lines, not a display for each of them.
        self._rich = RichConsole(highlight=False, force_jupyter=False)
        self._live: Live | None = None
        self._health = ""
        self._start: Start | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Takes the live line away at the end, however that comes."""
        try:
            yield
        finally:
            self._hide()

    def on_start(self, start: Start) -> None:
        """Say what is trained, on what, and where it goes."""
        self._start = start
        for note in start.notes:
            self._print(note)
        if start.target is not None and start.seen >= start.target:
            return
        verb = f"Going on from {start.seen:,}" if start.seen else "Training"
        goal = f" to {start.target:,} samples" if start.target else ""
        self._print(f"{verb}{goal}. Run folder: {start.folder}. Ctrl-C saves and stops.")
        if self._rich.is_terminal:
            self._live = Live(console=self._rich, refresh_per_second=4, transient=True)
            self._live.start()

    def on_progress(self, progress: Progress) -> None:
        """Renew the live line."""
        if self._live is not None:
            self._live.update(Text(f"{_standing(progress)}{self._health}", no_wrap=True))

    def on_note(self, sentence: str) -> None:
        """Print a sentence."""
        self._print(sentence)

    def on_tick(self, tick: Tick) -> None:
        """Print a line of the log."""
        row = tick.row
        self._health = f"  {tick.verdict.name}!" if tick.verdict.remedy else ""
        known = [f"{name} {row[name]:.2f}" for name in ("coverage", "spread") if name in row]
        pace = f"{row['seen']:>10,} samples  {row['rate']:>7,.0f}/s"
        self._print("  ".join([pace, _losses(row), *known]) + self._health)

    def on_end(self, end: End) -> None:
        """Say how it ended, where things are, and how to go on."""
        self._hide()
        self._print(f"{end.verdict}")
        self._print(_ending(end, self._start, self._door))

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, line: str) -> None:
        self._rich.print(Text(line), soft_wrap=True)


def _losses(means: Mapping[str, Any]) -> str:
    shown = {"pull": "pull/loss", "D": "discriminator/loss", "G": "generator/loss"}
    return "  ".join(f"{mark} {means[name]:+.3f}" for mark, name in shown.items() if name in means)


def _standing(progress: Progress) -> str:
    goal = f" of {progress.target:,}" if progress.target else ""
    left = "" if progress.seconds_left is None else f"  {duration(progress.seconds_left)} left"
    return (
        f"{progress.seen:,}{goal} samples  {progress.rate:,.0f}/s{left}  {_losses(progress.means)}"
    )


def _ending(end: End, start: Start | None, door: Door) -> str:
    made = f"make samples with: {door.sample.format(folder=end.folder)}"
    if end.reason == "stopped":
        return (
            f"Stopped and saved at {end.seen:,} samples. The same {door.same} goes on from there; "
            f"{made}"
        )
    before = start is not None and start.seen == end.seen
    more = door.samples.format(n=2 * end.seen)
    if end.reason == "time" and start is not None:
        more = door.minutes.format(n=2 * start.config["stop"]["minutes"])
    return (
        f"{'This run was finished' if before else 'Finished'} at {end.seen:,} samples. Look at "
        f"{end.folder / 'samples'}; {made}\n"
        f"To extend it: the same {door.same} with {more}. To start afresh: with {door.fresh}."
    )
