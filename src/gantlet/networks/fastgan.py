"""Light networks for few images: skip-layer excitation against a critic that rebuilds images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.networks.base import Blockwise, Critique, Network, SelfSupervised
from gantlet.networks.heads import Condition, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.layers import Flatten, conv, initialise
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.nn.resampling import average_down, geometry, nearest_up, plan, window
from gantlet.nn.statistics import MinibatchStd
from gantlet.spec import DataSpec

__all__ = ["FastGAN"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]
_DOUBLINGS = 4
"""Between the ends of an excitation, and in a decoder; fewer where an image has fewer."""


@dataclass(frozen=True, kw_only=True)
class FastGAN(Network):
    """Light networks for few images: skip-layer excitation against a critic that rebuilds images.

    The generator has one 3x3 convolution a size, with batch norm and a gated linear unit, after
    nearest-neighbour enlargement. Channels at each size are weighed by a function of the maps
    four sizes below (or as far as the image allows): x_high * sigmoid(1x1(f(grid(x_low)))), f
    leaky ReLU 0.1, grid a convolution over the whole map, pooled to the first grid.

    The discriminator halves by residual blocks, the mean of a 4x4 convolution of stride 2 with a
    3x3 one and of a 1x1 after pooling. On real samples, small decoders rebuild the image from its
    last maps and a random crop of it from a crop of the ones before (weight
    game.reconstruction). The paper compares these in the features of a pretrained network (LPIPS),
    whose weights would have to be fetched; here by the mean absolute difference. Its noise
    beside the maps and its map of logits are left out: there is one logit an image. Its batch norm
    in the critic is discriminator_norm=batch; the default is spectral norm instead.

    Source: Liu et al. (2021), Towards Faster and Stabilized GAN Training, https://arxiv.org/abs/2101.04775
    """

    name: Literal["fastgan"] = "fastgan"
    """The family: see `gantlet list networks`."""
    latent: Count = 256
    """Length of the latent vector z."""
    width: Count = 32
    """Channels at the image's own size, doubled with every halving."""
    max_width: Count = 1024
    """Most channels of a layer."""
    discriminator_norm: Literal["batch", "none", "spectral"] = "spectral"
    """Norm of the discriminator. Gradient penalties need none or spectral."""
    discriminator_condition: Condition = "projection"
    """How the discriminator learns of labels: projection (the dot product of a class's vector and
    the features), concat (a map beside x) or auxiliary (a classifier)."""
    embedding: Count = 32
    """Length of a class's vector beside z."""
    minibatch_std: bool = False
    """Whether the discriminator sees the standard deviation within a group (arXiv 1710.10196)."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; batch norm works on groups of `group` samples."""
        return Generator(self, spec, group)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique, with maps to rebuild from."""
        return Discriminator(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> FastGAN:
        """Widths of 4 and 8."""
        return cls(latent=8, width=4, max_width=8, embedding=4)

    def widths(self, sizes: Sequence[Size]) -> list[int]:
        """Channels at each size, from the smallest."""
        return [min(self.max_width, self.width << i) for i in range(len(sizes))][::-1]


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "fastgan", 8)
    return plan(height, width)


def _leap(sizes: Sequence[Size]) -> int:
    return min(_DOUBLINGS, len(sizes) - 1)


def _pooled(x: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Means, from the last of some sizes to the first."""
    for size in sizes[-2::-1]:
        x = average_down(x, size)
    return x


def _normed(channels: int, group: int, norm: str) -> list[nn.Module]:
    return [GroupedBatchNorm(channels, group)] if norm == "batch" else []


