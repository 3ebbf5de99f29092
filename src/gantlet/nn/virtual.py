"""Virtual batch norm: statistics of a reference batch that is chosen once, and of oneself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Referenced", "VirtualBatchNorm"]


class VirtualBatchNorm(nn.Module):
    """w (x - m) / sqrt(v + eps) + b, with m and v of the reference batch and the sample itself.

    The first R rows of a batch are the reference (`Referenced` puts them there), which is
    normalised by its own mean and variance m_r and v_r. Every other sample counts as one more of
    R + 1: with mean and variance m_x and v_x of its positions, m = (m_x + R m_r) / (R + 1) and
    v = (v_x + R v_r) / (R + 1) + R (m_x - m_r)^2 / (R + 1)^2. So no sample sees another, in
    training and in evaluation alike.

    Shapes: x (R + B, C), (R + B, C, L) or (R + B, C, H, W); the result has the same.

    Arguments:
        channels: C.
        reference: R.
        affine: whether there are a learned gain w and bias b.
        eps: added to the variance.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs, https://arxiv.org/abs/1606.03498
    """

    def __init__(
        self, channels: int, reference: int, *, affine: bool = True, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.reference, self.eps = reference, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise x; `condition` is for ConditionalBatchNorm and plays no part here."""
        mean, var = self._statistics(x.to(torch.promote_types(x.dtype, torch.float32)))
        scale = (var + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        scale, shift = (t.to(x.dtype)[(..., *[None] * (x.dim() - 2))] for t in (scale, shift))
        return torch.addcmul(shift, x, scale)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance by which each row is normalised, (R + B, C) each."""
        n, values = self.reference, x.flatten(2) if x.dim() > 2 else x[:, :, None]
        mean, var = values.mean(2), values.var(2, correction=0)
        m = mean[:n].mean(0, keepdim=True)
        v = var[:n].mean(0, keepdim=True) + mean[:n].var(0, correction=0, keepdim=True)
        apart = (mean[n:] - m).square() * (n / (n + 1) ** 2)
        means = torch.cat([m.expand(n, -1), (mean[n:] + n * m) / (n + 1)])
        return means, torch.cat([v.expand(n, -1), (var[n:] + n * v) / (n + 1) + apart])


class Referenced(nn.Module):
    """A generator whose every batch begins with the same reference, which is cut off again.

    The reference, R latents and their labels, is drawn when the module is made and kept in
    buffers: checkpoints and bundles hold it.

    Arguments:
        generator: called as G(z, y), with `VirtualBatchNorm` for R = `reference` inside.
        latent: length of z.
        reference: R.
        y: labels or conditions of the reference, R of them; None without.
    """

    z: Tensor
    y: Tensor

    def __init__(
        self, generator: nn.Module, latent: int, reference: int, y: Tensor | None
    ) -> None:
        super().__init__()
        self.generator, self.size = generator, reference
        self.register_buffer("z", torch.randn(reference, latent))
        self.register_buffer("y", torch.zeros(reference, dtype=torch.int64) if y is None else y)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, latent), y (B,) to x (B, C, H, W)."""
        labels = None if y is None else torch.cat([self.y, y])
        x: Tensor = self.generator(torch.cat([self.z.to(z.dtype), z]), labels)
        return x[self.size :]
