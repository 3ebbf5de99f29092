"""Multilayer perceptrons with typed heads, for the rows of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.networks.base import Critique, Network
from gantlet.networks.heads import LinearHead, exactly
from gantlet.networks.inputs import vector_input
from gantlet.networks.styles import NoisyGenerator
from gantlet.nn.conditioning import require_labels
from gantlet.nn.layers import ACTIVATIONS, embedding, initialise, linear
from gantlet.nn.norms import batch_norm
from gantlet.spec import DataSpec

__all__ = ["TableMLP", "gumbel_of"]

Count = Annotated[int, Ge(1)]
_FAR = 5.0
"""Bound of the normal numbers that become Gumbel noise: beyond, float32 has no digits left."""


@dataclass(frozen=True, kw_only=True)
class TableMLP(Network):
    """Multilayer perceptrons with typed heads, for the rows of tables.

    Each hidden layer of the generator hands on its input beside its output. Numbers come out of a
    tanh, choices of a softmax with Gumbel noise: softmax((l + g) / tau), g = -log(-log u). What a
    row is asked for (`sex=Male`) it has by construction. The discriminator sees rows, and what
    they were asked for, in packs.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    name: Literal["table"] = "table"
    """The family: see `gantlet list networks`."""
    latent: Count = 128
    """Length of the latent vector z."""
    hidden: tuple[Count, ...] = (256, 256)
    """Widths of the hidden layers of both players."""
    generator_norm: Literal["none", "batch"] = "batch"
    """Norm of the generator: batch, over groups of samples, or none."""
    discriminator_norm: Literal["none", "spectral"] = "none"
    """spectral: the discriminator's weights are divided by their largest singular value."""
    tau: Annotated[float, Gt(0)] = 0.2
    """Temperature of the softmax: small ones give choices that are nearly made."""
    embedding: Count = 64
    """Length of the vector of what is asked for, beside z and beside a row."""

    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """G(z, y, noise) -> x, one of `NoisyGenerator`."""
        _check(spec)
        return Generator(self, spec, group)

    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """D(x, y) -> Critique; y has the classes of all samples of the packs."""
        _check(spec)
        return Discriminator(self, spec, pack)

    @classmethod
    def tiny(cls) -> TableMLP:
        """Two layers of 16."""
        return cls(latent=8, hidden=(16, 16), embedding=4)


def _check(spec: DataSpec) -> None:
    if spec.kind != "table":
        raise UsageError(
            f"network table on {spec.kind} of shape {spec.shape}",
            expected="the rows of a table",
            received=spec.kind,
            remedy="Use the recipe mlp (--recipe mlp), which makes images and points.",
        )


def gumbel_of(normal: Tensor) -> Tensor:
    """Standard normal numbers n to Gumbel ones: -log(-log u), u the normal distribution of n."""
    above: Tensor = torch.special.ndtr(-normal.clamp(-_FAR, _FAR))  # 1 - u
    return above.neg_().log1p_().neg_().log_().neg_()  # in place: four arrays less


class Heads(nn.Module):
    """From D numbers to a row: tanh, softmax with Gumbel noise, and what was asked for."""

    owner: Tensor
    codes: Tensor
    asked: Tensor
    place: Tensor

    def __init__(self, spec: DataSpec, tau: float) -> None:
        super().__init__()
        layout = spec.layout
        heads = layout.heads
        self.tau, self.widths = tau, [head.width for head in heads]
        self.draws = {"gumbel": (layout.size,)} if layout.choices else {}
        pairs = layout.classes or ((-1, 0),)
        constants = {
            "owner": [i for i, head in enumerate(heads) for _ in range(head.width)],
            "codes": [code for head in heads for code in range(head.width)],
            "asked": [head for head, _ in pairs],
            "place": [code for _, code in pairs],
        }
        for name, constant in constants.items():
            self.register_buffer(name, torch.tensor(constant, dtype=torch.int32), persistent=False)

    def forward(self, h: Tensor, y: Tensor | None, gumbel: Tensor | None) -> Tensor:
        """Numbers h, classes y, and standard normal numbers from which Gumbel ones are made."""
        noisy = h if gumbel is None else h + gumbel_of(gumbel)
        # A head at a time: a softmax over all, padded to the widest, takes twice as long.
        parts = zip(h.split(self.widths, 1), noisy.split(self.widths, 1), strict=True)
        x = torch.cat(
            [n.div(self.tau).softmax(1) if n.shape[1] > 1 else p.tanh() for p, n in parts], 1
        )
        if y is None:
            return x
        own = self.owner == self.asked[y][:, None]
        wanted = self.codes == self.place[y][:, None]
        return torch.where(own, wanted.to(x.dtype), x)


class Generator(NoisyGenerator):
    """z, what is asked for, and Gumbel noise to a row."""

    def __init__(self, net: TableMLP, spec: DataSpec, group: int) -> None:
        super().__init__()
        self.conditional = bool(spec.classes)
        self.input = vector_input(len(spec.classes), net.embedding)
        first = net.latent + net.embedding * self.conditional
        widths = list(accumulate(net.hidden, initial=first))
        self.layers = nn.ModuleList(
            _hidden(net, inputs, outputs, group)
            for inputs, outputs in zip(widths, net.hidden, strict=False)
        )
        initialise(self.layers, nn.init.kaiming_normal_)
        self.last = linear(widths[-1], spec.size)
        initialise(self.last, partial(nn.init.kaiming_normal_, nonlinearity="linear"))
        self.heads = Heads(spec, net.tau)
        self.draws = self.heads.draws

    def forward(
        self, z: Tensor, y: Tensor | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """z (B, latent), y (B,), noise by name to x (B, D)."""
        h: Tensor = self.input(z, y)
        for layer in self.layers:
            h = torch.cat([layer(h), h], 1)
        x: Tensor = self.heads(
            exactly(self.last, h), y if self.conditional else None, (noise or {}).get("gumbel")
        )
        return x


class Discriminator(nn.Module):
    """Packs of rows, with what each was asked for, to a Critique."""

    def __init__(self, net: TableMLP, spec: DataSpec, pack: int) -> None:
        super().__init__()
        self.pack = pack
        spectral = net.discriminator_norm == "spectral"
        self.table = (
            embedding(len(spec.classes), net.embedding, spectral=spectral)
            if spec.classes
            else None
        )
        inputs = pack * (spec.size + net.embedding * bool(spec.classes))
        layers: list[nn.Module] = []
        for outputs in net.hidden:
            layers += [
                linear(inputs, outputs, spectral=spectral),
                ACTIVATIONS["leaky_relu"](),
            ]
            inputs = outputs
        self.trunk = nn.Sequential(*layers)
        initialise(self.trunk, partial(nn.init.kaiming_normal_, a=0.2))
        self.head = LinearHead(inputs, spectral=spectral)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, D) and y (B,), or packs x (B / pack, pack D) and y (B,), to logits of each."""
        if self.table is not None:
            e: Tensor = self.table(require_labels(y))
            x = torch.cat([x, e.reshape(len(x), -1).to(x.dtype)], 1)
        critique: Critique = self.head(self.trunk(x))
        return critique


def _hidden(net: TableMLP, inputs: int, outputs: int, group: int) -> nn.Module:
    dense = linear(inputs, outputs)
    if net.generator_norm == "none":
        return nn.Sequential(dense, nn.ReLU())
    return nn.Sequential(dense, batch_norm(outputs, group), nn.ReLU())
