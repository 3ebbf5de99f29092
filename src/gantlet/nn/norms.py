"""Batch norm that training never changes: statistics of fixed groups, population on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.errors import UsageError
from gantlet.nn.conditioning import require_labels
from gantlet.nn.tables import Table
from gantlet.nn.virtual import VirtualBatchNorm

__all__ = [
    "ConditionalBatchNorm",
    "GroupedBatchNorm",
    "Norm",
    "Stepped",
    "batch_norm",
    "calibrate",
]

Norm = Literal["batch", "virtual"]
"""Norms of a generator by name."""


class Stepped(nn.Module, ABC):
    """A layer whose state moves once after each optimiser step of its player, never in forward."""

    @abstractmethod
    def advance(self) -> None:
        """Move the state by one step."""


class GroupedBatchNorm(nn.Module):
    """Batch norm over fixed groups of consecutive samples: w (x - E x) / sqrt(Var x + eps) + b.

    In training, E and Var are over the samples and positions of one group, so that the result
    does not depend on how a batch is cut into micro-batches or ranks. No running statistics are
    kept: forward changes nothing. In evaluation, E and Var are the buffers `mean` and `var`, each
    of shape (C,), which `calibrate` measures.

    Shapes: x (B, C), (B, C, L) or (B, C, H, W); the result has the same. With maps, a group of
    one sample is instance norm.

    Errors: UsageError in training if B is no multiple of `group`, or if a group holds a single
    value per channel.

    Arguments:
        channels: C.
        group: samples that share statistics.
        affine: whether there are a learned gain w and bias b.
        eps: added to the variance.

    Source: Ioffe and Szegedy (2015), Batch Normalization, https://arxiv.org/abs/1502.03167
    """

    mean: Tensor
    var: Tensor

    def __init__(
        self, channels: int, group: int, *, affine: bool = True, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.group, self.eps = group, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise x; `condition` is for ConditionalBatchNorm and plays no part here."""
        if not self.training:
            return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, eps=self.eps)
        self._check(x)
        if len(x) == self.group:
            return self._normalise(x)
        return torch.cat([self._normalise(part) for part in torch.split(x, self.group)])

    @torch.no_grad()
    def fixed(self) -> tuple[Tensor, Tensor]:
        """What it is in evaluation: x scale + shift, (C,) each."""
        scale = (self.var + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        shift = -self.mean * scale
        return scale, shift if self.bias is None else shift + self.bias

    def _normalise(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)

    def _check(self, x: Tensor) -> None:
        if len(x) % self.group or not len(x):
            raise UsageError(
                "batch norm",
                expected=f"a batch that is a multiple of the group of {self.group} samples",
                received=f"{len(x)} samples",
                remedy="Change the batch size or the group.",
            )
        if self.group * x.shape[2:].numel() == 1:
            raise UsageError(
                "batch norm of vectors",
                expected="groups of at least 2 samples",
                received="groups of 1, which have no variance",
                remedy="Give a larger group.",
            )


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose gain and bias depend on a condition: (1 + gain(c)) norm(x) + bias(c).

    Shapes: x (B, C, ...), the result the same; `affine` maps the condition c of each sample to
    2 C numbers, the gains and then the biases: `Table(K, 2 * C)` for class labels, `nn.Linear(D,
    2 * C)` for vectors of length D; `norm` normalises x and has no gain of its own.

    Source: de Vries et al. (2017), Modulating early visual processing by language, https://arxiv.org/abs/1707.00683

    Source: Dumoulin et al. (2017), A Learned Representation For Artistic Style, https://arxiv.org/abs/1610.07629
    """

    def __init__(self, norm: nn.Module, affine: nn.Module) -> None:
        super().__init__()
        self.norm, self.affine = norm, affine

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Normalise x and apply the condition's gain and bias."""
        modulation: Tensor = self.affine(require_labels(condition)).to(x.dtype)
        gain, bias = modulation.view(len(x), 2, x.shape[1], *[1] * (x.dim() - 2)).unbind(1)
        normed: Tensor = self.norm(x)
        return torch.addcmul(normed + bias, normed, gain)


def batch_norm(channels: int, group: int, classes: int = 0, kind: Norm = "batch") -> nn.Module:
    """A norm called as norm(x, y): with a gain and bias for each class if there are classes.

    Gains of classes begin at 1 + N(0, 0.02^2), biases at zero.

    Arguments:
        channels: of x.
        group: samples that share statistics, or the reference batch of a virtual norm.
        classes: 0 for a gain and bias that all share.
        kind: batch (`GroupedBatchNorm`) or virtual (`VirtualBatchNorm`).
    """
    norm = {"batch": GroupedBatchNorm, "virtual": VirtualBatchNorm}[kind]
    if not classes:
        return norm(channels, group)
    affine = Table(classes, 2 * channels)
    nn.init.normal_(affine.weight[:, :channels], std=0.02)
    nn.init.zeros_(affine.weight[:, channels:])
    return ConditionalBatchNorm(norm(channels, group, affine=False), affine)


@dataclass
class _Moments:
    """Count, mean and sum of squared deviations of what a layer has received, in float64."""

    n: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros(()))
    square: Tensor = field(default_factory=lambda: torch.zeros(()))

    def collect(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Add a batch, by the law of total variance (a forward pre-hook)."""
        x: Tensor = inputs[0].detach()
        x = x.to("cpu" if x.device.type == "mps" else x.device, torch.float64)
        x = x.transpose(0, 1).flatten(1)
        count, mean = x.shape[1], x.mean(1)
        total, apart = self.n + count, mean - self.mean.to(mean)
        within = x.var(1, correction=0) * count
        self.square = self.square.to(mean) + within + apart**2 * (self.n * count / total)
        self.mean = mean - apart * (self.n / total)
        self.n = total

    def write(self, layer: GroupedBatchNorm) -> None:
        """Set the population mean and variance of a layer."""
        if not self.n:
            raise UsageError(
                "calibration of batch norm",
                expected="a forward pass through every layer of batch norm",
                received="none",
                remedy="Let `forward` call the module at least once.",
            )
        layer.mean.copy_(self.mean)
        layer.var.copy_(self.square / self.n)


def calibrate(module: nn.Module, forward: Callable[[], object]) -> None:
    """Measure the population mean and variance of every batch norm in `module`.

    While `forward` runs, the layers use statistics of groups, as in training, and hooks gather
    what they receive in float64. Over batches of n_i values with means m_i and variances v_i,
    mean = sum n_i m_i / n and var = sum n_i (v_i + (m_i - mean)^2) / n. Nothing else changes,
    and every layer returns to the mode it was in.

    Arguments:
        module: for example a generator.
        forward: calls the module, once or several times, on whole groups.

    Errors: UsageError if `forward` leaves a batch norm out.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, GroupedBatchNorm)]
    moments = [_Moments() for _ in layers]
    modes = [layer.training for layer in layers]
    hooks = [
        layer.register_forward_pre_hook(m.collect)
        for layer, m in zip(layers, moments, strict=True)
    ]
    with torch.no_grad():
        try:
            for layer in layers:
                layer.train()
            forward()
        finally:
            for hook, layer, mode in zip(hooks, layers, modes, strict=True):
                hook.remove()
                layer.train(mode)
        for layer, m in zip(layers, moments, strict=True):
            m.write(layer)
