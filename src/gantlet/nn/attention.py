"""Self-attention over the positions of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.nn.layers import conv

__all__ = ["SelfAttention", "halved"]


def halved(x: Tensor) -> Tensor:
    """The largest of each 2 x 2 pixels, fewer at an odd edge: (B, C, h, w) to half the sides.

    Built of slices and maxima, whose derivatives of every order are deterministic on any device.
    """
    height, width = x.shape[2:]
    padded = F.pad(x, (0, width % 2, 0, height % 2), value=-torch.inf)
    largest: Tensor = padded.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
    return largest


class SelfAttention(nn.Module):
    """x + gamma W_o (V softmax(K^T Q)): each position sees all others; gamma begins at zero.

    Queries q = W_q x and keys k = W_k x have max(1, C / 8) channels, values v = W_v x have
    max(1, C / 2), all by 1x1 convolutions without biases. Keys and values are taken at half the
    size, the largest of each 2 x 2 pixels. With N positions and M = N / 4 keys, position n becomes
    sum_m softmax_m(q_n . k_m) v_m.

    Written as a product, a softmax and a product: the fused kernels behind
    `F.scaled_dot_product_attention` have no second derivative, which penalties of the gradient
    need.

    Shapes: x (B, C, h, w) to the same.

    Arguments:
        channels: C.
        spectral: whether each weight is divided by its largest singular value.

    Source: Zhang et al. (2019), Self-Attention Generative Adversarial Networks, https://arxiv.org/abs/1805.08318
    """

    def __init__(self, channels: int, *, spectral: bool = False) -> None:
        super().__init__()
        inner, middle = max(1, channels // 8), max(1, channels // 2)
        self.query = conv(channels, inner, 1, bias=False, spectral=spectral)
        self.key = conv(channels, inner, 1, bias=False, spectral=spectral)
        self.value = conv(channels, middle, 1, bias=False, spectral=spectral)
        self.output = conv(middle, channels, 1, bias=False, spectral=spectral)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Add to each position what it attends to."""
        q, k, v = self.query(x), halved(self.key(x)), halved(self.value(x))
        weights = (q.flatten(2).transpose(1, 2) @ k.flatten(2)).softmax(2)
        seen = (v.flatten(2) @ weights.transpose(1, 2).to(v.dtype)).unflatten(2, x.shape[2:])
        added: Tensor = self.output(seen)
        return x + self.gamma.to(x.dtype) * added
