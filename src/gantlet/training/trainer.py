"""Plays any game on any data to its end; can be stopped anywhere and goes on exactly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from gantlet import dist
from gantlet.config import Config, to_mapping
from gantlet.data.dataset import Dataset
from gantlet.data.split import Split
from gantlet.errors import DivergedError, UsageError
from gantlet.games.base import Game
from gantlet.rng import seed_of
from gantlet.spec import DataSpec
from gantlet.training import checkpoint, health
from gantlet.training.callback import Callback, End, Progress, Start, Tick
from gantlet.training.folder import Folder
from gantlet.training.looks import Looks
from gantlet.training.machine import Machine
from gantlet.training.pauses import Pauses
from gantlet.training.preparing import feed_of, prepared
from gantlet.training.signals import signals_ask
from gantlet.training.snapshot import make_ready
from gantlet.training.state import State, load_tensors, tensors
from gantlet.training.step import Stepper
from gantlet.training.validation import Validator
from gantlet.training.witness import draw, measured

__all__ = ["Trainer", "built"]

_CHECK_EVERY = 32
"""Passes between two looks for numbers that are not finite."""
_PROGRESS_SECONDS = 0.25
_ROLL_BACKS = 3


def built(config: Config, spec: DataSpec) -> Game:
    """The game of the settings; its first weights depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed_of(config.train.seed, "weights"))
        return config.game.build(spec, config.network)


