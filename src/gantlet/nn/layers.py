"""Constructors of layers, activations by name, and initial weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from gantlet.nn.equalised import EqualConv2d, EqualLinear
from gantlet.nn.modulation import StyleLayer, ToImage, demodulation
from gantlet.nn.spectral import Spectral, SpectralConv2d, SpectralEmbedding, SpectralLinear
from gantlet.nn.tables import Table

__all__ = ["ACTIVATIONS", "Flatten", "conv", "embedding", "filters", "initialise", "linear"]

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
}
"""Activations by name; leaky ReLU has slope 0.2."""
_DENSE = nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d
_TRANSPOSED = nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d


def linear(inputs: int, outputs: int, *, bias: bool = True, spectral: bool = False) -> nn.Linear:
    """A dense layer, its weight divided by its largest singular value if `spectral`."""
    layer = SpectralLinear if spectral else nn.Linear
    return layer(inputs, outputs, bias=bias)


def conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    bias: bool = True,
    spectral: bool = False,
) -> nn.Conv2d:
    """A convolution, its weight divided by its largest singular value if `spectral`."""
    layer = SpectralConv2d if spectral else nn.Conv2d
    return layer(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)


class Flatten(nn.Module):
    """(B, C, H, W) to (B, H W C): a view of maps whose channels are last in memory."""

    def forward(self, x: Tensor) -> Tensor:
        """The maps as vectors, position by position."""
        return x.permute(0, 2, 3, 1).flatten(1)


def embedding(classes: int, features: int, *, spectral: bool = False) -> nn.Embedding:
    """A vector for each class, N(0, 1), the table spectrally normalised if `spectral`."""
    layer = SpectralEmbedding if spectral else Table
    return layer(classes, features)


def filters(module: nn.Module) -> list[Tensor]:
    """What the layers of a module multiply their inputs by, one row for each output.

    Weights of dense layers and convolutions, those of equalised layers times their constant,
    those of a `StyleLayer` demodulated at the style s = 1: rows of length one. The weight of a
    transposed convolution, whose first dimension counts inputs, is turned; that of a spectral
    layer is not divided. Tables of embeddings, learned grids, biases and gains are left out.
    """
    found = (_filter(layer) for layer in module.modules())
    return [weight for weight in found if weight is not None]


def _filter(layer: nn.Module) -> Tensor | None:
    if isinstance(layer, EqualLinear | EqualConv2d | ToImage):
        return layer.weight * layer.scale
    if isinstance(layer, StyleLayer):
        d = demodulation(layer.weight, torch.ones_like(layer.weight[:1, :, 0, 0]))
        return layer.weight * d.view(-1, 1, 1, 1)
    if isinstance(layer, _TRANSPOSED):
        return layer.weight.transpose(0, 1)
    return layer.weight if isinstance(layer, _DENSE) else None


def initialise(module: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Draw every weight of a dense layer or convolution anew; set their biases to zero.

    Spectral layers settle on their new weights. Embeddings and norms stay as they are.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if isinstance(layer, Spectral):
                layer.settle()
