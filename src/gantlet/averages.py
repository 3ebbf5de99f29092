"""Running averages: of weights, with a half-life in samples, and of scalars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["ema_", "half_life", "half_life_beta", "running_mean"]


def half_life(seen: float, final: float, ramp: float | None = 0.05) -> float:
    """min(final, ramp seen): a half-life in samples that grows with the samples seen.

    Early averages so forget the untrained weights soon. `ramp` None means `final` throughout.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN,
    https://arxiv.org/abs/1912.04958 (`ema_rampup` of the authors' PyTorch code)
    """
    return final if ramp is None else min(final, ramp * seen)


def half_life_beta(batch: int, half_life: float) -> float:
    """0.5^(batch / half_life): the share of the average that a step of `batch` samples keeps.

    After `half_life` samples half of it is left, whatever the batch size. A half-life of 0 (or
    below) keeps nothing.
    """
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


@torch.no_grad()
def ema_(averaged: Sequence[Tensor], live: Sequence[Tensor], beta: float) -> None:
    """averaged <- beta averaged + (1 - beta) live, in place, tensor by tensor.

    Tensors that are not of floating point (counters) are copied.

    Arguments:
        averaged, live: tensors of equal shapes and types, in the same order.
        beta: from 0 (copy) to 1 (keep).
    """
    pairs = list(zip(averaged, live, strict=True))
    floating = [(a, b) for a, b in pairs if a.is_floating_point()]
    for a, b in pairs:
        if not a.is_floating_point():
            a.copy_(b)
    if floating:
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], 1 - beta)


def running_mean(mean: Tensor, new: Tensor, count: Tensor | int, decay: float = 0.99) -> Tensor:
    """The average with weights decay^age of numbers or vectors, after one more: m + w (new - m).

    With w = (1 - decay) / (1 - decay^(count + 1)) the weights sum to one from the first value on,
    so that the start needs no guess and no correction.

    Arguments:
        mean: the average so far, a scalar or a vector; any value while `count` is 0.
        new: values to take in, of any shape that ends with that of `mean`; their mean counts as
            one value.
        count: values taken in before.
        decay: above 0 and below 1.
    """
    # expm1(n log d) = d^n - 1 without the cancellation that float32 would suffer.
    log = math.log(decay)
    w = math.expm1(log) / torch.expm1(log * (torch.as_tensor(count).to(mean) + 1))
    batch = tuple(range(new.dim() - mean.dim()))
    return mean + w * ((new.detach().mean(batch) if batch else new.detach()) - mean)
