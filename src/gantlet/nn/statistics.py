"""What the samples of a group tell of one another, as an input to the discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.nn.layers import linear

__all__ = ["MinibatchDiscrimination", "MinibatchStd"]


class MinibatchStd(nn.Module):
    """Minibatch standard deviation: how much the samples of a group differ, as one more channel.

    For each group of consecutive samples, s = mean over features of sqrt(Var_group(x) + 1e-8),
    one number a group, appended to each of its samples.

    Shapes: x (B, C, ...) to (B, C + 1, ...).

    Errors: UsageError if `group` is below 2, or B is no multiple of it.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        _need_company(group, "minibatch standard deviation", "minibatch_std=false")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Append the statistic."""
        _need_whole(x, self.group, "minibatch standard deviation")
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        spread = (exact.reshape(-1, self.group, *x.shape[1:]).var(1, correction=0) + 1e-8).sqrt()
        s = spread.flatten(1).mean(1).to(x.dtype)
        s = s[:, None].expand(-1, self.group).reshape(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, s.expand(-1, 1, *x.shape[2:])], 1)


class MinibatchDiscrimination(nn.Module):
    """Minibatch discrimination: how near the others of its group are to a sample, by K kernels.

    M = f T, K vectors of length C for each sample's features f; o_k(i) = sum over j of the group
    of exp(-|M_ik - M_jk|_1), appended to f. The sum holds j = i, which adds one, as the paper
    prints it: o is from 1 (no other is near) to the size of the group (all are copies).

    Shapes: f (B, F) to (B, F + K).

    Errors: UsageError if `group` is below 2, or B is no multiple of it.

    Arguments:
        features: F.
        kernels: K.
        group: samples that see one another.
        length: C.
        spectral: whether T is divided by its largest singular value.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs, https://arxiv.org/abs/1606.03498
    """

    def __init__(
        self, features: int, kernels: int, group: int, *, length: int = 5, spectral: bool = False
    ) -> None:
        super().__init__()
        _need_company(group, "minibatch discrimination", "minibatch_discrimination=0")
        self.group, self.kernels = group, kernels
        self.project = linear(features, kernels * length, bias=False, spectral=spectral)

    def forward(self, x: Tensor) -> Tensor:
        """Append the sums of the kernels."""
        _need_whole(x, self.group, "minibatch discrimination")
        weight = self.project.weight
        with torch.autocast(x.device.type, enabled=False):
            m = self.project(x.to(weight.dtype)).unflatten(1, (self.kernels, -1))
        m = m.unflatten(0, (-1, self.group))
        apart = (m[:, :, None] - m[:, None]).abs().sum(4)
        near = (-apart).exp().sum(2).flatten(0, 1)
        return torch.cat([x, near.to(x.dtype)], 1)


def _need_company(group: int, what: str, remedy: str) -> None:
    if group < 2:
        raise UsageError(
            what,
            expected="groups of at least 2 samples (or packs)",
            received=f"groups of {group}",
            remedy=f"Give a larger group, or set {remedy}.",
        )


def _need_whole(x: Tensor, group: int, what: str) -> None:
    if len(x) % group:
        raise UsageError(
            what,
            expected=f"a batch that is a multiple of the group of {group}",
            received=f"{len(x)} samples",
            remedy="Change the batch size or the group.",
        )
