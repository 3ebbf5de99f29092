"""What a family of networks is: settings that build the two players for any data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from torch import Tensor, nn

from gantlet.spec import DataSpec

__all__ = ["Blockwise", "Critique", "Network", "SelfSupervised"]


class Critique(NamedTuple):
    """What a discriminator answers for B samples (or B packs)."""

    logits: Tensor
    """Shape (B,): large for real."""
    features: Tensor | None = None
    """Shape (B, F): the last hidden layer, for feature matching."""
    classes: Tensor | None = None
    """Shape (B, K): class logits of an auxiliary classifier (Odena et al. 2017)."""
    maps: tuple[Tensor, ...] | None = None
    """Shapes (B, C, h, w): feature maps from which a `SelfSupervised` discriminator rebuilds."""


class SelfSupervised(nn.Module, ABC):
    """A discriminator with decoders: it must keep of a real image what it takes to rebuild it."""

    @abstractmethod
    def rebuilt(
        self, maps: Sequence[Tensor], x: Tensor, place: Tensor
    ) -> Sequence[tuple[Tensor, Tensor]]:
        """Pairs of what the decoders made and what they should have made, each (B, C, h, w).

        Arguments:
            maps: `Critique.maps` of x.
            x: images (or packs), shape (B, C, H, W).
            place: uniform on [0, 1), shape (B, 2): where random crops lie, down and across.
        """


class Blockwise(nn.Module, ABC):
    """A discriminator of blocks that all see the image from the first step on."""

    @abstractmethod
    def in_blocks(self) -> Sequence[Sequence[nn.Module]]:
        """The modules of each block, from the image inward; labels and the head are in none."""


@dataclass(frozen=True, kw_only=True)
class Network(ABC):
    """Settings of one family. Networks know no loss and no data set, only a `DataSpec`.

    A spec with classes or conditions (`DataSpec.condition_size`) asks for networks that use
    labels; one without, for networks that do not. The generator is called as G(z, y) -> x with z
    of shape (B, latent), y as in `Batch` or None,
    x of shape (B, *spec.shape); one that takes more random numbers than z is a `NoisyGenerator`,
    called as G(z, y, noise). The discriminator is called as D(x, y) -> Critique; with
    `pack` = m it takes x of shape (B / m, m * C, H, W) (or (B / m, m * D) for points) and y None.
    """

    name: str
    latent: int = 64
    """Length of the latent vector z."""

    @abstractmethod
    def generator(self, spec: DataSpec, *, group: int = 1) -> nn.Module:
        """A generator for `spec`; batch-coupled layers work on groups of `group` samples."""

    @abstractmethod
    def discriminator(self, spec: DataSpec, *, group: int = 1, pack: int = 1) -> nn.Module:
        """A discriminator for `spec` on packs of `pack` samples."""

    def view(self, spec: DataSpec) -> nn.Module | None:
        """What real samples go through before the critic sees them, x -> x; None: nothing.

        A network that grows shows real images at the size it has come to.
        """
        return None

    @classmethod
    @abstractmethod
    def tiny(cls) -> Self:
        """The smallest settings that keep every part of the family, for tests."""
