"""Ways to tell a network the class, or conditions: beside a vector, or as one more channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.nn.tables import Table

__all__ = ["LabelConcat", "LabelMap", "Unlabelled", "require_labels"]


def require_labels(y: Tensor | None) -> Tensor:
    """The labels, or UsageError where a network of classes or conditions is given none."""
    if y is None:
        raise UsageError(
            "network with classes",
            expected="labels y of shape (B,), or conditions of shape (B, K)",
            received="none",
            remedy="Give labels, or describe the data without classes.",
        )
    return y


class Unlabelled(nn.Module):
    """The input as it is; labels play no part."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """x."""
        return x


class LabelConcat(nn.Module):
    """A vector with the embedding of its class behind it: (B, D) to (B, D + features).

    Arguments:
        table: of the embeddings, each of length `features`.

    Source: Mirza and Osindero (2014), Conditional Generative Adversarial Nets, https://arxiv.org/abs/1411.1784
    """

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Append the embedding of y."""
        return torch.cat([x, self.table(require_labels(y)).to(x.dtype)], 1)


class LabelMap(nn.Module):
    """An image with a learned map of its class as one more channel: (B, C, H, W) to C + 1.

    Source: Mirza and Osindero (2014), Conditional Generative Adversarial Nets, https://arxiv.org/abs/1411.1784
    """

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.table = Table(classes, height * width)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Append the map of y."""
        channel = self.table(require_labels(y)).to(x.dtype).view(-1, 1, *x.shape[2:])
        return torch.cat([x, channel], 1)
