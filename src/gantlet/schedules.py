"""Settings that change with the real samples seen, so that batch size and ranks do not matter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, overload

import torch
from torch import Tensor

from gantlet.errors import UsageError

__all__ = ["Schedule", "check_bounds", "value"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """From `start` to `end` over `samples` real samples, begun after `delay`; constant outside.

    With p the share of the way, from 0 to 1:

        cosine       start + (end - start) (1 - cos(pi p)) / 2
        linear       start + (end - start) p
        exponential  start (end / start)^p

    Raises:
        UsageError: no samples, a negative delay, or an exponential to, from or across 0.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN! A Modern GAN Baseline,
    https://arxiv.org/abs/2501.05441 (cosine, for the burn-in)
    """

    start: float
    """Value at the beginning."""
    end: float
    """Value from the end on."""
    samples: int
    """Real samples that the change takes."""
    shape: Literal["cosine", "linear", "exponential"] = "cosine"
    """Course of the change."""
    delay: int = 0
    """Real samples before the change begins."""

    def __post_init__(self) -> None:
        if self.samples <= 0 or self.delay < 0:
            raise UsageError(
                "schedule",
                expected="samples above 0 and a delay of at least 0",
                received=f"samples={self.samples} delay={self.delay}",
            )
        if self.shape == "exponential" and self.start * self.end <= 0:
            raise UsageError(
                "exponential schedule",
                expected="start and end of the same sign, neither 0",
                received=f"start={self.start} end={self.end}",
                remedy="Use a small number instead of 0, or another shape",
            )


def check_bounds(
    name: str, setting: float | Schedule, low: float = 0, below: float = math.inf
) -> None:
    """UsageError where a schedule of a setting leaves [low, below) at one of its ends."""
    if not isinstance(setting, Schedule):
        return
    for end in (setting.start, setting.end):
        if not low <= end < below:
            bound = f" and below {below:g}" if below < math.inf else ""
            raise UsageError(
                f"schedule of {name}",
                expected=f"start and end of at least {low:g}{bound}",
                received=f"start={setting.start:g} end={setting.end:g}",
            )


def _at(schedule: Schedule, p: Tensor) -> Tensor:
    start, end = schedule.start, schedule.end
    if schedule.shape == "exponential":
        return start * torch.exp(math.log(end / start) * p)
    share = p if schedule.shape == "linear" else (1 - torch.cos(math.pi * p)) / 2
    return start + (end - start) * share


@overload
def value(setting: float, seen: Tensor | float) -> float: ...
@overload
def value(setting: float | Schedule, seen: float) -> float: ...
@overload
def value(setting: float | Schedule, seen: Tensor) -> Tensor | float: ...
def value(setting: float | Schedule, seen: Tensor | float) -> Tensor | float:
    """The value of a setting after `seen` real samples; a plain number is constant.

    A tensor `seen` gives a tensor of its shape and type, without leaving its device.
    """
    if not isinstance(setting, Schedule):
        return setting
    if not isinstance(seen, Tensor):
        return float(value(setting, torch.tensor(seen, dtype=torch.float64)))
    p = ((seen - setting.delay) / setting.samples).clamp(0, 1)
    return _at(setting, p)
