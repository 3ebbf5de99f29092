"""Vectors of classes, which are vectors of conditions too."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.spec import DataSpec

__all__ = ["Based", "Table", "table_for", "vectors"]


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


class Based(Table):
    """A table with one more vector b that all share: c W + b.

    Flags that are all 0 tell c = 0, and c W = 0 is no vector that a network could be told by.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__(classes, features)
        self.base = nn.Parameter(torch.randn(features))

    def forward(self, y: Tensor) -> Tensor:
        """The vectors of conditions (B, K): (B, F)."""
        return super().forward(y) + self.base


def table_for(spec: DataSpec, features: int) -> Table:
    """Vectors of the classes or conditions of data, none of them zero for what data can tell.

    A class has a row, and what is told of a number, a level or a choice sums to 1; where all
    conditions are flags, nothing does, and the table is `Based`.
    """
    kind = Based if spec.only_flags else Table
    return kind(spec.condition_size, features)
