"""Problems that recipes play: train, sample, score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray

from gantlet.bench.base import Asked, Problem, Row, Stopped, Tell
from gantlet.console import Briefly
from gantlet.games.base import Game
from gantlet.metrics.estimate import Estimate
from gantlet.planning import Plan, plan
from gantlet.rng import seed_of
from gantlet.run import train
from gantlet.spec import DataSpec

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Contender", "Trained"]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A recipe with settings, for a number of real samples."""

    line: str
    recipe: str
    samples: int
    settings: tuple[str, ...] = ()
    theory: str = ""
    """What theory says of it."""
    game: Callable[[DataSpec], Game] | None = None
    """A game of its own, with the recipe's optimisers and training."""


@dataclass(frozen=True, kw_only=True)
class Trained(Problem):
    """A problem that recipes play."""

    contenders: Mapping[str, Contender]
    n: int
    """Samples that are scored."""
    opens: Callable[[Asked], Source]
    """The training data."""
    score: Callable[[NDArray[Any], Asked, Path], Mapping[str, float]]
    """The measures of generated samples (n, ...); the folder is for what is made once."""
    perfect: Callable[[Asked, Path], Mapping[str, Mapping[str, Estimate]]]
    """What perfect samplers score."""

    @property
    def rows(self) -> Mapping[str, Row]:
        """Who plays, by name."""
        return {k: Row(line=c.line, theory=c.theory) for k, c in self.contenders.items()}

    def identity(self, row: str, seed: int, asked: Asked) -> str:
        """Hash of settings, data and samples, 12 hexadecimal digits."""
        return _digest(self._plan(row, seed, asked))

    def play(
        self, row: str, seed: int, asked: Asked, home: Path, tell: Tell
    ) -> Mapping[str, float]:
        """Train, or go on; sample; score."""
        made, contender = self._plan(row, seed, asked), self.contenders[row]
        run = train(
            self.opens(asked),
            contender.recipe,
            _settings(contender, seed, asked),
            out=home / f"{row}-{seed}-{_digest(made)}",
            samples=made.config.stop.samples,
            game=made.game,
            callbacks=[Briefly(f"{row}, seed {seed}", tell)],
            verbose=False,
        )
        if run.signal or run.reason == "stopped":
            raise Stopped(run.signal)
        values = run.sample(self.n, device=made.config.train.device).values
        seconds = next(r["seconds"] for r in reversed(run.log) if "seconds" in r)
        return {**self.score(values, asked, home), "samples": run.seen, "seconds": seconds}

    def floors(self, asked: Asked, home: Path) -> Mapping[str, Mapping[str, Estimate]]:
        """What perfect samplers score, by their names."""
        return self.perfect(asked, home)

    def _plan(self, row: str, seed: int, asked: Asked) -> Plan:
        contender = self.contenders[row]
        settings = _settings(contender, seed, asked)
        data, samples = self.opens(asked), asked.samples or contender.samples
        made = plan(data, contender.recipe, settings, samples=samples)
        if contender.game is None:
            return made
        with torch.random.fork_rng():
            torch.manual_seed(seed_of(seed, "weights"))
            game = contender.game(made.dataset.spec)
        return plan(data, contender.recipe, settings, samples=samples, game=game)


def _settings(contender: Contender, seed: int, asked: Asked) -> tuple[str, ...]:
    return (*contender.settings, *asked.settings, f"train.seed={seed}")


def _digest(made: Plan) -> str:
    facts = json.dumps([made.identity, made.config.stop.samples], sort_keys=True)
    return hashlib.blake2b(facts.encode(), digest_size=6).hexdigest()
