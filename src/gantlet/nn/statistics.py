"""Statistics of a group of samples as an input to the discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantlet.errors import UsageError

__all__ = ["MinibatchStd"]


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
        if group < 2:
            raise UsageError(
                "minibatch standard deviation",
                expected="groups of at least 2 samples (or packs)",
                received=f"groups of {group}",
                remedy="Give a larger group, or set minibatch_std=false.",
            )
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Append the statistic."""
        if len(x) % self.group:
            raise UsageError(
                "minibatch standard deviation",
                expected=f"a batch that is a multiple of the group of {self.group}",
                received=f"{len(x)} samples",
                remedy="Change the batch size or the group.",
            )
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        spread = (exact.reshape(-1, self.group, *x.shape[1:]).var(1, correction=0) + 1e-8).sqrt()
        s = spread.flatten(1).mean(1).to(x.dtype)
        s = s[:, None].expand(-1, self.group).reshape(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, s.expand(-1, 1, *x.shape[2:])], 1)
