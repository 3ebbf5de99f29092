"""What `versus` asks of a generator of styles: mixed styles, and paths of equal length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn

from gantlet.averages import running_mean
from gantlet.games.base import Losses, Stats, Turn
from gantlet.networks.styles import NoisyGenerator, StyleGenerator, crossover, layered, mixed
from gantlet.rng import Noise

__all__ = ["PathLength", "PathMean", "drawn", "follow", "path_length", "path_losses", "styled"]


@dataclass(frozen=True, kw_only=True)
class PathLength:
    """Steps of w that are equally long in the image, wherever and in whatever direction.

    A phase of its own, with the penalty weight * every * (|J^T y| - a)^2: J is the derivative of
    the image by the styles, y an image of noise, a the running mean of the lengths |J^T y|. The
    weight of 2 is the paper's at every resolution, in numbers that do not depend on it: y is
    divided by the root of the number of pixels, and squares are means over layers.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """

    weight: Annotated[float, Ge(0)] = 2.0
    """Weight of the penalty."""
    decay: Annotated[float, Interval(gt=0, lt=1)] = 0.01
    """Share of the newest lengths in their running mean."""
    every: Annotated[int, Ge(1)] = 4
    """Generator steps from one to the next; the weight is multiplied by as many."""


class PathMean(nn.Module):
    """Running mean of path lengths."""

    mean: Tensor
    count: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def take(self, lengths: Tensor) -> None:
        """Move the mean by the lengths of one step."""
        self.mean.copy_(running_mean(self.mean, lengths.to(self.mean), self.count, 1 - self.decay))
        self.count += 1


def drawn(generator: NoisyGenerator, noise: Noise) -> Mapping[str, Tensor]:
    """The random numbers that a generator takes beside z."""
    return {name: noise(name, shape) for name, shape in generator.draws.items()}


def styled(
    generator: StyleGenerator, turn: Turn, latent: int, mixing: float
) -> tuple[Tensor, Tensor]:
    """Styles w, (B, W), and those of the layers, (B, layers, W), mixed with probability `mixing`.

    The second styles come from latents of their own, of the same class.
    """
    w = generator.style(turn.noise("z", (latent,)), turn.real.y)
    first = layered(w, generator.layers)
    if not mixing:
        return w, first
    other = generator.style(turn.noise("mixing/z", (latent,)), turn.real.y)
    at = crossover(turn.noise.uniform("mixing/u", (2,)), mixing, generator.layers)
    return w, mixed(first, layered(other, generator.layers), at)


def path_length(
    generator: StyleGenerator, w: Tensor, y: Tensor, noise: Mapping[str, Tensor]
) -> Tensor:
    """|J^T y| of each sample: the root of the mean over layers of the squared length, (B,).

    J^T y is the gradient by w of the product of the image with y / sqrt(H W). It is taken by
    `torch.func.grad`, and can be differentiated again by weights and w.

    Arguments:
        w: shape (B, layers, W).
        y: standard normal, of the shape of the image.
        noise: what the generator takes beside w.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    pixels = y.shape[2:].numel()

    def product(w: Tensor) -> Tensor:
        image: Tensor = generator.synthesise(w, noise)
        return (image * y).sum() / math.sqrt(pixels)

    slope: Tensor = torch.func.grad(product)(w)
    length: Tensor = torch.linalg.vector_norm(slope.flatten(1), dim=1)
    return length / math.sqrt(w.shape[1])


def path_losses(
    generator: StyleGenerator, w: Tensor, turn: Turn, settings: PathLength, means: PathMean
) -> Losses:
    """weight * every * (|J^T y| - mean)^2, (B,), with the lengths as stats."""
    y = turn.noise("path/y", tuple(turn.real.x.shape[1:]))
    lengths = path_length(generator, w, y, drawn(generator, turn.noise))
    loss = settings.weight * settings.every * (lengths - means.mean).square()
    return Losses(loss, stats={"length": lengths.detach()})


def follow(players: nn.ModuleDict, stats: Stats) -> None:
    """Move the generator's mean style by the styles of one step."""
    generator = players["generator"]
    assert isinstance(generator, StyleGenerator)  # the game asks of no other
    generator.follow(stats["styles"])
