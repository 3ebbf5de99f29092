"""Styles and modulated convolutions against a residual discriminator, for images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.networks.base import Blockwise, Critique, Network
from gantlet.networks.heads import Condition, ProjectionHead, head
from gantlet.networks.inputs import image_input, image_shape, rows
from gantlet.networks.styles import StyleGenerator
from gantlet.nn.conditioning import LabelConcat, Unlabelled
from gantlet.nn.equalised import EqualConv2d, EqualEmbedding, EqualLinear, equalise_, pixel_norm
from gantlet.nn.layers import Flatten
from gantlet.nn.modulation import StyleLayer, ToImage
from gantlet.nn.resampling import bilinear_down, bilinear_up, conv_down, plan
from gantlet.nn.statistics import MinibatchStd
from gantlet.nn.tables import table_for
from gantlet.spec import DataSpec

__all__ = ["StyleGAN2"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]
Architecture = Literal["skip", "residual", "plain"]

_GAIN = 2**0.5
"""Of leaky ReLUs, so that they keep the variance."""
_MAPPING_RATE = 0.01


@dataclass(frozen=True, kw_only=True)
class StyleGAN2(Network):
    """Styles and modulated convolutions against a residual discriminator.

    A mapping network turns z into w; w scales the channels before each convolution of the
    synthesis network, which starts from a learned grid. Each pixel gets noise of a learned
    strength. Learning rates are equalised, that of the mapping, class vectors too, a hundredth.
    Resampling has the kernel [1, 3, 3, 1]. Nothing bounds the generator's output. Odd sizes are
    cut (generator) or padded (discriminator) by a pixel.

    The defaults are the networks for 256x256 with 24,767,458 and 24,001,089 parameters, which have
    half the paper's widths (arXiv 2006.06676); the paper's own for 1024x1024 have width=32.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """

    name: Literal["stylegan2"] = "stylegan2"
    """The family: see `gantlet list networks`."""
    latent: Count = 512
    """Length of the latent vector z, and of a class's vector beside it."""
    style: Count = 512
    """Length of the style vector w."""
    mapping_layers: Count = 8
    """Layers of the mapping network."""
    width: Count = 64
    """Channels at the image's size; doubled with every halving."""
    max_width: Count = 512
    """Most channels of a layer."""
    generator_architecture: Architecture = "skip"
    """skip: the image is a sum of images of all sizes; residual: blocks have shortcuts; plain:
    neither."""
    discriminator_architecture: Architecture = "residual"
    """skip: features of the image at all sizes are added; residual: blocks have shortcuts; plain:
    neither."""
    discriminator_condition: Condition = "projection"
    """How the discriminator learns of labels: concat (a map beside x), projection or auxiliary
    (a classifier)."""
    minibatch_std: bool = True
    """Whether the discriminator sees the standard deviation within a group (arXiv 1710.10196)."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y, noise) -> x, a `StyleGenerator`; no part of it couples samples."""
        return Generator(self, spec)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return Discriminator(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> StyleGAN2:
        """Widths of 4 and 8."""
        return cls(latent=8, style=8, mapping_layers=2, width=4, max_width=8)

    def widths(self, levels: int) -> list[int]:
        """Channels from the image's size down."""
        return [min(self.max_width, self.width << i) for i in range(levels)]


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "stylegan2", 4)
    return plan(height, width)


class MappingNetwork(nn.Module):
    """z and the class, each of mean square one, through dense layers to w.

    Classes' vectors learn at the pace of these layers. At the full one they grow into w, and z is
    ignored (docs/decisions/0032-short-latents.md).
    """

    def __init__(self, net: StyleGAN2, spec: DataSpec) -> None:
        super().__init__()
        self.latent, told = net.latent, spec.condition_size > 0
        self.input = LabelConcat(table_for(spec, net.latent)) if told else Unlabelled()
        for vector in self.input.parameters():  # of a class: normed, so that size is slowness
            nn.init.normal_(vector, std=1 / _MAPPING_RATE)
        widths = [net.latent * (1 + told), *[net.style] * net.mapping_layers]
        self.layers = nn.ModuleList(
            EqualLinear(a, b, multiplier=_MAPPING_RATE) for a, b in pairwise(widths)
        )

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        """z (B, latent), y (B,) to w (B, W)."""
        h = pixel_norm(self.input(z, y).view(-1, self.latent)).view(len(z), -1)
        for layer in self.layers:
            h = F.leaky_relu(layer(h), 0.2)
        return h


class Level(nn.Module):
    """The layers of size k: 2 k - 1 and 2 k of the synthesis, of the first size layer 0 alone.

    The picture of size k has the style of layer 2 k + 1, the first of size k + 1.
    """

    def __init__(
        self, net: StyleGAN2, k: int, channels: tuple[int, int], sizes: list[Size]
    ) -> None:
        super().__init__()
        (a, b), before, self.size = channels, sizes[max(0, k - 1)], sizes[k]
        residual = net.generator_architecture == "residual" and k > 0
        self.names = [f"noise/{i}" for i in ((2 * k - 1, 2 * k) if k else (0,))]
        self.first = max(0, 2 * k - 1)
        last = StyleLayer(b, b, net.style, self.size, self.size, gain=1.0 if residual else _GAIN)
        up = [StyleLayer(a, b, net.style, before, self.size)] if k else []
        self.layers = nn.ModuleList([*up, last])
        self.shortcut = EqualConv2d(a, b, 1, bias=False, gain=0.5**0.5) if residual else None

    def forward(self, x: Tensor, w: Tensor, noise: Mapping[str, Tensor]) -> Tensor:
        """x (B, a, *before), w (B, layers, W) to (B, b, *size)."""
        h = x
        for i, (name, layer) in enumerate(zip(self.names, self.layers, strict=True), self.first):
            h = layer(h, w[:, i], noise.get(name))
        return h if self.shortcut is None else h + bilinear_up(self.shortcut(x), self.size)