class Trainer:
    """One session of a run.

    Arguments:
        game: its players; they are moved to the machine's device.
        dataset, split: the data, and which of it is trained on.
        config, machine, folder: settings, where to compute, where to write.
        callbacks: watchers, called on rank 0.
        notes: sentences for the callbacks to show at the start.
    """

    def __init__(
        self,
        game: Game,
        dataset: Dataset,
        split: Split,
        config: Config,
        machine: Machine,
        folder: Folder,
        callbacks: Sequence[Callback] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.game, self.config, self.machine, self.folder = game, config, machine, folder
        self.validator = Validator(dataset, split, config.validation, folder.path / "cache")
        self.spec, self.notes = dataset.spec, (*notes, *filter(None, [self.validator.note]))
        self.callbacks = tuple(callbacks) if dist.rank() == 0 else ()
        self.averaged, self.feed = prepared(game, dataset, split.train, config, machine)
        kept = len(split.held_out) > 0
        self.held_out = feed_of(dataset, split.held_out, config, machine) if kept else None
        self.stepper = Stepper(game, self.averaged, self.feed, config, machine)
        parts = config.train.micro_batches
        self.state = State(micro_batches=parts, asked=parts)
        self._stop, self._signal, self._is_flat = False, 0, False
        self._verdict = health.unasked if config.privacy else health.verdict
        self._refused: list[str] = []
        self._rows: list[dict[str, Any]] = []  # of the log, as rank 0 knows it
        self._saved_at = -1
        self._began, self._pauses = (time.monotonic(), 0), Pauses()
        self._looks = Looks(config.validation)

    @property
    def seen(self) -> int:
        """Real samples seen."""
        return self.state.position * self.config.train.batch

    def run(self) -> End:
        """Train until samples, minutes or gains are over or a signal comes; all is saved."""
        with signals_ask(self._ask):
            self._resume()
            if dist.rank() == 0 and not self._is_over() and not self._is_flat:
                self.validator.prepare()
            self._tell("on_start", self._start())
            for sentence in self._refused:
                self._tell("on_note", f"{sentence} The one before it is used.")
            reason = self._loop()
            if self._saved_at != self.state.position:
                if self.stepper.is_finite():
                    self._save()
                else:
                    self._roll_back()
            end = self._ended(reason)
            self._tell("on_end", end)
        return replace(end, signal=self._signal)  # one may have come after the end

    def _ended(self, reason: str) -> End:
        rows = self._rows if dist.rank() == 0 else self.folder.rows()
        make_ready(self.game, self.averaged, self.spec, self.machine)
        if dist.rank() == 0 and not self._picture().exists():
            draw(self.game, self.averaged, self.spec, self.machine, self._picture())
        found, path = self._verdict(rows), self.folder.path
        bundled = self._choose()
        return End(reason, self.seen, found, path, self.averaged, bundled, self._signal)

    def _choose(self) -> int:
        """Leave the averaged players to the bundle that it is to hold; the samples they saw."""
        course = self.state.course
        if self.config.validation.bundle == "last" or not course.has_fallen:
            return self.seen
        best = self.folder.checkpoints / str(course.best)
        try:
            self.averaged.load_state_dict(checkpoint.read(best).tensors["averaged"])
        except UsageError as error:
            self._tell("on_note", f"{error} The bundle holds the last weights.")
            return self.seen
        make_ready(self.game, self.averaged, self.spec, self.machine)
        seen = int(best.name.split("-")[0])
        self._tell("on_note", course.told(seen))
        return seen

    def _start(self) -> Start:
        minutes = self.config.stop.minutes
        late = minutes is not None and self.state.seconds >= 60 * minutes
        return Start(
            folder=self.folder.path,
            config=to_mapping(self.config),
            spec=self.spec,
            seen=self.seen,
            target=self.config.stop.samples,
            notes=self.notes,
            rows=tuple(self._rows),
            over=self._is_over() or self._is_flat or late,
        )

    def _loop(self) -> str:
        self._began, self._pauses = (time.monotonic(), self.seen), Pauses()
        self._looks.begin()
        shown = before = time.monotonic()
        while True:
            reason = self._reason_to_end()
            if reason:
                return reason
            tick = self.config.train.tick
            ticks = self.seen // tick
            self._play()
            now = time.monotonic()
            self.state.seconds += now - before
            before = now
            due = self.seen // tick > ticks or self._is_over()
            if (due or self.state.position % _CHECK_EVERY == 0) and not self.stepper.is_finite():
                self._roll_back()
            elif due:
                with self._pauses():
                    self._tick()
                goal = self.config.stop.samples
                advice = self._pauses.advice(self.config.train.tick, goal)
                if advice:
                    self._tell("on_note", advice)
            if now - shown > _PROGRESS_SECONDS:
                shown = now
                self._tell("on_progress", self._progress())

    def _happened(self, event: str, sentence: str, seen: int) -> None:
        """Log and tell it."""
        if dist.rank() == 0:
            self._log({"seen": seen, "event": event, "note": sentence})
        self._tell("on_note", sentence)

    def _play(self) -> None:
        """Play one pass; tell where memory ran out in it, so that it was divided further."""
        before, parts = self.seen, self.state.micro_batches
        self.stepper.play(self.state.position)
        self.state.position += 1
        self.state.micro_batches = self.stepper.micro_batches
        if parts == self.state.micro_batches:
            return
        sentence = (
            f"Memory ran out at {before} samples: the step was repeated with "
            f"train.micro_batches={self.state.micro_batches}, and the run goes on with it."
        )
        self._happened("memory", sentence, before)

    def _is_over(self) -> bool:
        samples = self.config.stop.samples
        return samples is not None and self.seen >= samples

    def _reason_to_end(self) -> str:
        if self._is_over():
            return "finished"
        if self._is_flat:
            return "plateau"
        minutes = self.config.stop.minutes
        late = minutes is not None and self.state.seconds >= 60 * minutes
        if dist.any_rank(self._stop):
            return "stopped"
        return "time" if dist.any_rank(late) else ""

    def _progress(self) -> Progress:
        seconds = max(time.monotonic() - self._began[0], 1e-9)
        rate = (self.seen - self._began[1]) / seconds
        left = []
        if self.config.stop.samples is not None and rate > 0:
            left.append((self.config.stop.samples - self.seen) / rate)
        if self.config.stop.minutes is not None:
            left.append(60 * self.config.stop.minutes - self.state.seconds)
        means = self.stepper.meters.means()
        return Progress(self.seen, self.config.stop.samples, rate, min(left, default=None), means)

    def _tick(self) -> None:
        """Measure, log, draw, save; all on rank 0 but what every rank must agree on."""
        progress = self._progress()
        row: dict[str, Any] = {
            "seen": self.seen,
            "seconds": round(self.state.seconds, 3),
            "rate": round(progress.rate, 1),
            **progress.means,
        }
        self.stepper.meters.clear()
        if dist.rank() == 0:
            make_ready(self.game, self.averaged, self.spec, self.machine)
            row |= self._measured()
            draw(self.game, self.averaged, self.spec, self.machine, self._picture())
            row |= self._validated()
            self._log(row)
        self._save()
        self._is_flat = dist.any_rank(self.state.course.is_idle(self.config.stop.patience))
        if dist.rank() == 0:
            found = self._verdict(self._rows)
            self._tell("on_tick", Tick(row, self._picture(), self.game, self.averaged, found))

    def _log(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if "event" not in row:
            row["health"] = str(self._verdict(self._rows))
        self.folder.append(row)

    def _measured(self) -> dict[str, float]:
        if self.config.privacy:
            return {}  # what is measured on real rows costs
        return measured(
            self.game, self.averaged, self.spec, self.machine, self.feed, self.held_out
        )

    def _validated(self) -> dict[str, float]:
        """What validation finds where a look is due; the course of the run goes on by it."""
        due = self._looks.due(self.seen // self.config.train.tick, self.state.course)
        if not due and not self._is_over():
            return {}
        with self._looks.timed():
            found = self.validator.look(self.game, self.averaged, self.machine)
        course, rarer = self._looks.thinned(self.state.course)
        self.state.course = course if found is None else course.after(self._name(), found)
        if rarer:
            self._happened("looks", rarer, self.seen)
        return {} if found is None else found.row

    def _name(self) -> str:
        """Of the checkpoint: another one after each roll-back, so that none is ever replaced."""
        suffix = f"-{self.state.roll_backs}" if self.state.roll_backs else ""
        return f"{self.seen:012d}{suffix}"

    def _picture(self) -> Path:
        return self.folder.samples / f"{self.seen:012d}.png"

    def _save(self) -> None:
        self._write()
        dist.barrier()

    def _write(self) -> None:
        if dist.rank() == 0:
            held = tensors(self.game, self.averaged, self.stepper)
            values = {**asdict(self.state), "meters": self.stepper.meters.state()}
            checkpoint.write(self.folder.checkpoints, self._name(), held, values)
            checkpoint.prune(
                self.folder.checkpoints, self.config.train.keep, self.state.course.best
            )
        self._saved_at = self.state.position

    def _resume(self) -> None:
        """Go on from the newest checkpoint that is whole, if there is one."""
        found, self._refused = checkpoint.newest(self.folder.checkpoints)
        if found is None and self._refused:
            raise UsageError(
                f"no checkpoint of {self.folder.path} is whole: {self._refused[0]}",
                remedy="Or put the run aside and begin anew with --fresh (fresh=True).",
            )
        if found is None and (self.folder.rows() or self.folder.bundle.exists()):
            raise UsageError(
                f"run {self.folder.path}",
                expected=f"a checkpoint to go on from in {self.folder.checkpoints}",
                received="none, where the run has come so far as to have a log or a bundle",
                remedy="Restore one, or put the run aside and begin anew with --fresh "
                "(fresh=True).",
            )
        if found is not None:
            self._load(found)
            self._saved_at = self.state.position
            wanted = self.config.train.micro_batches
            groups = self.config.train.batch // (dist.world() * self.game.group)
            self.state, note = self.state.divided(wanted, groups)
            self.stepper.divide(self.state.micro_batches or wanted)
            self.notes += (note,) if note else ()
        if dist.rank() == 0:
            if self._refused:
                checkpoint.set_aside(self.folder.checkpoints, self._name())
            self._rows = self.folder.cut(self.seen if found else -1)
        dist.barrier()
        if found is None:
            self._save()

    def _load(self, found: checkpoint.Checkpoint) -> None:
        values = dict(found.values)
        load_tensors(found.tensors, self.game, self.averaged, self.stepper)
        self.stepper.meters.load_state(values.pop("meters"))
        self.state = State.of(values)
        self._is_flat = self.state.course.is_idle(self.config.stop.patience)
        self.stepper.gentleness = 0.5**self.state.roll_backs

    def _roll_back(self) -> None:
        """Back to the last good checkpoint with half the learning rate, at most three times."""
        lost, done = self.seen, self.state.roll_backs
        found, _ = checkpoint.newest(self.folder.checkpoints)
        if done == (0 if self.config.privacy else _ROLL_BACKS) or found is None:
            raise DivergedError(
                f"numbers ceased to be finite at {lost} samples"
                + (f" after {done} roll-backs" if done else ", before the first checkpoint"),
                remedy="The last checkpoint is intact. Begin a new run with lower learning rates "
                "(optimisers.*.lr), optimisers.*.clip_norm=1 or train.precision=float32; --from "
                "(init_from=) gives it this one's weights.",
            )
        before = self.state
        self._load(found)
        self.state = replace(
            self.state,
            roll_backs=done + 1,
            seconds=before.seconds,
            micro_batches=before.micro_batches,
            asked=before.asked,
        )
        self.stepper.gentleness = 0.5**self.state.roll_backs
        sentence = (
            f"Numbers ceased to be finite at {lost} samples: back to {self.seen} with learning "
            f"rates times {self.stepper.gentleness:g} (roll-back {done + 1} of {_ROLL_BACKS})."
        )
        if dist.rank() == 0:
            self._rows = self.folder.cut(self.seen)
            self._log({"seen": self.seen, "event": "roll-back", "note": sentence})
        self._save()
        self._tell("on_note", sentence)

    def _tell(self, event: str, *about: Any) -> None:
        """Call all callbacks; one that fails ends the session, but loses nothing."""
        try:
            for callback in self.callbacks:
                getattr(callback, event)(*about)
        except Exception:
            if self._saved_at != self.state.position and self.stepper.is_finite():
                self._write()
            raise

    def _ask(self, number: int) -> None:
        """A signal asks for a stop after the pass under way."""
        self._stop, self._signal = True, number
