"""Residual networks without normalisation: grouped convolutions and bilinear resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.networks.base import Blockwise, Critique, Network
from gantlet.networks.heads import Condition, accompanied, exactly, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.conditioning import LabelConcat, require_labels
from gantlet.nn.layers import initialise
from gantlet.nn.resampling import bilinear_down, bilinear_up, plan
from gantlet.nn.statistics import MinibatchStd
from gantlet.nn.tables import Based, table_for
from gantlet.spec import DataSpec

__all__ = ["R3GAN"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class R3GAN(Network):
    """Residual networks without normalisation: grouped convolutions, bilinear resampling.

    The generator scales a learned grid of each channel by a linear function of z; the
    discriminator weighs its last grid by one for each channel. In between, at each size, are
    residual blocks x + 1x1(f(3x3(f(1x1(x))))), f leaky ReLU 0.2 after a bias, the 3x3 in groups.
    Nothing bounds the generator's output. Weights begin as N(0, g^2 / fan_in), g = 1 outside the
    blocks; inside, g = sqrt(2 / 1.04) L^(-1/4) with L blocks, and 0 for the last 1x1.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """

    name: Literal["r3gan"] = "r3gan"
    """The family: see `gantlet list networks`."""
    latent: Count = 64
    """Length of the latent vector z, and of a class's vector beside it."""
    width: Count | tuple[Count, ...] = 64
    """Channels: one number, or one for each size from the smallest to the image's."""
    blocks: Count = 2
    """Residual blocks at each size."""
    expansion: Count = 2
    """Channels inside a block, as a multiple of those outside."""
    group_size: Count = 16
    """Channels of one group of a grouped convolution."""
    discriminator_condition: Condition = "projection"
    """How the discriminator learns of labels: projection (the dot product of a class's vector and
    a linear function of the features), concat (a map beside x) or auxiliary (a classifier)."""
    minibatch_std: bool = False
    """Whether the discriminator sees the standard deviation within a group (arXiv 1710.10196)."""
    minibatch_discrimination: Annotated[int, Ge(0)] = 0
    """Kernels by which the discriminator sees how near samples of a group are to one another
    (arXiv 1606.03498); 0: none."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; no part of it couples samples."""
        return Generator(self, spec)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return Discriminator(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> R3GAN:
        """A width of 8, one block at each size."""
        return cls(latent=8, width=8, blocks=1, group_size=4)

    def widths(self, sizes: list[Size]) -> list[int]:
        """Channels at each size of the plan; UsageError if they do not fit."""
        width = self.width
        widths = [width] * len(sizes) if isinstance(width, int) else list(width)
        if len(widths) != len(sizes):
            raise UsageError(
                "setting network.width",
                expected=f"one number, or {len(sizes)} for sizes from {sizes[0]} to {sizes[-1]}",
                received=f"{len(widths)}",
                remedy="Give one number to have the same width at each size.",
            )
        for width in widths:
            if width * self.expansion % self.group_size:
                raise UsageError(
                    "setting network.width",
                    expected="width * expansion to be a multiple of "
                    f"network.group_size = {self.group_size}",
                    received=f"{width} * {self.expansion}",
                    remedy="Change the width or the group size.",
                )
        return widths


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "r3gan", 4)
    return plan(height, width)


def _draw(weight: Tensor, gain: float = 1.0) -> None:
    nn.init.normal_(weight, std=gain / weight[0].numel() ** 0.5)


def _plain(a: int, b: int) -> nn.Conv2d:
    """A 1x1 convolution without a bias."""
    layer = nn.Conv2d(a, b, 1, bias=False)
    _draw(layer.weight)
    return layer


