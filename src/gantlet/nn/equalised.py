"""Equalised learning rate: weights kept at N(0, 1) and scaled where they are used."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.nn.tables import vectors

__all__ = ["EqualConv2d", "EqualEmbedding", "EqualLinear", "equalise_", "pixel_norm"]

_GAIN = math.sqrt(2)


def pixel_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """x / sqrt(mean over channels of x^2 + eps) at each position: (B, C, ...) to the same.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """
    exact = x.to(torch.promote_types(x.dtype, torch.float32))
    return (exact * torch.rsqrt(exact.square().mean(1, keepdim=True) + eps)).to(x.dtype)


class EqualLinear(nn.Linear):
    """`nn.Linear` with c W and m b: c = m gain / sqrt(inputs) at each use, W from N(0, 1 / m^2).

    Adam moves each weight by about its learning rate, whatever the weight's own size. With the
    constant c outside of it, layers of any fan-in change at the same pace; a `multiplier` m
    changes that pace and nothing of what the layer computes at first. Biases begin at zero.

    Arguments:
        inputs, outputs: lengths of the vectors.
        bias: whether there is one.
        gain: sqrt(2) before a leaky ReLU, 1 where nothing follows or the activation scales.
        multiplier: m, of the learning rate.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        gain: float = _GAIN,
        multiplier: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.scale, self.multiplier = multiplier * gain / math.sqrt(inputs), multiplier
        _begin(self)

    def forward(self, x: Tensor) -> Tensor:
        """c x W^T + m b, shape (B, outputs)."""
        return F.linear(x, self.weight * self.scale, _bias(self))


class EqualConv2d(nn.Conv2d):
    """`nn.Conv2d` with c W and m b as in `EqualLinear`; the fan-in is inputs * height * width.

    Arguments:
        inputs, outputs: channels.
        kernel, padding: as in `nn.Conv2d`.
        bias, gain, multiplier: as in `EqualLinear`.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
        gain: float = _GAIN,
        multiplier: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=padding, bias=bias)
        fan_in = self.weight[0].numel()
        self.scale, self.multiplier = multiplier * gain / math.sqrt(fan_in), multiplier
        _begin(self)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, shape (B, outputs, H', W')."""
        y: Tensor = self._conv_forward(x, self.weight * self.scale, _bias(self))
        return y


class EqualEmbedding(nn.Embedding):
    """`nn.Embedding` with T / sqrt(features) at each use, T from N(0, 1).

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    def forward(self, y: Tensor) -> Tensor:
        """The vectors of labels or conditions y, shape (B, features)."""
        return vectors(y, self.weight) / math.sqrt(self.embedding_dim)


def _begin(layer: EqualLinear | EqualConv2d) -> None:
    nn.init.normal_(layer.weight, std=1 / layer.multiplier)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _bias(layer: EqualLinear | EqualConv2d) -> Tensor | None:
    bias: Tensor | None = layer.bias
    return bias if bias is None or layer.multiplier == 1 else bias * layer.multiplier


def equalise_(module: nn.Module) -> nn.Module:
    """Put an `EqualLinear` of gain 1 in the place of each dense layer among a module's children.

    For heads, whose layers nothing follows.
    """
    for name, layer in module.named_children():
        if isinstance(layer, nn.Linear):
            bias = layer.bias is not None
            equal = EqualLinear(layer.in_features, layer.out_features, bias=bias, gain=1.0)
            setattr(module, name, equal)
    return module
