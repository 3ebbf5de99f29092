"""Networks that grow from a small grid to the image's size, each new size faded in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.networks.base import Critique, Network
from gantlet.networks.heads import Condition, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.equalised import EqualConv2d, EqualLinear, equalise_, pixel_norm
from gantlet.nn.layers import Flatten
from gantlet.nn.resampling import average_down, nearest_up, plan
from gantlet.nn.stages import Growth
from gantlet.nn.statistics import MinibatchStd
from gantlet.spec import DataSpec

__all__ = ["Progressive"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Progressive(Network):
    """Networks that grow from a small grid to the image's size, each new size faded in.

    Both networks are built whole and used in part: up to the size of the stage that the real
    samples seen have come to. Stage 0 lasts `steady` samples; each further one fades in over
    `fade` samples, alpha rising from 0 to 1, and lasts `steady` more. Meanwhile the generator
    gives (1 - alpha) times the smaller image, enlarged, plus alpha times the new one; the
    discriminator blends its features likewise; and real images are shown at the stage's size,
    blended with the next smaller. Images always have their full size outside: smaller ones are
    enlarged by repeating pixels, and the discriminator takes means. Slopes of the discriminator
    are with respect to images of full size.

    Each size has two 3x3 convolutions on either side, leaky ReLU 0.2, in the generator followed
    by pixel norm; the discriminator ends with the standard deviation within a group. All layers
    have an equalised learning rate, but not the vectors of classes, which begin as N(0, 1) in the
    generator and N(0, 1 / features) in a projection. z and the class's vector have one pixel norm
    together. Nothing bounds the generator's output. Widths for 1024x1024 are the paper's.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    name: Literal["progressive"] = "progressive"
    """The family: see `gantlet list networks`."""
    latent: Count = 512
    """Length of the latent vector z, and of a class's vector beside it."""
    width: Count = 16
    """Channels at the image's own size, doubled with every halving."""
    max_width: Count = 512
    """Most channels of a layer."""
    steady: Count = 800_000
    """Real samples for which each size is trained before the next one comes."""
    fade: Annotated[int, Ge(0)] = 800_000
    """Real samples over which each new size fades in."""
    discriminator_condition: Condition = "projection"
    """How the discriminator learns of labels: projection (the dot product of a class's vector and
    the features), concat (a map beside x) or auxiliary (a classifier)."""
    minibatch_std: bool = True
    """Whether the discriminator sees the standard deviation within a group."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; no part of it couples samples."""
        return Generator(self, spec)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return Discriminator(self, spec, group, pack)

    def view(self, spec: DataSpec) -> nn.Module:
        """Real images at the size of the stage, blended as the generator's are."""
        return View(self, spec)

    @classmethod
    def tiny(cls) -> Progressive:
        """Widths of 4 and 8; stages of a few batches."""
        return cls(latent=8, width=4, max_width=8, steady=64, fade=96)

    def growth(self, sizes: Sequence[Size]) -> Growth:
        """A stage for each size, where each network has its own."""
        return Growth(len(sizes) - 1, self.steady, self.fade)

    def widths(self, sizes: Sequence[Size]) -> list[int]:
        """Channels at each size, from the smallest."""
        return [min(self.max_width, self.width << i) for i in range(len(sizes))][::-1]


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "progressive", 4)
    return plan(height, width)


def _up(x: Tensor, sizes: Sequence[Size]) -> Tensor:
    for size in sizes:
        x = nearest_up(x, size)
    return x


