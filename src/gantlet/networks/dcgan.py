"""Strided and transposed convolutions with batch norm, for images of any size from 8 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.labels import labels_in_turn
from gantlet.networks.base import Blockwise, Critique, Network
from gantlet.networks.heads import Condition, accompanied, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.layers import Flatten, conv, initialise
from gantlet.nn.norms import GroupedBatchNorm, Norm, batch_norm
from gantlet.nn.resampling import geometry, plan
from gantlet.nn.statistics import MinibatchStd
from gantlet.nn.virtual import Referenced, VirtualBatchNorm
from gantlet.spec import DataSpec

__all__ = ["DCGAN"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class DCGAN(Network):
    """Strided and transposed convolutions with batch norm, for images of 8 pixels or more.

    The generator is a dense layer to a small grid, then transposed convolutions with batch norm
    and ReLU, tanh at the end; the discriminator strided convolutions with leaky ReLU 0.2. Kernels
    are 4x4 with stride 2, where the paper has 5x5: 4 is a multiple of the stride, so that every
    pixel is reached by equally many weights. A side that does not change has a kernel of 3. Odd
    sizes are cut (generator) or padded (discriminator) by a pixel. Widths at 64x64 are the
    paper's. Weights begin as N(0, 0.02^2), gains as N(1, 0.02^2).

    Source: Radford et al. (2016), Unsupervised Representation Learning with DCGANs, https://arxiv.org/abs/1511.06434
    """

    name: Literal["dcgan"] = "dcgan"
    """The family: see `gantlet list networks`."""
    latent: Count = 100
    """Length of the latent vector z."""
    width: Count = 64
    """Channels of the discriminator at half the image's size; the generator has twice as many
    there. Doubled with every halving."""
    max_width: Count = 1024
    """Most channels of a layer."""
    generator_condition: Literal["concat", "norm"] = "concat"
    """How the generator learns of labels: concat (a vector beside z) or norm (batch norm with
    a gain and bias for each class)."""
    generator_norm: Norm = "batch"
    """Norm of the generator: batch, over groups of samples, or virtual (arXiv 1606.03498), by a
    reference batch of game.group latents that is drawn once and goes through with every batch."""
    discriminator_norm: Literal["batch", "none", "spectral"] = "batch"
    """Norm of the discriminator. Gradient penalties need none or spectral."""
    discriminator_condition: Condition = "concat"
    """How the discriminator learns of labels: concat (a map beside x), projection or auxiliary
    (a classifier)."""
    embedding: Count = 32
    """Length of a class's vector beside z."""
    minibatch_std: bool = False
    """Whether the discriminator sees the standard deviation within a group (arXiv 1710.10196)."""
    minibatch_discrimination: Annotated[int, Ge(0)] = 0
    """Kernels by which the discriminator sees how near samples of a group are to one another
    (arXiv 1606.03498); 0: none."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; batch norm works on groups, or a reference, of `group` samples."""
        made = Generator(self, spec, group)
        if self.generator_norm == "batch":
            return made
        return Referenced(made, self.latent, group, labels_in_turn(spec, group))

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return Discriminator(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> DCGAN:
        """Widths of 4 and 8."""
        return cls(latent=8, width=4, max_width=8, embedding=4)


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "dcgan", 8)
    return plan(height, width)


def _initialise(module: nn.Module) -> None:
    initialise(module, partial(nn.init.normal_, std=0.02))
    for layer in module.modules():
        if isinstance(layer, GroupedBatchNorm | VirtualBatchNorm) and layer.weight is not None:
            nn.init.normal_(layer.weight, 1.0, 0.02)


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: DCGAN, spec: DataSpec, group: int) -> None:
        super().__init__()
        self.sizes = _sizes(spec)
        levels = len(self.sizes) - 1
        widths = [min(net.max_width, net.width << i) for i in range(levels, 0, -1)]
        concat = spec.condition_size if net.generator_condition == "concat" else 0
        normed = spec.condition_size - concat
        self.input = vector_input(concat, net.embedding)
        height, width = self.sizes[0]
        first = net.latent + net.embedding * bool(concat)
        self.dense = nn.Linear(first, height * width * widths[0], bias=False)
        self.norms = nn.ModuleList(
            batch_norm(w, group, normed, net.generator_norm) for w in widths
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, *geometry(*between), padding=1, bias=i == levels - 1)
            for i, ((a, b), between) in enumerate(
                zip(pairwise([*widths, spec.shape[0]]), pairwise(self.sizes), strict=True)
            )
        )
        _initialise(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W) in [-1, 1]."""
        height, width = self.sizes[0]
        h: Tensor = self.dense(self.input(z, y))
        h = h.view(len(z), height, width, -1).permute(0, 3, 1, 2)
        for norm, up, size in zip(self.norms, self.ups, self.sizes[1:], strict=True):
            h = up(F.relu(norm(h, y)))[:, :, : size[0], : size[1]]
        return h.tanh()


def _down(
    large: Size, small: Size, a: int, b: int, *, norm: nn.Module | None, spectral: bool
) -> list[nn.Module]:
    """Layers from `a` channels at one size of the plan to `b` at the next smaller."""
    kernel, stride = geometry(small, large)
    odd = [n % 2 if s == 2 else 0 for n, s in zip(large, stride, strict=True)]
    bias = norm is None
    layer = conv(a, b, kernel, stride=stride, padding=1, bias=bias, spectral=spectral)
    middle = [] if norm is None else [norm]
    return [nn.ZeroPad2d((0, odd[1], 0, odd[0])), layer, *middle, nn.LeakyReLU(0.2)]


class Discriminator(Blockwise):
    """Images and their class to a Critique."""

    def __init__(self, net: DCGAN, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        sizes = _sizes(spec)
        widths = [min(net.max_width, net.width << i) for i in range(len(sizes) - 1)]
        self.input, first = image_input(spec, net.discriminator_condition, pack)
        spectral = net.discriminator_norm == "spectral"
        layers: list[nn.Module] = []
        for between, channels in zip(
            pairwise(sizes[::-1]), pairwise([first, *widths]), strict=True
        ):
            normed = bool(layers) and net.discriminator_norm == "batch"
            norm = GroupedBatchNorm(channels[1], rows(group, pack)) if normed else None
            layers += _down(*between, *channels, norm=norm, spectral=spectral)
        if net.minibatch_std:
            layers.append(MinibatchStd(rows(group, pack)))
        self.trunk = nn.Sequential(*layers, Flatten())
        features = (widths[-1] + net.minibatch_std) * sizes[0][0] * sizes[0][1]
        classes, condition = spec.condition_size, net.discriminator_condition
        self.head = accompanied(
            net.minibatch_discrimination,
            features,
            group,
            pack,
            lambda f: head(f, classes, condition, spectral=spectral),
            spectral=spectral,
        )
        _initialise(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        critique: Critique = self.head(self.trunk(self.input(x, y)), y)
        return critique

    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """A convolution with its norm for each halving."""
        layers = list(self.trunk)
        starts = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
        return [layers[i:j] for i, j in pairwise([*starts, len(layers)])]
