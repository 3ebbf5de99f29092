"""Games in which each real sample stands alone: the critic's loss as a sum of their terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gantlet.games.base import Alone, Turn
from gantlet.games.seeing import critique, look
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.nn.statistics import MinibatchDiscrimination, MinibatchStd
from gantlet.penalties import PENALTIES
from gantlet.schedules import value

if TYPE_CHECKING:
    from gantlet.games.versus import Versus
    from gantlet.games.versus_losses import Rules

__all__ = ["alone", "meeting"]

_FREE = ("name", "objective", "smoothing", "penalties", "critic_steps", "clip_weights", "group")
"""Settings of `versus` that may differ from their defaults."""
_COUPLING = (
    *(GroupedBatchNorm, MinibatchStd, MinibatchDiscrimination),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
)


def meeting(settings: Versus) -> str:
    """The first setting by which real samples meet others or the generator; "" if none does."""
    plain = type(settings)()
    for field in fields(settings):
        if field.name in _FREE:
            continue
        if getattr(settings, field.name) != getattr(plain, field.name):
            return f"game.{field.name}"
    for name, weight in settings.penalties.items():
        known = PENALTIES[name]
        fixed = isinstance(weight, float | int)
        if not (fixed and known.probe == "gradient" and known.at in ("real", "fake")):
            return f"game.penalties.{name}"
    return ""


def alone(rules: Rules, players: nn.ModuleDict, *, labelled: bool) -> Alone | None:
    """The critic's loss, sample by sample; None where samples meet in it.

    Each real sample has a generated one of its own beside it. Labels, batch statistics and layers
    with a state of their own rule it out.

    Arguments:
        rules: of the game.
        players: of the game.
        labelled: whether samples have labels.
    """
    critic = players["discriminator"]
    stateful = "view" in players or any(True for _ in critic.buffers())
    coupled = any(isinstance(module, _COUPLING) for module in critic.modules())
    if labelled or stateful or coupled or meeting(rules.settings):
        return None

    def beside(players: nn.ModuleDict, turn: Turn) -> Tensor:
        with torch.no_grad():
            return rules.generated(players, turn)

    def term(player: Callable[[Tensor], Any], x: Tensor, fake: Tensor) -> Tensor:
        points, chosen = {"real": x[None], "fake": fake[None]}, rules.settings.penalties
        sloped = {PENALTIES[name].at for name in chosen}
        looks = {
            at: look(lambda t: critique(player(t)), point, at in sloped, at in sloped)
            for at, point in points.items()
        }
        logits = (looks[at].answer.logits for at in ("real", "fake"))
        loss = rules.objective.discriminator(*logits)
        for name, weight in chosen.items():
            gradient = looks[PENALTIES[name].at].gradient
            assert gradient is not None  # asked for
            loss = loss + value(weight, 0) * PENALTIES[name].measure(gradient)
        return loss.squeeze(0)

    return Alone(beside=beside, term=term)