def _down(x: Tensor, sizes: Sequence[Size]) -> Tensor:
    for size in sizes:
        x = average_down(x, size)
    return x


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class View(nn.Module):
    """Images as they are at a stage: at its size, blended with the next smaller, enlarged."""

    def __init__(self, net: Progressive, spec: DataSpec) -> None:
        super().__init__()
        self.sizes = _sizes(spec)
        self.growth = net.growth(self.sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        stage, sizes = self.growth.stage, self.sizes
        x = _down(x, sizes[stage:-1][::-1])
        if self.growth.fading:
            low = average_down(x, sizes[stage - 1])
            x = self.growth.blended(nearest_up(low, sizes[stage]), x)
        return _up(x, sizes[stage + 1 :])


class Up(nn.Module):
    """Enlarge, then twice 3x3, leaky ReLU, pixel norm."""

    def __init__(self, a: int, b: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.first = EqualConv2d(a, b, 3, padding=1)
        self.second = EqualConv2d(b, b, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        h = pixel_norm(_act(self.first(nearest_up(x, self.size))))
        return pixel_norm(_act(self.second(h)))


class Down(nn.Module):
    """Twice 3x3, leaky ReLU, then means of 2x2."""

    def __init__(self, a: int, b: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.first = EqualConv2d(a, a, 3, padding=1)
        self.second = EqualConv2d(a, b, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        return average_down(_act(self.second(_act(self.first(x)))), self.size)


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: Progressive, spec: DataSpec) -> None:
        super().__init__()
        self.sizes = _sizes(spec)
        self.growth = net.growth(self.sizes)
        widths, classes = net.widths(self.sizes), spec.condition_size
        first, (height, width) = widths[0], self.sizes[0]
        self.input = vector_input(classes, net.latent)
        # Together the paper's 4x4 convolution of a single pixel, with a bias for each channel.
        # Pixel norm undoes the gain, which as that convolution's would be sqrt(2) / 4.
        self.dense = EqualLinear(
            net.latent * (1 + bool(classes)), first * height * width, bias=False
        )
        self.bias = nn.Parameter(torch.zeros(first))
        self.first = EqualConv2d(first, first, 3, padding=1)
        self.ups = nn.ModuleList(
            Up(a, b, size) for (a, b), size in zip(pairwise(widths), self.sizes[1:], strict=True)
        )
        self.to_image = nn.ModuleList(EqualConv2d(w, spec.shape[0], 1, gain=1.0) for w in widths)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W), not bounded, detailed up to its stage."""
        stage, sizes = self.growth.stage, self.sizes
        height, width = sizes[0]
        h: Tensor = self.dense(pixel_norm(self.input(z, y))).view(len(z), height, width, -1)
        h = pixel_norm(_act((h + self.bias).permute(0, 3, 1, 2)))
        h = before = pixel_norm(_act(self.first(h)))
        for i in range(stage):
            before, h = h, self.ups[i](h)
        x: Tensor = self.to_image[stage](h)
        if self.growth.fading:
            old = nearest_up(self.to_image[stage - 1](before), sizes[stage])
            x = self.growth.blended(old, x)
        return _up(x, sizes[stage + 1 :])


class Discriminator(nn.Module):
    """Images and their class to a Critique."""

    def __init__(self, net: Progressive, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        self.sizes = _sizes(spec)
        self.growth = net.growth(self.sizes)
        widths, classes = net.widths(self.sizes), spec.condition_size
        first, (height, width) = widths[0], self.sizes[0]
        self.input, channels = image_input(spec, net.discriminator_condition, pack)
        self.from_image = nn.ModuleList(EqualConv2d(channels, w, 1) for w in widths)
        self.downs = nn.ModuleList(
            Down(b, a, size) for (a, b), size in zip(pairwise(widths), self.sizes, strict=False)
        )
        spread = [MinibatchStd(rows(group, pack))] if net.minibatch_std else []
        self.last = nn.Sequential(
            *spread,
            EqualConv2d(first + net.minibatch_std, first, 3, padding=1),
            nn.LeakyReLU(0.2),
            Flatten(),
            EqualLinear(first * height * width, first),
            nn.LeakyReLU(0.2),
        )
        self.head = equalise_(head(first, classes, net.discriminator_condition))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        stage, sizes = self.growth.stage, self.sizes
        x = _down(self.input(x, y), sizes[stage:-1][::-1])
        h: Tensor = _act(self.from_image[stage](x))
        for i in range(stage, 0, -1):
            h = self.downs[i - 1](h)
            if i == stage and self.growth.fading:
                old = _act(self.from_image[i - 1](average_down(x, sizes[i - 1])))
                h = self.growth.blended(old, h)
        critique: Critique = self.head(self.last(h), y)
        return critique
