"""Layers of equalised learning rate, whose weights are scaled as they are used; pixel norm."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["EqualConv2d", "EqualEmbedding", "EqualLinear", "equalise", "pixel_norm"]


def pixel_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """x / sqrt(mean(x^2) + eps), the mean over the last axis: vectors of mean square one.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """
    return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()


class EqualLinear(nn.Linear):
    """x -> gain (x m W^T / sqrt(inputs) + m b): a dense layer of equalised learning rate.

    The parameters are W, drawn from N(0, 1 / m^2), and b = start / m. What is used begins like
    He's weights. Adam's steps do not depend on the gradient's size, so that all layers move
    equally fast in proportion to their weights, those with a multiplier m < 1 slower.

    Shapes: x (..., inputs) to (..., outputs).

    Arguments:
        gain: of the activation that follows: sqrt(2) for ReLUs.
        multiplier: m, of the learning rate.
        start: what m b is at first.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        gain: float = 1.0,
        multiplier: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.scale, self.bias_scale = gain * multiplier * inputs**-0.5, gain * multiplier
        nn.init.normal_(self.weight, std=1 / multiplier)
        if bias:
            nn.init.constant_(self.bias, start / multiplier)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer, shape (..., outputs)."""
        bias = None if self.bias is None else self.bias * self.bias_scale
        return F.linear(x, self.weight * self.scale, bias)


class EqualConv2d(nn.Conv2d):
    """x -> gain (x * W / sqrt(inputs height width) + b), W drawn from N(0, 1), b = 0.

    A convolution with a kernel of odd sides, which keeps the size of the map.

    Shapes: x (B, inputs, h, w) to (B, outputs, h, w).

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, bias: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        self.gain, self.scale = gain, gain * (inputs * kernel**2) ** -0.5
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def scaled(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as they are used."""
        return self.weight * self.scale, None if self.bias is None else self.bias * self.gain

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, shape (B, outputs, h, w)."""
        y: Tensor = self._conv_forward(x, *self.scaled())
        return y


class EqualEmbedding(nn.Embedding):
    """y -> T_y / sqrt(features), with a table T drawn from N(0, 1)."""

    def forward(self, y: Tensor) -> Tensor:
        """The vectors of labels y, shape (B, features)."""
        e: Tensor = F.embedding(y, self.weight) * self.embedding_dim**-0.5
        return e


def equalise(module: nn.Module) -> nn.Module:
    """The module, its dense layers and embeddings replaced by equalised ones of the same shape."""
    for name, layer in module.named_children():
        if isinstance(layer, nn.Linear):
            equal = EqualLinear(layer.in_features, layer.out_features, bias=layer.bias is not None)
            setattr(module, name, equal)
        elif isinstance(layer, nn.Embedding):
            setattr(module, name, EqualEmbedding(layer.num_embeddings, layer.embedding_dim))
    return module