class Excitation(nn.Module):
    """Weights in (0, 1) for the channels of a large map, from a small one.

    Where a map is larger than the first grid, it is pooled to it.
    """

    def __init__(self, low: int, high: int, grids: Sequence[Size]) -> None:
        super().__init__()
        self.grids = grids
        self.body = nn.Sequential(
            nn.Conv2d(low, high, grids[0]),
            nn.LeakyReLU(0.1),
            nn.Conv2d(high, high, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, low, *grids[-1]) to (B, high, 1, 1)."""
        y: Tensor = self.body(_pooled(x, self.grids))
        return y


class Up(nn.Module):
    """Nearest up, 3x3, a norm, and a gated linear unit."""

    def __init__(self, a: int, b: int, size: Size, group: int, norm: str = "batch") -> None:
        super().__init__()
        self.size = size
        self.body = nn.Sequential(
            conv(a, 2 * b, 3, padding=1, bias=norm != "batch", spectral=norm == "spectral"),
            *_normed(2 * b, group, norm),
            nn.GLU(1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        y: Tensor = self.body(nearest_up(x, self.size))
        return y


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: FastGAN, spec: DataSpec, group: int) -> None:
        super().__init__()
        self.sizes = sizes = _sizes(spec)
        widths, classes, leap = net.widths(sizes), spec.condition_size, _leap(sizes)
        height, width = sizes[0]
        self.input = vector_input(classes, net.embedding)
        first = net.latent + net.embedding * bool(classes)
        self.dense = nn.Linear(first, 2 * widths[0] * height * width, bias=False)
        self.start = nn.Sequential(GroupedBatchNorm(2 * widths[0], group), nn.GLU(1))
        self.ups = nn.ModuleList(
            Up(a, b, size, group) for (a, b), size in zip(pairwise(widths), sizes[1:], strict=True)
        )
        self.excitations = nn.ModuleList(
            Excitation(widths[i], widths[i + leap], sizes[: i + 1])
            for i in range(len(sizes) - leap)
        )
        self.last = nn.Conv2d(widths[-1], spec.shape[0], 3, padding=1)
        initialise(self, partial(nn.init.normal_, std=0.02))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W) in [-1, 1]."""
        h: Tensor = self.dense(self.input(z, y))
        h = h.view(len(z), *self.sizes[0], -1).permute(0, 3, 1, 2)
        maps = [self.start(h)]
        for up in self.ups:
            h = up(maps[-1])
            low = len(maps) - _leap(self.sizes)
            maps.append(h if low < 0 else h * self.excitations[low](maps[low]))
        x: Tensor = self.last(maps[-1])
        return x.tanh()


class Down(nn.Module):
    """The mean of 4x4 with stride 2, then 3x3, and of pooling, then 1x1."""

    def __init__(self, a: int, b: int, sizes: tuple[Size, Size], group: int, norm: str) -> None:
        super().__init__()
        self.size, large = sizes
        kernel, stride = geometry(*sizes)
        self.odd = [n % 2 if s == 2 else 0 for n, s in zip(large, stride, strict=True)]
        layer = partial(conv, bias=norm != "batch", spectral=norm == "spectral")

        def finished() -> list[nn.Module]:
            return [*_normed(b, group, norm), nn.LeakyReLU(0.2)]

        self.main = nn.Sequential(
            layer(a, b, kernel, stride=stride, padding=1),
            *finished(),
            layer(b, b, 3, padding=1),
            *finished(),
        )
        self.side = nn.Sequential(layer(a, b, 1), *finished())

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        down, across = self.odd
        main: Tensor = self.main(F.pad(x, (0, across, 0, down)))
        side: Tensor = self.side(average_down(x, self.size))
        return (main + side) / 2


def _crops(sizes: Sequence[Size]) -> list[Size]:
    """Sizes of a crop of the second grid, as large as the first, on its way up."""
    steps = [sizes[0]]
    for small, large in pairwise(sizes[1 : _DOUBLINGS + 2]):
        grown = [b > a for a, b in zip(small, large, strict=True)]
        height, width = (n << doubles for n, doubles in zip(steps[-1], grown, strict=True))
        steps.append((height, width))
    return steps


def _decoder(
    net: FastGAN, first: int, channels: int, sizes: Sequence[Size], group: int
) -> nn.Sequential:
    """From maps at the first of some sizes to an image in [-1, 1] at the last."""
    norm = net.discriminator_norm
    widths = [first, *net.widths(sizes[1:])]
    ups = [
        Up(*between, size, group, norm)
        for between, size in zip(pairwise(widths), sizes[1:], strict=True)
    ]
    last = conv(widths[-1], channels, 3, padding=1, spectral=norm == "spectral")
    return nn.Sequential(*ups, last, nn.Tanh())


class Discriminator(SelfSupervised, Blockwise):
    """Images and their class to a Critique."""

    def __init__(self, net: FastGAN, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        self.sizes = sizes = _sizes(spec)
        widths, norm = net.widths(sizes), net.discriminator_norm
        spectral, packs = norm == "spectral", rows(group, pack) if norm == "batch" else 1
        self.input, channels = image_input(spec, net.discriminator_condition, pack)
        first = [conv(channels, widths[-1], 3, padding=1, spectral=spectral), nn.LeakyReLU(0.2)]
        self.first = nn.Sequential(*first)
        levels = [*zip(pairwise(widths), pairwise(sizes), strict=True)][::-1]
        self.downs = nn.ModuleList(Down(b, a, between, packs, norm) for (a, b), between in levels)
        spread = [MinibatchStd(rows(group, pack))] if net.minibatch_std else []
        self.last = nn.Sequential(
            *spread,
            conv(widths[0] + net.minibatch_std, widths[0], 1, spectral=spectral),
            *_normed(widths[0], packs, norm),
            nn.LeakyReLU(0.2),
            Flatten(),
        )
        features = widths[0] * sizes[0][0] * sizes[0][1]
        classes, condition = spec.condition_size, net.discriminator_condition
        self.head = head(features, classes, condition, spectral=spectral)
        made = spec.shape[0] * pack
        self.wholes, self.parts = sizes[: _leap(sizes) + 1], _crops(sizes)
        self.whole = _decoder(net, widths[0], made, self.wholes, packs)
        self.part = _decoder(net, widths[1], made, self.parts, packs)
        initialise(self, partial(nn.init.normal_, std=0.02))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        h: Tensor = self.first(self.input(x, y))
        maps = [h]
        for down in self.downs:
            maps.append(down(maps[-1]))
        critique: Critique = self.head(self.last(maps[-1]), y)
        return critique._replace(maps=(maps[-1], maps[-2]))

    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """The halving blocks, the first with the convolution before it."""
        return [[self.first] * (not k) + [down] for k, down in enumerate(self.downs)]

    def rebuilt(
        self, maps: Sequence[Tensor], x: Tensor, place: Tensor
    ) -> Sequence[tuple[Tensor, Tensor]]:
        """The whole image from the last maps, and a crop from a crop of that size of the others.

        What should have been made is pooled to the size that comes out.
        """
        small, large = maps
        whole = self.whole(small), _pooled(x, self.sizes[len(self.wholes) - 1 :])
        grid, out = self.parts[0], self.parts[-1]
        target = _pooled(x, self.sizes[len(self.parts) :])
        corner, far, missing = [], [], []
        for i, (side, n) in enumerate(zip(self.sizes[1], grid, strict=True)):
            start = (place[:, i] * (side - n + 1)).long().clamp_max(side - n)
            factor = out[i] // n
            corner.append(start)
            far.append(start * factor)
            missing.append(side * factor - target.shape[2 + i])
        # Edges are repeated where an odd size had been cut when it was doubled.
        target = F.pad(target, (0, missing[1], 0, missing[0]), mode="replicate")
        made: Tensor = self.part(window(large, corner[0], corner[1], grid))
        return whole, (made, window(target, far[0], far[1], out))
