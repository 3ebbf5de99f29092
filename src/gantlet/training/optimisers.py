"""Optimisers of players: built from settings, rates set by samples seen, state packed."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer, RMSprop

from gantlet.config import Optimiser
from gantlet.schedules import value

__all__ = ["build", "clip_", "load_state", "set_rates", "state"]


def build(settings: Optimiser, player: nn.Module) -> Optimizer:
    """The optimiser of one player's weights, fused where torch has it."""
    weights = list(player.parameters())
    lr, beta2 = float(value(settings.lr, 0)), float(value(settings.beta2, 0))
    decay, fused = settings.weight_decay, weights[0].device.type != "mps"
    if settings.name == "adam":
        betas = (settings.beta1, beta2)
        return Adam(weights, lr, betas, settings.eps, decay, fused=fused)
    if settings.name == "rmsprop":
        return RMSprop(weights, lr, beta2, settings.eps, decay, settings.beta1, foreach=True)
    return SGD(weights, lr, settings.beta1, weight_decay=decay, fused=fused)


def set_rates(optimiser: Optimizer, settings: Optimiser, seen: int, factor: float) -> None:
    """Rates due at `seen` samples; `factor` scales the learning rate (after a roll-back)."""
    group = optimiser.param_groups[0]
    group["lr"] = float(value(settings.lr, seen)) * factor
    beta2 = float(value(settings.beta2, seen))
    if "betas" in group:
        group["betas"] = (settings.beta1, beta2)
    if "alpha" in group:
        group["alpha"] = beta2


def clip_(weights: Iterable[nn.Parameter], norm: float | None, bound: float | None) -> None:
    """Clip gradients in place: each to [-bound, bound], then all together to a Euclidean norm."""
    weights = list(weights)
    if bound is not None:
        nn.utils.clip_grad_value_(weights, bound)
    if norm is not None:
        nn.utils.clip_grad_norm_(weights, norm)


def state(optimiser: Optimizer, player: nn.Module) -> dict[str, Tensor]:
    """The optimiser's tensors by `weight/slot`."""
    return {
        f"{name}/{slot}": torch.as_tensor(tensor)
        for name, weight in player.named_parameters()
        for slot, tensor in optimiser.state.get(weight, {}).items()
        if tensor is not None
    }


def load_state(optimiser: Optimizer, player: nn.Module, tensors: dict[str, Tensor]) -> None:
    """The inverse of `state`."""
    weights = dict(player.named_parameters())
    optimiser.state.clear()
    for key, tensor in tensors.items():
        name, _, slot = key.rpartition("/")
        optimiser.state[weights[name]][slot] = _like(weights[name], tensor)


def _like(weight: Tensor, tensor: Tensor) -> Tensor:
    """A slot of a weight with the weight's memory layout, which fused optimisers rely on."""
    if tensor.shape != weight.shape:
        return tensor.to(weight.device, copy=True)
    return torch.empty_like(weight, dtype=tensor.dtype).copy_(tensor).detach()
