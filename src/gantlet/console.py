"""What a person sees while a run trains: a live line in a terminal, plain lines elsewhere.

The same from Python as from the command line; only what to type differs.
"""

from __future__ import annotations

import errno
import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console as RichConsole
from rich.live import Live
from rich.text import Text

from gantlet.budget import account_of
from gantlet.config import from_mapping
from gantlet.training.callback import Callback, End, Progress, Start, Tick

__all__ = ["CALL", "COMMAND", "Briefly", "Console", "Words", "duration", "though_closed"]


@dataclass(frozen=True)
class Words:
    """How a person who used one of the doors goes on."""

    again: str
    """What continues a run."""
    argument: str
    """Of a number: a template for its name and value."""
    fresh: str
    sample: str
    """A template for the run's folder."""
    stop: str
    """What stops it and saves."""


COMMAND = Words(
    again="the same command",
    argument="--{} {}",
    fresh="--fresh",
    sample="gantlet sample {shell}",
    stop="Ctrl-C saves and stops.",
)
"""Of the command line."""
CALL = Words(
    again="the same call",
    argument="{}={}",
    fresh="fresh=True",
    sample="gantlet.load({python}).sample()",
    stop="An interrupt saves and stops.",
)
"""Of `gantlet.train`."""

_SILENCE = 15.0
"""Seconds between two sentences on one of many trainings."""
_SHOWN = ("coverage", "spread", "validation", "copying")


@contextmanager
def though_closed() -> Iterator[None]:
    """What is printed within to a terminal that was closed is lost, and no more than that."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise


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
        words: of the door that the person came through.
    """

    def __init__(self, words: Words = CALL) -> None:
        self._words = words
        # A notebook gets plain lines, not a display for each of them.
        self._rich = RichConsole(highlight=False, force_jupyter=False)
        self._live: Live | None = None
        self._health = ""
        self._start: Start | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The live line, on while a run trains."""
        if not self._rich.is_terminal:
            yield
            return
        self._live = Live(console=self._rich, refresh_per_second=4, transient=True)
        self._live.start()
        try:
            yield
        finally:
            with though_closed():
                self._live.stop()

    def on_start(self, start: Start) -> None:
        """Say what is trained, on what, and where it goes."""
        self._start = start
        for note in start.notes:
            self._print(note)
        if start.over:
            return
        verb = f"Going on from {start.seen:,}" if start.seen else "Training"
        goal = f" to {start.target:,} samples" if start.target else ""
        self._print(f"{verb}{goal}. Run folder: {start.folder}. {self._words.stop}")

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
        self._health = f"  {tick.verdict.name}{'!' * bool(tick.verdict.remedy)}"
        known = [f"{name} {row[name]:.2f}" for name in _SHOWN if name in row]
        pace = f"{row['seen']:>10,} samples  {row['rate']:>7,.0f}/s"
        self._print("  ".join([pace, _losses(row), *known]) + self._health)

    def on_end(self, end: End) -> None:
        """Say how it ended, where things are, and how to go on."""
        self._print(f"{end.verdict}")
        if self._start is not None:
            self._print_spent(self._start, end)
        self._print(_ending(end, self._start, self._words))

    def _print_spent(self, start: Start, end: End) -> None:
        config = from_mapping(start.config)
        account = account_of(config, start.spec)
        if account is not None:
            self._print(account.told(end.seen // config.train.batch)[0])

    def _print(self, line: str) -> None:
        with though_closed():
            self._rich.print(Text(line), soft_wrap=True)


class Briefly(Callback):
    """A sentence now and then on one of many trainings.

    Arguments:
        who: what is trained, at the head of each sentence.
        tell: gets the sentences.
    """

    def __init__(self, who: str, tell: Callable[[str], None]) -> None:
        self.who, self.tell, self.told = who, tell, time.monotonic()

    def on_progress(self, progress: Progress) -> None:
        """Every few seconds."""
        if time.monotonic() - self.told < _SILENCE:
            return
        self.told = time.monotonic()
        left = progress.seconds_left or 0
        self.tell(f"{self.who}: {progress.seen:,} samples seen, {left:.0f} s left")

    def on_note(self, sentence: str) -> None:
        """Roll-backs and damaged checkpoints."""
        self.tell(f"{self.who}: {sentence}")


def _losses(means: Mapping[str, Any]) -> str:
    shown = {"pull": "pull/loss", "D": "discriminator/loss", "G": "generator/loss"}
    return "  ".join(f"{mark} {means[name]:+.3f}" for mark, name in shown.items() if name in means)


def _standing(progress: Progress) -> str:
    goal = f" of {progress.target:,}" if progress.target else ""
    left = "" if progress.seconds_left is None else f"  {duration(progress.seconds_left)} left"
    return (
        f"{progress.seen:,}{goal} samples  {progress.rate:,.0f}/s{left}  {_losses(progress.means)}"
    )


def _ending(end: End, start: Start | None, words: Words) -> str:
    folder, again = end.folder, words.again
    name = str(folder)
    places = {"shell": shlex.quote(name), "python": json.dumps(name, ensure_ascii=False)}
    make = f"make samples with: {words.sample.format(**places)}"
    if end.reason == "stopped":
        return (
            f"Stopped and saved at {end.seen:,} samples. {again[0].upper()}{again[1:]} goes on "
            f"from there; {make}"
        )
    before = start is not None and start.seen == end.seen
    if end.reason == "plateau" and start is not None:
        patience = start.config["stop"]["patience"]
        return (
            f"{'This run had ended' if before else 'Ended'} at {end.seen:,} samples: validation "
            f"found no gain beyond noise in {patience} looks. {make[0].upper()}{make[1:]}\n"
            f"To go on: {again} with stop.patience={2 * patience}, or stop.patience=null to train "
            f"to the end. To start afresh: with {words.fresh}."
        )
    more = words.argument.format("samples", 2 * end.seen)
    if end.reason == "time" and start is not None:
        more = words.argument.format("minutes", f"{2 * start.config['stop']['minutes']:g}")
    extend = f"To extend it: {again} with {more}."
    if end.reason == "finished" and start is not None and start.config["privacy"]:
        extend = "Its privacy budget is spent: another run on the same rows would add to it."
    return (
        f"{'This run was finished' if before else 'Finished'} at {end.seen:,} samples. Look at "
        f"{folder / 'samples'}; {make}\n"
        f"{extend} To start afresh: with {words.fresh}."
    )
