"""Residual networks with conditional batch norm, attention, skip latents and spectral norm."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.networks.base import Network
from gantlet.networks.blocks import Down, PooledCritic, Up
from gantlet.networks.heads import Condition, ProjectionHead, accompanied, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.attention import SelfAttention
from gantlet.nn.conditioning import LabelConcat
from gantlet.nn.layers import conv, initialise, linear
from gantlet.nn.norms import ConditionalBatchNorm, GroupedBatchNorm
from gantlet.nn.resampling import plan
from gantlet.nn.spectral import Spectral
from gantlet.nn.statistics import MinibatchStd
from gantlet.spec import DataSpec

__all__ = ["BigGAN"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class BigGAN(Network):
    """Residual networks whose every block is told a part of z and the class, with attention.

    z is cut into parts of equal length (give or take one), one for the dense layer and one for
    each block of the generator. A block's batch norms take gain and bias as linear functions of
    its part of z beside the class's vector, which all blocks share; without labels, of the part
    alone. Both players have ReLU, spectral norm and self-attention at one size; the
    discriminator sums its last positions and projects them on the class. Weights begin
    orthogonal, attention at zero.

    The networks of the paper for 128x128 are `width: 96`, `max_width: 1536`, `latent: 120` (six
    parts of 20), `embedding: 128`, `attention: 64`: with 1,000 classes 70,433,988 parameters in
    the generator and 87,982,370 in the discriminator. The 158.3 million of the paper's table 1
    are their sum without the 128,000 of the shared vectors.

    Source: Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image
    Synthesis, https://arxiv.org/abs/1809.11096

    Source: Zhang et al. (2019), Self-Attention Generative Adversarial Networks, https://arxiv.org/abs/1805.08318
    """

    name: Literal["biggan"] = "biggan"
    """The family: see `gantlet list networks`."""
    latent: Count = 60
    """Length of the latent vector z, all parts together."""
    width: Count = 32
    """Channels at the image's size; doubled with every halving."""
    max_width: Count = 128
    """Most channels of a layer; in the paper 16 times the width."""
    embedding: Count = 32
    """Length of a class's vector, shared by all blocks of the generator."""
    attention: Annotated[int, Ge(0)] = 16
    """Self-attention stands at the largest size below the image's own whose sides have at most
    this many pixels; 0, or no such size: none."""
    discriminator_norm: Literal["none", "spectral"] = "spectral"
    """spectral: the discriminator's weights are divided by their largest singular value."""
    discriminator_condition: Condition = "projection"
    """How the discriminator learns of labels: concat (a map beside x), projection or auxiliary
    (a classifier)."""
    minibatch_std: bool = False
    """Whether the discriminator sees the standard deviation within a group (arXiv 1710.10196)."""
    minibatch_discrimination: Annotated[int, Ge(0)] = 0
    """Kernels by which the discriminator sees how near samples of a group are to one another
    (arXiv 1606.03498); 0: none."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; batch norm works on groups of `group` samples."""
        return Generator(self, spec, group)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return _critic(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> BigGAN:
        """Widths of 4 and 8."""
        return cls(latent=8, width=4, max_width=8, embedding=4)

    def widths(self, levels: int) -> list[int]:
        """Channels from the image's size down."""
        return [min(self.max_width, self.width << i) for i in range(levels)]

    def parts(self, count: int) -> list[int]:
        """Lengths of `count` parts of z; UsageError if z is too short."""
        if self.latent < count:
            raise UsageError(
                "setting network.latent",
                expected=f"at least {count}, one number for each part of the generator",
                received=str(self.latent),
                remedy=f"For example network.latent={20 * count}.",
            )
        return [self.latent // count + (i < self.latent % count) for i in range(count)]

    def attends_at(self, sizes: list[Size]) -> Size | None:
        """The size at which self-attention stands, of those from the smallest to the image's."""
        fitting = [size for size in sizes[:-1] if max(size) <= self.attention]
        return fitting[-1] if fitting else None


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "biggan", 8)
    return plan(height, width)


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: BigGAN, spec: DataSpec, group: int) -> None:
        super().__init__()
        sizes = _sizes(spec)
        widths = net.widths(len(sizes))[::-1]
        classes, place = spec.condition_size, net.attends_at(sizes)
        self.start, self.parts = sizes[0], net.parts(len(sizes))
        self.input = vector_input(classes, net.embedding)
        first = self.parts[0]
        self.dense = linear(first, widths[0] * sizes[0][0] * sizes[0][1], spectral=True)

        def norm(channels: int, part: int) -> ConditionalBatchNorm:
            told = part + net.embedding * bool(classes)
            affine = linear(told, 2 * channels, bias=False, spectral=True)
            return ConditionalBatchNorm(GroupedBatchNorm(channels, group, affine=False), affine)

        self.blocks = nn.ModuleList(
            Up(a, b, size, [norm(w, part) for w in (a, b)], spectral=True)
            for (a, b), size, part in zip(pairwise(widths), sizes[1:], self.parts[1:], strict=True)
        )
        self.attention = nn.ModuleList(
            SelfAttention(width, spectral=True) if size == place else nn.Identity()
            for width, size in zip(widths, sizes, strict=True)
        )
        self.norm = GroupedBatchNorm(widths[-1], group)
        self.output = conv(widths[-1], spec.shape[0], 3, padding=1, spectral=True)
        initialise(self, nn.init.orthogonal_)
        if isinstance(self.input, LabelConcat):
            nn.init.orthogonal_(self.input.table.weight)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W) in [-1, 1]."""
        first, *others = z.split(self.parts, 1)
        h: Tensor = self.dense(first)
        h = h.view(len(z), *self.start, -1).permute(0, 3, 1, 2)
        h = self.attention[0](h)
        for block, attend, part in zip(self.blocks, self.attention[1:], others, strict=True):
            h = attend(block(h, self.input(part, y)))
        h = self.output(self.norm(h).relu())
        return h.tanh()


def _critic(net: BigGAN, spec: DataSpec, group: int, pack: int) -> PooledCritic:
    sizes = _sizes(spec)
    place, down = net.attends_at(sizes), sizes[-2::-1]
    widths = net.widths(len(down))
    inputs, first = image_input(spec, net.discriminator_condition, pack)
    spectral = net.discriminator_norm == "spectral"
    layers: list[nn.Module] = []
    for (a, b), size in zip(pairwise([first, *widths]), down, strict=True):
        layers.append(Down(a, b, size, activation="relu", spectral=spectral, first=not layers))
        if size == place:
            layers.append(SelfAttention(b, spectral=spectral))
    last, (height, width) = widths[-1], down[-1]
    layers.append(Down(last, last, down[-1], activation="relu", spectral=spectral, straight=True))
    statistic = MinibatchStd(rows(group, pack)) if net.minibatch_std else nn.Identity()
    classes, condition = spec.condition_size, net.discriminator_condition
    judge = accompanied(
        net.minibatch_discrimination,
        last + net.minibatch_std,
        group,
        pack,
        lambda f: head(f, classes, condition, spectral=spectral),
        spectral=spectral,
    )
    critic = PooledCritic(
        inputs, nn.Sequential(*layers), nn.ReLU(), statistic, float(height * width), judge
    )
    initialise(critic, nn.init.orthogonal_)
    for table in (m.table for m in judge.modules() if isinstance(m, ProjectionHead)):
        nn.init.orthogonal_(table.weight)
        if isinstance(table, Spectral):
            table.settle()
    return critic