class Block(nn.Module):
    """x + 1x1(f(3x3(f(1x1(x))))), at first the identity."""

    def __init__(self, net: R3GAN, width: int, total: int) -> None:
        super().__init__()
        inner = width * net.expansion
        groups = inner // net.group_size
        self.body = nn.Sequential(
            nn.Conv2d(width, inner, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(inner, inner, 3, padding=1, groups=groups),
            nn.LeakyReLU(0.2),
            nn.Conv2d(inner, width, 1, bias=False),
        )
        gain = (2 / 1.04) ** 0.5 * total**-0.25
        initialise(self.body[:-1], partial(_draw, gain=gain))
        initialise(self.body[-1], nn.init.zeros_)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) to the same."""
        y: Tensor = x + self.body(x)
        return y


class Up(nn.Module):
    """1x1 if the width changes, then bilinear up."""

    def __init__(self, a: int, b: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.project = nn.Identity() if a == b else _plain(a, b)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        return bilinear_up(self.project(x), self.size)


class Down(nn.Module):
    """Bilinear down, then 1x1 if the width changes."""

    def __init__(self, a: int, b: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.project = nn.Identity() if a == b else _plain(a, b)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        y: Tensor = self.project(bilinear_down(x, self.size))
        return y


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: R3GAN, spec: DataSpec) -> None:
        super().__init__()
        sizes = _sizes(spec)
        widths = net.widths(sizes)
        classes, total = spec.condition_size, net.blocks * len(sizes)
        self.input = vector_input(classes, net.latent)
        self.linear = nn.Linear(net.latent * (1 + bool(classes)), widths[0], bias=False)
        self.basis = nn.Parameter(torch.randn(widths[0], *sizes[0]))
        layers: list[nn.Module] = [Block(net, widths[0], total) for _ in range(net.blocks)]
        for (a, b), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [Up(a, b, size), *(Block(net, b, total) for _ in range(net.blocks))]
        self.trunk = nn.Sequential(*layers, _plain(widths[-1], spec.shape[0]))
        _draw(self.linear.weight)
        if isinstance(self.input, LabelConcat):
            nn.init.normal_(self.input.table.weight, std=classes**-0.5)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W), not bounded."""
        scale: Tensor = self.linear(self.input(z, y))
        x: Tensor = self.trunk(self.basis.to(scale.dtype) * scale[:, :, None, None])
        return x


class DotHead(nn.Module):
    """logit = e_y . W h, with a vector e_y for each class and features h of shape (B, F).

    Of conditions that are all flags e_y = y E + b, so that samples without any are judged, too.
    """

    def __init__(self, features: int, spec: DataSpec, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, size, bias=False)
        self.table = table_for(spec, size)
        nn.init.normal_(self.table.weight, std=(size * spec.condition_size) ** -0.5)
        if isinstance(self.table, Based):
            nn.init.normal_(self.table.base, std=size**-0.5)

    def forward(self, h: Tensor, y: Tensor | None) -> Critique:
        """Judge features of samples of classes y."""
        e: Tensor = self.table(require_labels(y))
        return Critique((exactly(self.linear, h) * e).sum(1), h)


class Discriminator(Blockwise):
    """Images and their class to a Critique."""

    def __init__(self, net: R3GAN, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        sizes = _sizes(spec)[::-1]
        widths = net.widths(sizes[::-1])[::-1]
        total = net.blocks * len(sizes)
        self.input, first = image_input(spec, net.discriminator_condition, pack)
        layers: list[nn.Module] = [_plain(first, widths[0])]
        layers += [Block(net, widths[0], total) for _ in range(net.blocks)]
        for (a, b), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [Down(a, b, size), *(Block(net, b, total) for _ in range(net.blocks))]
        if net.minibatch_std:
            layers.append(MinibatchStd(rows(group, pack)))
        self.trunk = nn.Sequential(*layers)
        features = widths[-1] + net.minibatch_std
        self.basis = nn.Parameter(torch.empty(features, *sizes[-1]))
        _draw(self.basis)
        classes = spec.condition_size
        dotted = classes and net.discriminator_condition == "projection"
        self.head = accompanied(
            net.minibatch_discrimination,
            features,
            group,
            pack,
            lambda f: (
                DotHead(f, spec, widths[-1])
                if dotted
                else head(f, classes, net.discriminator_condition, bias=False)
            ),
        )
        initialise(self.head, _draw)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        h: Tensor = self.trunk(self.input(x, y))
        critique: Critique = self.head((h.to(self.basis.dtype) * self.basis).sum((2, 3)), y)
        return critique

    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """All between two sizes: the residual blocks of each, after the way to it."""
        layers = list(self.trunk)
        starts = [i for i, layer in enumerate(layers) if not i or isinstance(layer, Down)]
        return [layers[i:j] for i, j in pairwise([*starts, len(layers)])]
