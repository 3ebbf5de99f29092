"""Generators that draw more than z, and generators of styles: what games may ask of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gantlet.averages import running_mean

__all__ = [
    "MixedGenerator",
    "MovedGenerator",
    "NoisyGenerator",
    "StyleGenerator",
    "TruncatedGenerator",
    "crossover",
    "layered",
    "mixed",
    "truncated",
]

_DECAY = 0.995


class NoisyGenerator(nn.Module, ABC):
    """A generator that takes random numbers beside z: G(z, y, noise) -> x.

    Standard normal numbers, by name, of shape (B, *shape). A game draws them where it draws z, so
    that a sample depends on its seed and index alone; without them the generator does without.
    """

    draws: Mapping[str, tuple[int, ...]]
    """The shape of one sample's numbers by name."""

    @abstractmethod
    def forward(
        self, z: Tensor, y: Tensor | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """z (B, latent), y (B,), noise by name to x (B, *spec.shape)."""


class StyleGenerator(NoisyGenerator):
    """A generator in two parts: `style`, from z and the class to w, and `synthesise`, from w to x.

    w has shape (B, W). Each layer of the synthesis takes a w of its own, (B, layers, W), in
    sampling all the same. `mean` is the running mean of w, towards which `truncated` moves.

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """

    layers: int
    """How many w the synthesis takes, the coarsest first."""
    enters: Mapping[str, int]
    """The layer at which each of `draws` enters, by name; what is not named belongs to none."""
    mean: Tensor
    """Running mean of w, shape (W,)."""
    count: Tensor
    """Batches in the mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enters = {}
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def style(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to w (B, W)."""

    @abstractmethod
    def synthesise(self, w: Tensor, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """w (B, layers, W) and noise by name to x (B, *spec.shape)."""

    def forward(
        self, z: Tensor, y: Tensor | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """z (B, latent), y (B,), noise by name to x (B, *spec.shape)."""
        return self.synthesise(layered(self.style(z, y), self.layers), noise)

    def follow(self, w: Tensor) -> None:
        """Move the mean by the w of a batch, (B, W); after a step, never in forward."""
        self.mean.copy_(running_mean(self.mean, w, self.count, _DECAY))
        self.count += 1


class _Wrapped(StyleGenerator):
    """Another generator of styles in its place, with the same weights, buffers and layers."""

    def __init__(self, generator: StyleGenerator) -> None:
        super().__init__(len(generator.mean))
        self.generator, self.mean, self.count = generator, generator.mean, generator.count
        self.layers, self.draws, self.enters = generator.layers, generator.draws, generator.enters

    def style(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.generator.style(z, y)

    def synthesise(self, w: Tensor, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        return self.generator.synthesise(w, noise)


class TruncatedGenerator(_Wrapped):
    """A generator of styles whose every w is `truncated`.

    Arguments:
        psi: 0 makes all styles the mean, 1 leaves them as they are.
    """

    def __init__(self, generator: StyleGenerator, psi: float) -> None:
        super().__init__(generator)
        self.psi = psi

    def style(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to w (B, W), moved towards the mean."""
        return truncated(super().style(z, y), self.mean, self.psi)


class MixedGenerator(_Wrapped):
    """A generator of styles that has some layers' styles from elsewhere.

    Arguments:
        w: the style of those layers, shape (1, W).
        taken: which layers, shape (layers,), bool.
    """

    def __init__(self, generator: StyleGenerator, w: Tensor, taken: Tensor) -> None:
        super().__init__(generator)
        self.w, self.taken = w, taken

    def synthesise(self, w: Tensor, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """w (B, layers, W) and noise by name to x (B, *spec.shape)."""
        return super().synthesise(torch.where(self.taken[:, None], self.w[:, None], w), noise)


class MovedGenerator(_Wrapped):
    """A generator of styles whose every w is moved by a step.

    Arguments:
        step: shape (1, W).
    """

    def __init__(self, generator: StyleGenerator, step: Tensor) -> None:
        super().__init__(generator)
        self.step = step

    def style(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to w + step (B, W)."""
        return super().style(z, y) + self.step


def layered(w: Tensor, layers: int) -> Tensor:
    """The same w for all layers: (B, W) to (B, layers, W)."""
    return w[:, None].expand(-1, layers, -1)


def crossover(u: Tensor, probability: float, layers: int) -> Tensor:
    """The first layer of the second style: uniform on 1 ... layers - 1 with the probability given.

    Otherwise `layers`: no mixing.

    Arguments:
        u: uniform on [0, 1), shape (B, 2): whether, and where.
    """
    place = 1 + (u[:, 1] * (layers - 1)).floor()
    return torch.where(u[:, 0] < probability, place, float(layers))


def mixed(w: Tensor, other: Tensor, at: Tensor | int) -> Tensor:
    """Style mixing: layers before `at` have the styles of w, those from `at` on those of `other`.

    Arguments:
        w, other: shape (B, layers, W).
        at: shape (B,), or one for all.

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """
    layer = torch.arange(w.shape[1], device=w.device)
    first = layer < torch.as_tensor(at, device=w.device).reshape(-1, 1)
    return torch.where(first[:, :, None], w, other)


def truncated(w: Tensor, mean: Tensor, psi: float | Tensor) -> Tensor:
    """mean + psi (w - mean): psi below one gives up variety for fidelity; at 0 all is the mean.

    Arguments:
        w: shape (B, W) or (B, layers, W).
        mean: shape (W,), `StyleGenerator.mean`.
        psi: one number, or whatever broadcasts with w: (layers, 1) to truncate layers apart.

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """
    return mean + psi * (w - mean)
