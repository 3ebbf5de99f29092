"""All that a run's future depends on, as a checkpoint holds it: values and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from gantlet.games.base import Game
from gantlet.training import optimisers
from gantlet.training.step import Stepper
from gantlet.training.validation import Course

__all__ = ["State", "load_tensors", "tensors"]


@dataclass
class State:
    """Where a run stands, besides the tensors."""

    position: int = 0
    """Passes played."""
    seconds: float = 0.0
    roll_backs: int = 0
    micro_batches: int | None = None
    """In which the last pass was played: more than `asked` where memory ran out."""
    asked: int | None = None
    """What train.micro_batches was then."""
    course: Course = field(default_factory=Course)

    def divided(self, wanted: int, groups: int) -> tuple[State, str]:
        """The state of a run that goes on, and a sentence where its bits will differ.

        It goes on in as many micro-batches as before, unless the setting has changed since or a
        rank's share, among other ranks than before, is not so many groups.

        Arguments:
            wanted: train.micro_batches.
            groups: whole groups of samples in a rank's share of a batch.
        """
        before = self.micro_batches
        if before is None or self.asked != wanted:
            state = replace(self, micro_batches=wanted, asked=wanted)
        elif groups % before and not groups % wanted:
            most = max(n for n in range(1, min(before, groups) + 1) if groups % n == 0)
            state = replace(self, micro_batches=most)
        else:
            state = self
        if not self.position or before in (state.micro_batches, None):
            return state, ""
        return state, (
            f"The run went on with train.micro_batches={before} and goes on with "
            f"{state.micro_batches}: results differ by rounding from those of one number."
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> State:
        """From a checkpoint's values; before validation they named a best one by its coverage."""
        old = ("position", "seconds", "roll_backs")
        new = ("micro_batches", "asked")
        known = {name: values[name] for name in (*old, *(n for n in new if n in values))}
        return cls(**known, course=Course.of(values.get("course", {})))


def tensors(game: Game, averaged: nn.ModuleDict, stepper: Stepper) -> dict[str, dict[str, Tensor]]:
    """Players, averages and what optimisers remember, by the file that holds them."""
    packed = {
        f"{name}/{slot}": tensor
        for name, optimiser in stepper.optimisers.items()
        for slot, tensor in optimisers.state(optimiser, game.players[name]).items()
    }
    return {
        "players": game.players.state_dict(),
        "averaged": averaged.state_dict(),
        "optimisers": packed,
    }


def load_tensors(
    held: Mapping[str, Mapping[str, Tensor]],
    game: Game,
    averaged: nn.ModuleDict,
    stepper: Stepper,
) -> None:
    """The inverse of `tensors`."""
    game.players.load_state_dict(held["players"])
    averaged.load_state_dict(held["averaged"])
    for name, optimiser in stepper.optimisers.items():
        mine = {
            key.removeprefix(f"{name}/"): tensor
            for key, tensor in held["optimisers"].items()
            if key.startswith(f"{name}/")
        }
        optimisers.load_state(optimiser, game.players[name], mine)
