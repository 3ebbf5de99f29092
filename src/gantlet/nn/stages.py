"""Layers whose state follows from the real samples seen: networks that grow as they train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Growth", "Staged", "stage_at"]


class Staged(nn.Module, ABC):
    """A layer whose state is a function of the real samples seen.

    The trainer calls `reach` before each pass, for all players and their averaged copies alike:
    within a pass every phase, micro-batch, worker and rank sees the same state, and a run that
    was stopped finds it again from its position.
    """

    @abstractmethod
    def reach(self, seen: int) -> None:
        """Take on the state that is due at `seen` real samples."""

    @property
    @abstractmethod
    def branch(self) -> Hashable:
        """What of the state is no tensor: while it is equal, forward runs the same operations."""


def stage_at(seen: int, last: int, steady: int, fade: int) -> tuple[int, float]:
    """The stage and its share alpha in [0, 1] after `seen` real samples.

    Stage 0 lasts `steady` samples. Each further stage i, up to `last`, begins with `fade` samples
    in which alpha rises linearly from 0 to 1, and then lasts `steady` more; the last one stays:

        i = 1 + floor((seen - steady) / (fade + steady)),
        alpha = min(1, (seen - steady - (i - 1) (fade + steady)) / fade)
    """
    if seen < steady or not last:
        return 0, 1.0
    past, inside = divmod(seen - steady, fade + steady)
    if past >= last:
        return last, 1.0
    return past + 1, inside / fade if inside < fade else 1.0


class Growth(Staged):
    """How far a network of several sizes has grown: a stage, and the share of its newest size.

    A new network is grown up; the trainer takes it back to its first stage and through the
    others. The buffer `seen` holds where it stands, for checkpoints, averages and bundles. From
    it follow `stage` and `fading`, plain values that forward may branch on without waiting for
    the device, and `alpha`, a tensor, so that a compiled loss needs one graph a stage and no new
    one for each pass.

    Arguments:
        last: number of the last stage, from 0.
        steady, fade: samples, as in `stage_at`.
    """

    seen: Tensor
    alpha: Tensor

    def __init__(self, last: int, steady: int, fade: int) -> None:
        super().__init__()
        self.last, self.steady, self.fade = last, steady, fade
        self.stage, self.fading = last, False
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("alpha", torch.ones(()), persistent=False)
        nn.Module.register_load_state_dict_post_hook(self, _follow)
        self.reach(self.grown_at)

    @property
    def grown_at(self) -> int:
        """Real samples after which nothing changes any more."""
        return self.last * (self.fade + self.steady)

    @torch.no_grad()
    def reach(self, seen: int) -> None:
        """The stage that is due at `seen` real samples."""
        self.stage, alpha = stage_at(seen, self.last, self.steady, self.fade)
        self.fading = alpha < 1
        self.seen.fill_(seen)
        self.alpha.fill_(alpha)

    @property
    def branch(self) -> Hashable:
        """The stage, and whether it fades in."""
        return self.stage, self.fading

    def blended(self, old: Tensor, new: Tensor) -> Tensor:
        """old + alpha (new - old), exactly `old` at alpha 0: the newest size fades in."""
        return torch.lerp(old, new.to(old.dtype), self.alpha.to(old.dtype))


def _follow(growth: nn.Module, _: Any) -> None:
    """After buffers were loaded: let the rest follow."""
    assert isinstance(growth, Growth)  # which has registered this
    growth.reach(int(growth.seen))
