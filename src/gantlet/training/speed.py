"""How fast a run will train on this machine, from a few passes of a copy."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import replace

from gantlet import dist
from gantlet.config import Config
from gantlet.data.dataset import Dataset
from gantlet.data.split import Split
from gantlet.games.base import Game
from gantlet.nn.stages import Growth
from gantlet.training.machine import Machine, settled
from gantlet.training.preparing import prepared
from gantlet.training.step import Stepper

__all__ = ["price_of_determinism", "samples_per_second"]

_WARM_UP, _TIMED_SECONDS, _TIMED_PASSES = 2, 3.0, 50


def samples_per_second(
    game: Game, dataset: Dataset, divided: Split, config: Config, machine: Machine
) -> float:
    """Real samples a second that training sees; the game itself is not played.

    Of its longest part where it has several: see `_first`.
    """
    played_on = replace(game, players=copy.deepcopy(game.players))
    with settled(machine, config.train):
        averaged, feed = prepared(played_on, dataset, divided.train, config, machine)
        stepper = Stepper(played_on, averaged, feed, config, machine)
        first = _first(game, config)
        start = first + _warm_up(game, config)
        for position in range(first, start):
            stepper.play(position)
        stepper.is_finite()  # waits for the device
        began, played = time.perf_counter(), 0
        late = False
        while played < _TIMED_PASSES and not late:
            stepper.play(start + played)
            played += 1
            late = dist.any_rank(time.perf_counter() - began > _TIMED_SECONDS)
        stepper.is_finite()
        return played * config.train.batch / (time.perf_counter() - began)


def _first(game: Game, config: Config) -> int:
    """The pass from which all is as it stays: a network grown up, the last phases begun."""
    grown = [m.grown_at for m in game.players.modules() if isinstance(m, Growth)]
    last = max([*grown, *(phase.start for phase in game.phases)])
    if config.stop.samples:
        last = min(last, config.stop.samples)
    return math.ceil(last / config.train.batch)


def _warm_up(game: Game, config: Config) -> int:
    """Passes before time is taken; where phases are recorded, all are by then."""
    every = math.lcm(*(phase.every for phase in game.phases))
    return _WARM_UP * every if config.train.cuda_graphs else _WARM_UP


def price_of_determinism(
    game: Game, dataset: Dataset, divided: Split, config: Config, machine: Machine
) -> str:
    """A sentence on the speed with deterministic kernels and without, both measured."""
    exact, free = (
        samples_per_second(
            game,
            dataset,
            divided,
            replace(config, train=replace(config.train, deterministic=choice)),
            machine,
        )
        for choice in (True, False)
    )
    return (
        f"Deterministic kernels: {exact:,.0f} samples/s, with others {free:,.0f} "
        f"({exact / free - 1:+.0%}); a resumed run is bit-exact in return."
    )
