"""Augmentation of what the critic of `versus` sees: its settings, and where p is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from gantlet.augment import Adaptive, moved

__all__ = ["Augment", "Chance", "chance"]


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of all that the critic sees, real and generated, by both players.

    The critic judges D(T(x)), never x. Each side and each phase draws a T of its own. Penalties
    are those of the composed critic x -> D(T(x)): gradients are taken with respect to x before
    its augmentation, as in the paper and in R3GAN. With p adaptive this is ADA; with policy
    `diffaugment` and p = 1 it is DiffAugment (https://arxiv.org/abs/2006.10738).

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676
    """

    policy: str | tuple[str, ...] = "bgc"
    """diffaugment, b, bg or bgc, or a list of augmentations in the order of their work."""
    p: Annotated[float, Interval(ge=0, le=1)] | Adaptive = field(default_factory=Adaptive)
    """Probability of each augmentation, or {target, samples, start, most}: ADA's rule."""


class Chance(nn.Module):
    """A probability that `after` moves by the rule of `Adaptive`: the 0-dimensional buffer p."""

    p: Tensor

    def __init__(self, rule: Adaptive) -> None:
        super().__init__()
        self.rule = rule
        self.register_buffer("p", torch.tensor(rule.start))

    def follow(self, r: Tensor, count: int) -> None:
        """Move p after a step of the critic on `count` samples with overfitting r."""
        self.p.copy_(moved(self.p, r, count, self.rule))


def chance(setting: float | Adaptive, players: nn.ModuleDict, name: str) -> Tensor | float:
    """The probability of a setting now; an adaptive one is held by the player `name`."""
    if not isinstance(setting, Adaptive):
        return setting
    held = players[name]
    assert isinstance(held, Chance)  # the game puts it there
    return held.p
