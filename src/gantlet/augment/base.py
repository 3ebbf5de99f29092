"""What an augmentation is: a random change of images, one row of random numbers for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

__all__ = ["Augmentation", "Change", "Law", "Probability", "Warp", "rows"]

Probability = Tensor | float
"""In [0, 1]; a tensor is a scalar without gradient."""
Law = Literal["uniform", "normal"]
"""Of random numbers: uniform on [0, 1), or standard normal."""


def _itself(p: Probability) -> Probability:
    return p


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """One transformation of x (B, C, H, W), applied to a sample with probability `chance(p)`."""

    line: str
    """What it is, in one line."""
    source: str
    """Where it was published."""
    numbers: int
    """Random numbers k that one sample takes, besides the one that decides."""
    law: Law = "uniform"
    """Of these numbers."""
    channels: int | None = None
    """Channels that it needs; None: any number."""
    chance: Callable[[Probability], Probability] = _itself
    """From p to the probability with which a sample is transformed."""


@dataclass(frozen=True, kw_only=True)
class Change(Augmentation):
    """An augmentation by values or by whole pixels."""

    change: Callable[[Tensor, Tensor], Tensor]
    """f(x, r), (B, C, H, W) and (B, k) -> (B, C, H, W): differentiable in x, row by row."""


@dataclass(frozen=True, kw_only=True)
class Warp(Augmentation):
    """An augmentation by an affine map of the plane; maps in a row are composed, sampled once."""

    inverse: Callable[[Tensor, tuple[int, int]], Tensor]
    """f(r, (H, W)), (B, k) -> (B, 3, 3): from the new position (x, y, 1) to the old one, in pixels
    from the centre, y pointing down."""


def rows(t: Tensor, like: Tensor) -> Tensor:
    """t of shape (B,) as (B, 1, ...), to go with `like` of shape (B, ...)."""
    return t.reshape(-1, *[1] * (like.dim() - 1))
