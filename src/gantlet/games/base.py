"""A game is players and phases: which networks move, by which loss, how often.

Data of one pass comes as a `Turn`, a loss answers with `Losses`; the trainer in `gantlet.training`
plays the phases of any `Game` in order. Nothing here knows a network, an objective or a kind of
data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from gantlet.rng import Noise
from gantlet.spec import Batch

__all__ = ["Alone", "Game", "Losses", "Phase", "Query", "Stats", "Turn"]

Stats = Mapping[str, Tensor]


@dataclass(frozen=True)
class Turn:
    """What a loss sees: one micro-batch of one pass."""

    real: Batch
    """Real samples."""
    noise: Noise
    """Random numbers of this micro-batch: `noise("z", shape)` has shape (B, *shape)."""
    seen: Tensor
    """Real samples seen so far, float32 scalar."""


@dataclass(frozen=True)
class Losses:
    """What a loss answers."""

    per_sample: Tensor
    """Shape (B,), or (B / m,) for packs of m; the trainer takes the mean."""
    per_step: Tensor | None = None
    """Terms of weights alone, a scalar, counted once a step."""
    stats: Stats = field(default_factory=dict)
    """Shape (B, ...) each, detached; gathered in sample order over micro-batches and ranks."""


@dataclass(frozen=True, kw_only=True)
class Alone:
    """A loss to which each real sample adds a term of its own: what privacy asks of a phase.

    The phase's loss is `term` of each sample. Its gradient can then be cut sample by sample.
    """

    beside: Callable[[nn.ModuleDict, Turn], Tensor]
    """What stands beside each real sample, (B, ...), from noise alone and without a gradient; the
    real samples of its turn are blank."""
    term: Callable[[Callable[[Tensor], Any], Tensor, Tensor], Tensor]
    """(player, x, beside) -> scalar, for one sample without the axis of the batch; the player is
    called with such an axis."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Which players move, by which loss, how often."""

    name: str
    trains: Sequence[str]
    """Players whose weights move; all others are frozen."""
    loss: Callable[[nn.ModuleDict, Turn], Losses]
    """Pure: changes no buffer, draws nothing but `turn.noise`, steps no optimiser."""
    after: Callable[[nn.ModuleDict, Stats], None] | None = None
    """Runs after the step; the only place where state that is no weight changes."""
    every: int = 1
    """Played on passes that `every` divides: critic steps, lazy regularisation."""
    start: int = 0
    """First sample count at which the phase is played."""
    stop: int | None = None
    """Sample count from which the phase is played no more."""
    alone: Alone | None = None
    """Of a phase that trains one player: its loss, where real samples do not meet in it."""

    def is_due(self, position: int, seen: int) -> bool:
        """Whether pass number `position` (from 0), begun at `seen` samples, plays this phase."""
        started = seen >= self.start and (self.stop is None or seen < self.stop)
        return started and (position + 1) % self.every == 0


@dataclass(frozen=True)
class Query:
    """What sampling asks for: a range of sample indices and, where the game has them, labels."""

    noise: Noise
    y: Tensor | None = None
    """Class labels or conditions, as in `Batch`."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """Players, phases in the order of play, and how to sample."""

    players: nn.ModuleDict
    phases: Sequence[Phase]
    sample: Callable[[nn.ModuleDict, Query], Tensor]
    """From live, averaged or loaded players to x of shape (B, *spec.shape)."""
    judge: Callable[[nn.ModuleDict, Batch], Tensor] | None = None
    """A critic's scores of samples, large for real, one for each sample or pack; for health."""
    bundled: Sequence[str] = ("generator",)
    """Players that are averaged and go into the bundle."""
    group: int = 1
    """Samples that belong together (batch norm, packing, minibatch statistics); a rank's or
    micro-batch's share is a whole number of groups."""
    about: str = ""
    """What tells it from other games of the same players, such as its settings; a run goes on only
    with the same."""
    concurrent: bool = False
    """Whether losses may be asked by several threads at once: players keep nothing in forward."""