class Generator(StyleGenerator):
    """z and the class to an image."""

    def __init__(self, net: StyleGAN2, spec: DataSpec) -> None:
        super().__init__(net.style)
        self.sizes = _sizes(spec)
        widths = net.widths(len(self.sizes))[::-1]
        self.layers = 2 * len(self.sizes)
        self.mapping = MappingNetwork(net, spec)
        self.start = nn.Parameter(torch.randn(widths[0], *self.sizes[0]))
        levels = [
            Level(net, k, channels, self.sizes)
            for k, channels in enumerate(pairwise([widths[0], *widths]))
        ]
        self.levels = nn.ModuleList(levels)
        self.draws = {name: (1, *level.size) for level in levels for name in level.names}
        self.enters = {name: k for k, name in enumerate(self.draws)}
        everywhere = net.generator_architecture == "skip"
        painted = range(0 if everywhere else len(widths) - 1, len(widths))
        self.pictures = nn.ModuleDict(
            {str(k): ToImage(widths[k], spec.shape[0], net.style) for k in painted}
        )

    def style(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to w (B, W), in the precision of the weights."""
        with torch.autocast(z.device.type, enabled=False):
            w: Tensor = self.mapping(z.to(self.start.dtype), y)
            return w

    def synthesise(self, w: Tensor, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """w (B, layers, W) and noise by name to x (B, C, H, W), not bounded."""
        h: Tensor = self.start.expand(len(w), -1, -1, -1)
        image: Tensor | None = None
        for k, (level, size) in enumerate(zip(self.levels, self.sizes, strict=True)):
            h = level(h, w, noise or {})
            if str(k) in self.pictures:
                # Summed in full precision: bfloat16 has 8 bits, a pixel 8 as well.
                picture = self.pictures[str(k)](h, w[:, 2 * k + 1]).to(self.start.dtype)
                image = picture if image is None else bilinear_up(image, size) + picture
        assert image is not None  # the last size always has a picture
        return image


class FromImage(EqualConv2d):
    """Features of an image: a 1x1 convolution and leaky ReLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, width, h, w)."""
        return F.leaky_relu(super().forward(x), 0.2)


class Down(nn.Module):
    """Two layers of 3x3, the second arriving at `size`; with a shortcut if residual."""

    def __init__(self, a: int, b: int, size: Size, *, residual: bool) -> None:
        super().__init__()
        self.size = size
        self.first = EqualConv2d(a, a, 3, padding=1)
        self.second = EqualConv2d(a, b, 3, gain=1.0 if residual else _GAIN)
        self.shortcut = EqualConv2d(a, b, 1, bias=False, gain=0.5**0.5) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        h, weight = F.leaky_relu(self.first(x), 0.2), self.second.weight * self.second.scale
        h = F.leaky_relu(conv_down(h, weight, self.second.bias, self.size), 0.2)
        return h if self.shortcut is None else h + self.shortcut(bilinear_down(x, self.size))


class Discriminator(Blockwise):
    """Images and their class to a Critique."""

    def __init__(self, net: StyleGAN2, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        self.sizes = _sizes(spec)[::-1]
        widths = net.widths(len(self.sizes))
        self.input, channels = image_input(spec, net.discriminator_condition, pack)
        everywhere = net.discriminator_architecture == "skip"
        residual = net.discriminator_architecture == "residual"
        seen = widths if everywhere else widths[:1]
        self.pictures = nn.ModuleList(FromImage(channels, width) for width in seen)
        self.blocks = nn.ModuleList(
            Down(a, b, size, residual=residual)
            for (a, b), size in zip(pairwise(widths), self.sizes[1:], strict=True)
        )
        last, (height, width) = widths[-1], self.sizes[-1]
        self.statistic = MinibatchStd(rows(group, pack)) if net.minibatch_std else nn.Identity()
        self.conv = EqualConv2d(last + net.minibatch_std, last, 3, padding=1)
        self.flatten = Flatten()
        self.dense = EqualLinear(last * height * width, last)
        classes = spec.condition_size
        self.head = equalise_(head(last, classes, net.discriminator_condition))
        if isinstance(self.head, ProjectionHead):
            self.head.table = EqualEmbedding(classes, last)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        image = self.input(x, y)
        h = self.pictures[0](image)
        for k, block in enumerate(self.blocks, 1):
            h = block(h)
            if k < len(self.pictures):
                image = bilinear_down(image, self.sizes[k])
                h = h + self.pictures[k](image)
        h = F.leaky_relu(self.conv(self.statistic(h)), 0.2)
        h = F.leaky_relu(self.dense(self.flatten(h)), 0.2)
        critique: Critique = self.head(h, y)
        return critique

    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """The halving blocks, each with the layer that takes in the image before it, if any."""
        return [[*self.pictures[k : k + 1], block] for k, block in enumerate(self.blocks)]
