"""Gradients of single samples: cut to a length, added up, hidden in noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.func import grad, vmap

__all__ = ["Weights", "clipped_sum", "gaussian"]

Weights = Mapping[str, Tensor]
_CHUNK = 2**22
"""Numbers of per-sample gradients that are held at a time: 16 MiB in float32 stay in a cache."""


def clipped_sum(
    loss: Callable[[dict[str, Tensor], Tensor, Tensor], Tensor],
    weights: Weights,
    x: Tensor,
    beside: Tensor,
    *,
    clip: float,
) -> dict[str, Tensor]:
    r"""The sum over samples of their gradients, each cut to a Euclidean norm of at most C.

    sum_i g_i min(1, C / |g_i|) with g_i the gradient of the loss of sample i alone with respect to
    all weights together. Leaving one sample out changes it by at most C, whatever the others are.
    A gradient that is not finite counts as 0.

    Arguments:
        loss: (weights, x_i, beside_i) -> scalar, of one sample.
        weights: by name.
        x, beside: shape (n, ...) each; n may be 0.
        clip: C.

    Source: Abadi et al. (2016), Deep Learning with Differential Privacy, https://arxiv.org/abs/1607.00133
    """
    held = {name: weight.detach() for name, weight in weights.items()}
    total = {name: torch.zeros_like(weight) for name, weight in held.items()}
    each = vmap(grad(loss), in_dims=(None, 0, 0))
    step = max(1, _CHUNK // max(1, sum(weight.numel() for weight in held.values())))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        gradients = each(held, x[part], beside[part])
        squares = [g.flatten(1).square().sum(1) for g in gradients.values()]
        norms = torch.stack(squares).sum(0).sqrt()
        finite = torch.isfinite(norms)
        scale = torch.where(finite, (clip / norms).clamp(max=1.0), 0.0)
        for name, g in gradients.items():
            known = torch.where(finite.view(-1, *[1] * (g.dim() - 1)), g, 0.0)
            total[name] += torch.tensordot(scale, known, 1)
    return total


def gaussian(weights: Weights, spread: float, generator: torch.Generator) -> dict[str, Tensor]:
    """Normal noise of a standard deviation for each weight, in float64 drawn on the CPU."""
    draw = partial(torch.randn, generator=generator, dtype=torch.float64)
    return {n: (spread * draw(tuple(w.shape))).to(w) for n, w in weights.items()}
