"""Vectors of classes, which are vectors of conditions too."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Table", "vectors"]


def vectors(y: Tensor, weight: Tensor) -> Tensor:
    """What a table of K vectors, (K, F), says of a batch, (B, F).

    Arguments:
        y: class labels (B,), whose rows it gives; or conditions c of shape (B, K) as floats, for
            which it gives c W. For one-hot c both are the same.
    """
    if not y.is_floating_point():
        return F.embedding(y, weight)
    with torch.autocast(y.device.type, enabled=False):  # bfloat16 keeps 3 digits of a number
        return y.to(weight.dtype) @ weight


class Table(nn.Embedding):
    """`nn.Embedding` that takes conditions too, see `vectors`."""

    def forward(self, y: Tensor) -> Tensor:
        """The vectors of labels y (B,), or of conditions (B, K): (B, F)."""
        return vectors(y, self.weight)
