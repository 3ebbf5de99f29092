"""Historical averaging: each player stays near the mean of what its weights have been."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["History"]


class History(nn.Module):
    """The mean of a player's weights over its past steps, one buffer for each weight.

    m_t = m_(t-1) + (theta_t - m_(t-1)) / t, so that m_t = (theta_1 + ... + theta_t) / t after t
    steps. It moves in `take` alone.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs, https://arxiv.org/abs/1606.03498
    """

    count: Tensor

    def __init__(self, weights: Iterable[Tensor]) -> None:
        super().__init__()
        for i, weight in enumerate(weights):
            self.register_buffer(f"mean{i}", torch.zeros_like(weight, requires_grad=False))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def _means(self) -> list[Tensor]:
        return [mean for name, mean in self.named_buffers() if name != "count"]

    def distance(self, weights: Iterable[Tensor]) -> Tensor:
        """||theta - mean||^2 over all weights, a scalar; 0 before the first step."""
        gaps = [
            (weight - mean).square().sum()
            for weight, mean in zip(weights, self._means(), strict=True)
        ]
        return torch.stack(gaps).sum() * (self.count > 0)

    @torch.no_grad()
    def take(self, weights: Iterable[Tensor]) -> None:
        """Count the weights after a step."""
        self.count += 1
        for weight, mean in zip(weights, self._means(), strict=True):
            mean.add_((weight - mean) / self.count)
