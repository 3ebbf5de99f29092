"""The last layers of discriminators: from features (and labels) to a Critique."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gantlet.networks.base import Critique
from gantlet.networks.inputs import Condition, rows
from gantlet.nn.conditioning import require_labels
from gantlet.nn.layers import embedding, linear
from gantlet.nn.statistics import MinibatchDiscrimination

__all__ = [
    "Accompanied",
    "AuxiliaryHead",
    "Condition",
    "LinearHead",
    "ProjectionHead",
    "accompanied",
    "exactly",
    "head",
]


def exactly(layer: nn.Module, h: Tensor) -> Tensor:
    """layer(h) in the precision of the layer's weights, whatever autocast is at work."""
    weight = next(layer.parameters())
    with torch.autocast(h.device.type, enabled=False):
        y: Tensor = layer(h.to(weight.dtype))
        return y


class LinearHead(nn.Module):
    """logit = w . h + b, for features h of shape (B, F)."""

    def __init__(self, features: int, *, bias: bool = True, spectral: bool = False) -> None:
        super().__init__()
        self.score = linear(features, 1, bias=bias, spectral=spectral)

    def forward(self, h: Tensor, y: Tensor | None = None) -> Critique:
        """Judge features; labels play no part."""
        return Critique(exactly(self.score, h).squeeze(1), h)


class ProjectionHead(nn.Module):
    """logit = w . h + b + e_y . h, with a vector e_y for each class.

    Source: Miyato and Koyama (2018), cGANs with Projection Discriminator, https://arxiv.org/abs/1802.05637
    """

    def __init__(
        self, features: int, classes: int, *, bias: bool = True, spectral: bool = False
    ) -> None:
        super().__init__()
        self.score = linear(features, 1, bias=bias, spectral=spectral)
        self.table = embedding(classes, features, spectral=spectral)
        if not spectral:
            nn.init.normal_(self.table.weight, std=features**-0.5)

    def forward(self, h: Tensor, y: Tensor | None) -> Critique:
        """Judge features of samples of classes y."""
        e: Tensor = self.table(require_labels(y))
        logits = exactly(self.score, h).squeeze(1) + (h.to(e.dtype) * e).sum(1)
        return Critique(logits, h)


class AuxiliaryHead(nn.Module):
    """logit = w . h + b, and class logits of shape (B, K) from a second linear layer.

    Source: Odena et al. (2017), Conditional Image Synthesis with Auxiliary Classifier GANs, https://arxiv.org/abs/1610.09585
    """

    def __init__(
        self, features: int, classes: int, *, bias: bool = True, spectral: bool = False
    ) -> None:
        super().__init__()
        self.score = linear(features, 1, bias=bias, spectral=spectral)
        self.classify = linear(features, classes, bias=bias)

    def forward(self, h: Tensor, y: Tensor | None = None) -> Critique:
        """Judge features, and classify them; labels play no part."""
        return Critique(exactly(self.score, h).squeeze(1), h, exactly(self.classify, h))


def head(
    features: int, classes: int, condition: Condition, *, bias: bool = True, spectral: bool = False
) -> nn.Module:
    """The head for a way of conditioning; with `concat`, labels came in before and it has none."""
    if not classes or condition == "concat":
        return LinearHead(features, bias=bias, spectral=spectral)
    kind = ProjectionHead if condition == "projection" else AuxiliaryHead
    return kind(features, classes, bias=bias, spectral=spectral)


class Accompanied(nn.Module):
    """A head that also judges by what a group's features tell of one another."""

    def __init__(self, statistic: nn.Module, judge: nn.Module) -> None:
        super().__init__()
        self.statistic, self.judge = statistic, judge

    def forward(self, h: Tensor, y: Tensor | None) -> Critique:
        """Judge features of samples of classes y."""
        critique: Critique = self.judge(self.statistic(h), y)
        return critique


def accompanied(
    kernels: int,
    features: int,
    group: int,
    pack: int,
    judge: Callable[[int], nn.Module],
    *,
    spectral: bool = False,
) -> nn.Module:
    """judge(features), after minibatch discrimination if there are kernels.

    Arguments:
        kernels: of `MinibatchDiscrimination`, 0 for none.
        features: length of the vectors to judge.
        group, pack: samples that see one another, and how many of them are judged together.
        judge: makes a head for vectors of a length.
        spectral: whether the kernels' projection is divided by its largest singular value.
    """
    if not kernels:
        return judge(features)
    statistic = MinibatchDiscrimination(features, kernels, rows(group, pack), spectral=spectral)
    return Accompanied(statistic, judge(features + kernels))
