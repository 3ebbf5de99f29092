"""Residual blocks that grow or shrink an image, and the critic that is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from gantlet.networks.base import Blockwise, Critique
from gantlet.nn.attention import SelfAttention
from gantlet.nn.layers import ACTIVATIONS, conv
from gantlet.nn.resampling import average_down, nearest_up

__all__ = ["Down", "PooledCritic", "Up"]

Size = tuple[int, int]


class Up(nn.Module):
    """A generator's block that arrives at `size`: norm, ReLU, up, 3x3, norm, ReLU, 3x3.

    Beside it a 1x1 and the same growth. Norms are called as norm(x, condition).

    Arguments:
        a, b: channels before and after.
        size: (height, width) to arrive at.
        norms: one for a channels, one for b.
        spectral: whether each weight is divided by its largest singular value.
    """

    def __init__(
        self, a: int, b: int, size: Size, norms: Iterable[nn.Module], *, spectral: bool = False
    ) -> None:
        super().__init__()
        self.size = size
        self.norms = nn.ModuleList(norms)
        self.convs = nn.ModuleList(conv(w, b, 3, padding=1, spectral=spectral) for w in (a, b))
        self.shortcut = conv(a, b, 1, spectral=spectral)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        h: Tensor = nearest_up(self.norms[0](x, condition).relu(), self.size)
        h = self.convs[1](self.norms[1](self.convs[0](h), condition).relu())
        return h + nearest_up(self.shortcut(x), self.size)


class Down(nn.Module):
    """A critic's block that arrives at `size`: activation, 3x3, activation, 3x3, mean down.

    Arguments:
        a, b: channels before and after.
        size: (height, width) to arrive at.
        activation: of `ACTIVATIONS`.
        spectral: whether each weight is divided by its largest singular value.
        first: whether it starts with the convolution, as the block that sees the image does.
        straight: whether the way beside it is the identity instead of a 1x1; a = b and a block
            that keeps the size.
    """

    def __init__(
        self,
        a: int,
        b: int,
        size: Size,
        *,
        activation: str,
        spectral: bool,
        first: bool = False,
        straight: bool = False,
    ) -> None:
        super().__init__()
        self.size = size
        act = ACTIVATIONS[activation]
        self.residual = nn.Sequential(
            nn.Identity() if first else act(),
            conv(a, b, 3, padding=1, spectral=spectral),
            act(),
            conv(b, b, 3, padding=1, spectral=spectral),
        )
        self.shortcut = nn.Identity() if straight else conv(a, b, 1, spectral=spectral)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, h, w) to (B, b, *size)."""
        shortcut: Tensor = self.shortcut(average_down(x, self.size))
        return average_down(self.residual(x), self.size) + shortcut


class PooledCritic(Blockwise):
    """Images and their class to a Critique: blocks, activation, statistic, positions pooled, head.

    Arguments:
        inputs: called as inputs(x, y), `networks.inputs.image_input`.
        blocks: from the input to the last map.
        activation: after them.
        statistic: what a group's samples tell of one another, or the identity.
        scale: of the mean over positions; their number makes it a sum.
        head: called as head(features, y).
    """

    def __init__(
        self,
        inputs: nn.Module,
        blocks: nn.Sequential,
        activation: nn.Module,
        statistic: nn.Module,
        scale: float,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.input, self.blocks, self.activation = inputs, blocks, activation
        self.statistic, self.scale, self.head = statistic, scale, head

    def forward(self, x: Tensor, y: Tensor | None = None) -> Critique:
        """x (B, C, H, W), or packs of them, and y (B,) to logits (B,)."""
        h: Tensor = self.statistic(self.activation(self.blocks(self.input(x, y))))
        critique: Critique = self.head(h.mean((2, 3)) * self.scale, y)
        return critique

    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """The residual blocks; self-attention belongs to the one before it."""
        layers = list(self.blocks)
        starts = [i for i, layer in enumerate(layers) if not isinstance(layer, SelfAttention)]
        return [layers[i:j] for i, j in pairwise([*starts, len(layers)])]
