"""Where the time of a pass goes: a stepper with a stopwatch, one worker, the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import Setup, stepper
from gantlet.games.base import Losses, Phase, Turn
from gantlet.rng import Noise
from gantlet.training.step import Stepper

__all__ = ["Spans", "Timed", "timed"]


class Spans:
    """Exclusive seconds by name: time in a span within another one counts for the inner one only.

    So the spans within one outer span sum to its length.

    Arguments:
        wait: for the device, before each reading of the clock.
        clock: seconds.
    """

    def __init__(
        self, wait: Callable[[], object], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._wait, self._clock = wait, clock
        self._open: list[str] = []
        self._last = 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the time within for `name`."""
        self.begin(name)
        try:
            yield
        finally:
            self.end()

    def begin(self, name: str) -> None:
        """Open a span."""
        self._read()
        self._open.append(name)

    def end(self) -> None:
        """Close the span opened last."""
        self._read()
        self._open.pop()

    def _read(self) -> None:
        self._wait()
        now = self._clock()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


class _Noise(Noise):
    """The numbers of another `Noise`, with the time that drawing them takes."""

    def __init__(self, of: Noise, span: Spans) -> None:
        super().__init__(of.seed, of.stream, of.start, of.count, device=of.device, dtype=of.dtype)
        self._span = span

    def _named(self, name: str, shape: tuple[int, ...], draw: Callable[..., Tensor]) -> Tensor:
        with self._span("random numbers"):
            return super()._named(name, shape, draw)


class Timed(Stepper):
    """Plays like the stepper it is made from, and takes the time of each part of a pass.

    Arguments:
        of: a stepper with one worker, at the start of a run.
        span: where the time is counted.
    """

    def __init__(self, of: Stepper, span: Spans) -> None:
        self.span, self._phase = span, ""
        game = replace(of.game, phases=[self._watched(phase) for phase in of.game.phases])
        super().__init__(game, of.averaged, of.feed, of.config, of.machine)
        for name in ("generator", "discriminator"):
            module = game.players[name]
            module.register_forward_pre_hook(partial(self._enter, name), prepend=True)
            module.register_forward_hook(lambda *_: span.end(), always_call=True)

    def play(self, position: int) -> None:
        """Play pass number `position`, from 0."""
        with self.span("the rest"):
            super().play(position)

    def _enter(self, player: str, *_: object) -> None:
        self.span.begin(f"{self._phase}: forward of {player}")

    def _watched(self, phase: Phase) -> Phase:
        def loss(players: nn.ModuleDict, turn: Turn) -> Losses:
            with self.span(f"{phase.name}: objective, slopes of penalties"):
                return phase.loss(players, turn)

        return replace(phase, loss=loss)

    def _answers(self, phase: Phase, *about: Any) -> Any:
        self._phase = phase.name
        with self.span(f"{phase.name}: backward"):
            return super()._answers(phase, *about)

    def _turn(self, phase: str, *about: Any) -> Turn:
        with self.span("data"):
            turn = super()._turn(phase, *about)
        return replace(turn, noise=_Noise(turn.noise, self.span))

    def _step(self, name: str, seen: int) -> None:
        with self.span("optimisers"):
            super()._step(name, seen)

    def _average(self, seen: int) -> None:
        with self.span("averages"):
            super()._average(seen)


def timed(what: Setup, clock: Callable[[], float] = time.perf_counter) -> Timed:
    """A timed stepper at the start of a run; on a processor with one worker."""
    device = what.machine.device
    wait = partial(torch.cuda.synchronize, device) if device.startswith("cuda") else _at_once
    alone = replace(what, machine=replace(what.machine, threads=1))
    return Timed(stepper(alone if device == "cpu" else what), Spans(wait, clock))


def _at_once() -> None:
    """A processor has finished when a call returns."""
