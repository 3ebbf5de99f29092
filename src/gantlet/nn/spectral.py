"""Layers whose weight is divided by its largest singular value, tracked by power iteration."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.nn.norms import Stepped
from gantlet.nn.tables import vectors

__all__ = ["Spectral", "SpectralConv2d", "SpectralEmbedding", "SpectralLinear"]


class Spectral(Stepped):
    """A layer that uses W / sigma with sigma = u^T W v, W as a matrix of one row per output.

    The buffers u and v approach the leading singular vectors: `advance` does one power iteration,
    v = W^T u / |W^T u|, u = W v / |W v|. Forward changes neither. Gradients pass through W in
    sigma; u and v are constants.

    Source: Miyato et al. (2018), Spectral Normalization for Generative Adversarial Networks, https://arxiv.org/abs/1802.05957
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def start(self) -> None:
        """Draw u and v, and settle."""
        rows, columns = self._matrix().shape
        self.register_buffer("u", torch.randn(rows))
        self.register_buffer("v", torch.randn(columns))
        self.settle()

    def _matrix(self) -> Tensor:
        return self.weight.flatten(1)

    def sigma(self) -> Tensor:
        """The estimate u^T W v of the largest singular value, in the weight's own precision."""
        return ((self._matrix() * self.v).sum(1) * self.u).sum()

    def normalised(self) -> Tensor:
        """W / sigma, in the shape of the weight."""
        return self.weight / self.sigma()

    @torch.no_grad()
    def advance(self) -> None:
        """One power iteration."""
        matrix = self._matrix()
        self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
        self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def settle(self, iterations: int = 20) -> None:
        """Follow a weight that was set anew."""
        for _ in range(iterations):
            self.advance()


class SpectralLinear(nn.Linear, Spectral):
    """`nn.Linear` with W / sigma."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.start()

    def forward(self, x: Tensor) -> Tensor:
        """x W^T / sigma + b, shape (B, outputs)."""
        return F.linear(x, self.normalised(), self.bias)


class SpectralConv2d(nn.Conv2d, Spectral):
    """`nn.Conv2d` with W / sigma, W of shape (outputs, inputs * height * width)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)
        self.start()

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, shape (B, outputs, H', W')."""
        y: Tensor = self._conv_forward(x, self.normalised(), self.bias)
        return y


class SpectralEmbedding(nn.Embedding, Spectral):
    """`nn.Embedding` with W / sigma."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__(classes, features)
        self.start()

    def forward(self, y: Tensor) -> Tensor:
        """The vectors of labels or conditions y, shape (B, features)."""
        return vectors(y, self.normalised())
