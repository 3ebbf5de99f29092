"""What ticks cost a training on MNIST: health, grid, validation and checkpoint against passes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import setup
from gantlet.data.split import split
from gantlet.training.folder import Folder
from gantlet.training.machine import settled
from gantlet.training.trainer import Trainer, built

__all__ = ["Price", "price_of_ticks"]


@dataclass(frozen=True)
class Price:
    """Seconds of a training by the recipe's own settings."""

    training: float
    """Of the passes between two ticks."""
    tick: float
    """Of a tick: its looks at health and quality, its grid and checkpoint."""
    once: float
    """Of what validation makes ready before the first pass."""
    ticks: float
    """Ticks in the recipe's whole training."""

    @property
    def of_a_tick(self) -> float:
        """Percent of the time from tick to tick."""
        return 100 * self.tick / (self.tick + self.training)

    @property
    def of_all(self) -> float:
        """Percent of a whole training, what is made ready included."""
        stopped = self.once + self.tick * self.ticks
        return 100 * stopped / (stopped + self.training * self.ticks)


def price_of_ticks(
    name: str, settings: Sequence[str], seconds: float, clock: Callable[[], float]
) -> Price:
    """The price of a recipe's ticks on MNIST, by some seconds of training and two ticks.

    The second tick counts: at the first, memory is asked for that is kept.
    """

    def taken(work: Callable[[], object]) -> float:
        start = clock()
        work()
        return clock() - start

    what = setup(None, name, settings)
    train, dataset = what.config.train, what.dataset
    with tempfile.TemporaryDirectory() as place, settled(what.machine, train):
        folder, divided = Folder(Path(place) / "run"), split(dataset, what.config.data)
        folder.create()
        game = built(what.config, dataset.spec)
        run = Trainer(game, dataset, divided, what.config, what.machine, folder)
        once = taken(run.validator.prepare)
        run._play()
        played, spent = 0, 0.0
        while spent < seconds or played % 8:  # every phase is due as often as it should be
            spent += taken(run._play)
            played += 1
        run.stepper.is_finite()
        run.state.position = train.tick // train.batch
        ticks = [taken(run._tick) for _ in range(2)]
    passes = train.tick / train.batch
    whole = (what.config.stop.samples or train.tick) / train.tick
    return Price(spent / played * passes, ticks[1], once, whole)
