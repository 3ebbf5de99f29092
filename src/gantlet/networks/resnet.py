"""Residual networks: nearest up and batch norm in the generator, mean down in the critic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantlet.labels import labels_in_turn
from gantlet.networks.base import Network
from gantlet.networks.blocks import Down, PooledCritic, Up
from gantlet.networks.heads import Condition, accompanied, head
from gantlet.networks.inputs import image_input, image_shape, rows, vector_input
from gantlet.nn.layers import ACTIVATIONS, conv, initialise
from gantlet.nn.norms import Norm, batch_norm
from gantlet.nn.resampling import plan
from gantlet.nn.statistics import MinibatchStd
from gantlet.nn.virtual import Referenced
from gantlet.spec import DataSpec

__all__ = ["ResNet"]

Count = Annotated[int, Ge(1)]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ResNet(Network):
    """Residual networks: batch norm and nearest up in the generator, mean down in the critic.

    A block is norm, activation, 3x3, norm, activation, 3x3, beside a shortcut of 1x1; the
    generator's blocks double the size before their first 3x3, the critic's have no norm and halve
    after their last. The critic's first block starts with a convolution, its last keeps the size.
    The generator's activation is ReLU. Weights begin as Glorot's uniform, those of residual
    branches times sqrt(2).

    Source: Miyato et al. (2018), Spectral Normalization for Generative Adversarial Networks, https://arxiv.org/abs/1802.05957

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, https://arxiv.org/abs/1704.00028
    """

    name: Literal["resnet"] = "resnet"
    """The family: see `gantlet list networks`."""
    latent: Count = 128
    """Length of the latent vector z."""
    width: Count = 64
    """Channels at the image's size; doubled with every halving."""
    max_width: Count = 256
    """Most channels of a layer. The papers' networks for CIFAR-10 have max_width = width."""
    activation: Literal["relu", "leaky_relu"] = "leaky_relu"
    """The critic's activation: relu, or leaky_relu with slope 0.2."""
    pooling: Literal["mean", "sum"] = "mean"
    """How the critic's last positions become features: mean (WGAN-GP) or sum (SNGAN)."""
    generator_condition: Literal["concat", "norm"] = "norm"
    """How the generator learns of labels: concat (a vector beside z) or norm (batch norm with
    a gain and bias for each class)."""
    generator_norm: Norm = "batch"
    """Norm of the generator: batch, over groups of samples, or virtual (arXiv 1606.03498), by a
    reference batch of game.group latents that is drawn once and goes through with every batch."""
    discriminator_norm: Literal["none", "spectral"] = "none"
    """spectral: the critic's weights are divided by their largest singular value."""
    discriminator_condition: Condition = "projection"
    """How the critic learns of labels: concat (a map beside x), projection or auxiliary
    (a classifier)."""
    embedding: Count = 32
    """Length of a class's vector beside z."""
    minibatch_std: bool = False
    """Whether the critic sees the standard deviation within a group (arXiv 1710.10196)."""
    minibatch_discrimination: Annotated[int, Ge(0)] = 0
    """Kernels by which the critic sees how near samples of a group are to one another
    (arXiv 1606.03498); 0: none."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y) -> x; batch norm works on groups, or a reference, of `group` samples."""
        made = Generator(self, spec, group)
        if self.generator_norm == "batch":
            return made
        return Referenced(made, self.latent, group, labels_in_turn(spec, group))

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique."""
        return _critic(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> ResNet:
        """Widths of 4 and 8."""
        return cls(latent=8, width=4, max_width=8, embedding=4)

    def widths(self, levels: int) -> list[int]:
        """Channels from the image's size down."""
        return [min(self.max_width, self.width << i) for i in range(levels)]


def _sizes(spec: DataSpec) -> list[Size]:
    _, height, width = image_shape(spec, "resnet", 4)
    return plan(height, width)


def _initialise(module: nn.Module, gain: float = 1.0) -> None:
    initialise(module, partial(nn.init.xavier_uniform_, gain=gain))


def _up(a: int, b: int, size: Size, norm: Callable[[int], nn.Module]) -> Up:
    block = Up(a, b, size, [norm(w) for w in (a, b)])
    _initialise(block.convs, 2**0.5)
    _initialise(block.shortcut)
    return block


class Generator(nn.Module):
    """z and the class to an image."""

    def __init__(self, net: ResNet, spec: DataSpec, group: int) -> None:
        super().__init__()
        sizes = _sizes(spec)
        widths = net.widths(len(sizes))[::-1]
        concat = spec.condition_size if net.generator_condition == "concat" else 0
        normed = spec.condition_size - concat
        norm = partial(batch_norm, group=group, classes=normed, kind=net.generator_norm)
        self.start = sizes[0]
        self.input = vector_input(concat, net.embedding)
        first = net.latent + net.embedding * bool(concat)
        self.dense = nn.Linear(first, widths[0] * sizes[0][0] * sizes[0][1])
        self.blocks = nn.ModuleList(
            _up(*channels, size, norm)
            for channels, size in zip(pairwise(widths), sizes[1:], strict=True)
        )
        self.norm = norm(widths[-1])
        self.output = conv(widths[-1], spec.shape[0], 3, padding=1)
        _initialise(self.dense)
        _initialise(self.output)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W) in [-1, 1]."""
        h: Tensor = self.dense(self.input(z, y))
        h = h.view(len(z), *self.start, -1).permute(0, 3, 1, 2)
        for block in self.blocks:
            h = block(h, y)
        h = self.output(self.norm(h, y).relu())
        return h.tanh()


def _down(net: ResNet, a: int, b: int, size: Size, *, first: bool) -> Down:
    spectral = net.discriminator_norm == "spectral"
    block = Down(a, b, size, activation=net.activation, spectral=spectral, first=first)
    _initialise(block.residual, 2**0.5)
    _initialise(block.shortcut)
    return block


def _critic(net: ResNet, spec: DataSpec, group: int, pack: int) -> PooledCritic:
    sizes = _sizes(spec)[::-1]
    sizes = [*sizes[1:], sizes[-1]]
    widths = net.widths(max(1, len(sizes) - 1))
    widths += [widths[-1]] * (len(sizes) - len(widths))
    inputs, first = image_input(spec, net.discriminator_condition, pack)
    blocks = nn.Sequential(
        *(
            _down(net, a, b, size, first=not i)
            for i, ((a, b), size) in enumerate(zip(pairwise([first, *widths]), sizes, strict=True))
        )
    )
    statistic = MinibatchStd(rows(group, pack)) if net.minibatch_std else nn.Identity()
    scale = float(sizes[-1][0] * sizes[-1][1]) if net.pooling == "sum" else 1.0
    features = widths[-1] + net.minibatch_std
    spectral = net.discriminator_norm == "spectral"
    classes, condition = spec.condition_size, net.discriminator_condition
    judge = accompanied(
        net.minibatch_discrimination,
        features,
        group,
        pack,
        lambda f: head(f, classes, condition, spectral=spectral),
        spectral=spectral,
    )
    _initialise(judge)
    activation = ACTIVATIONS[net.activation]()
    return PooledCritic(inputs, blocks, activation, statistic, scale, judge)
