"""Multilayer perceptrons, for images of any size and for points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantlet.networks.base import Critique, Network
from gantlet.networks.heads import Condition, accompanied, head
from gantlet.networks.inputs import check_pack, rows, vector_input
from gantlet.nn.layers import ACTIVATIONS, initialise, linear
from gantlet.nn.statistics import MinibatchStd
from gantlet.spec import DataSpec

__all__ = ["MLP"]

Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class MLP(Network):
    """Multilayer perceptrons, for images of any size and for points.

    Images come out of a tanh, points of a linear layer. Hidden weights begin as
    N(0, 2 / ((1 + a^2) fan_in)) with a the slope below zero (He et al. 2015), the generator's
    last as N(0, 1 / fan_in).

    Source: Goodfellow et al. (2014), Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
    """

    name: Literal["mlp"] = "mlp"
    """The family: see `gantlet list networks`."""
    latent: Count = 100
    """Length of the latent vector z."""
    hidden: tuple[Count, ...] = (256, 256, 256)
    """Widths of the hidden layers, in the generator's order; the discriminator's are reversed."""
    activation: Literal["relu", "leaky_relu"] = "relu"
    """relu, or leaky_relu with slope 0.2."""
    discriminator_norm: Literal["none", "spectral"] = "none"
    """spectral: the discriminator's weights are divided by their largest singular value."""
    discriminator_condition: Condition = "concat"
    """How the discriminator learns of labels: concat, projection or auxiliary (a classifier)."""
    embedding: Count = 32
    """Length of a class's vector beside z, and beside x."""
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
        check_pack(spec, pack)
        return Discriminator(self, spec, group, pack)

    @classmethod
    def tiny(cls) -> MLP:
        """Two layers of 16."""
        return cls(latent=8, hidden=(16, 16), embedding=4)


def _trunk(net: MLP, inputs: int, hidden: tuple[int, ...], *, spectral: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise((inputs, *hidden)):
        layers += [linear(a, b, spectral=spectral), ACTIVATIONS[net.activation]()]
    trunk = nn.Sequential(*layers)
    slope = 0.0 if net.activation == "relu" else 0.2
    initialise(trunk, partial(nn.init.kaiming_normal_, a=slope))
    return trunk


class Generator(nn.Module):
    """z and the class to a sample."""

    def __init__(self, net: MLP, spec: DataSpec) -> None:
        super().__init__()
        classes = spec.condition_size
        self.input = vector_input(classes, net.embedding)
        first = net.latent + net.embedding * bool(classes)
        self.trunk = _trunk(net, first, net.hidden, spectral=False)
        last = linear((first, *net.hidden)[-1], spec.size)
        initialise(last, partial(nn.init.kaiming_normal_, nonlinearity="linear"))
        bound = nn.Tanh() if spec.kind == "image" else nn.Identity()
        self.output = nn.Sequential(last, bound, nn.Unflatten(1, spec.shape))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, *spec.shape)."""
        x: Tensor = self.output(self.trunk(self.input(z, y)))
        return x


class Discriminator(nn.Module):
    """Samples and their class to a Critique."""

    def __init__(self, net: MLP, spec: DataSpec, group: int, pack: int) -> None:
        super().__init__()
        classes = spec.condition_size
        labelled = classes if net.discriminator_condition == "concat" else 0
        self.input = vector_input(labelled, net.embedding)
        first = spec.size * pack + net.embedding * bool(labelled)
        spectral = net.discriminator_norm == "spectral"
        self.trunk = _trunk(net, first, net.hidden[::-1], spectral=spectral)
        if net.minibatch_std:
            self.trunk.append(MinibatchStd(rows(group, pack)))
        features = (first, *net.hidden[::-1])[-1] + net.minibatch_std
        self.head = accompanied(
            net.minibatch_discrimination,
            features,
            group,
            pack,
            lambda f: head(f, classes, net.discriminator_condition, spectral=spectral),
            spectral=spectral,
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, *spec.shape), or packs of them, and y (B,) to logits (B,)."""
        critique: Critique = self.head(self.trunk(self.input(x.flatten(1), y)), y)
        return critique
