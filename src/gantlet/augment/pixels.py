"""Augmentations by whole pixels: every value of the result is one of x, or 0."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantlet.augment.base import rows

__all__ = ["cutout", "reflected", "rotate90", "translation", "xflip", "xint"]

_SHIFT = 0.125
"""Largest translation, as a share of the side."""


def xflip(x: Tensor, r: Tensor) -> Tensor:
    """Mirrored left to right where r < 1/2. r: (B, 1), uniform.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    return torch.where(rows(r[:, 0] < 0.5, x), x.flip(3), x)


def rotate90(x: Tensor, r: Tensor) -> Tensor:
    """Turned by floor(4 r) quarters, to the left; sides that differ: by floor(2 r) halves.

    r: (B, 1), uniform.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    quarters = (1, 2, 3) if x.shape[2] == x.shape[3] else (2,)
    turn = (r[:, 0] * (len(quarters) + 1)).floor()
    turned = x
    for number, quarter in enumerate(quarters, start=1):
        turned = torch.where(rows(turn == number, x), x.rot90(quarter, (2, 3)), turned)
    return turned


def xint(x: Tensor, r: Tensor) -> Tensor:
    """Moved by whole pixels, up to an eighth of each side; what comes in is a reflection.

    The shift is (2 r - 1) / 8 of the side, rounded. r: (B, 2) for (down, right), uniform.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    for side, share in ((2, r[:, 0]), (3, r[:, 1])):
        n = x.shape[side]
        shift = ((2 * share - 1) * (_SHIFT * n)).round().long()
        x = _picked(x, reflected(_positions(x, side) - shift[:, None], n), side)
    return x


def translation(x: Tensor, r: Tensor) -> Tensor:
    """Moved by whole pixels, up to an eighth of each side; what comes in is 0.

    All shifts from -s to s, s = round(side / 8), are equally likely. r: (B, 2) for (down, right),
    uniform.

    Source: Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training,
    https://arxiv.org/abs/2006.10738
    """
    for side, share in ((2, r[:, 0]), (3, r[:, 1])):
        n = x.shape[side]
        most = math.floor(_SHIFT * n + 0.5)
        shift = (share * (2 * most + 1)).floor().long() - most
        index = _positions(x, side) - shift[:, None]
        inside = _along((index >= 0) & (index < n), side)
        x = torch.where(inside, _picked(x, index.clamp(0, n - 1), side), 0)
    return x


def cutout(x: Tensor, r: Tensor) -> Tensor:
    """A rectangle of half of each side set to 0, its middle anywhere; what sticks out is lost.

    Of a side of n pixels, n' = round(n / 2) are cut, from floor(r (n + 1 - n' mod 2)) -
    floor(n' / 2) on: as far over one edge as over the other. Kept wholly inside, the rectangle
    would always hide the middle of the image. r: (B, 2), uniform.

    Source: Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training,
    https://arxiv.org/abs/2006.10738; DeVries and Taylor (2017), Improved Regularization of
    Convolutional Neural Networks with Cutout, https://arxiv.org/abs/1708.04552
    """
    cut = torch.ones((), dtype=torch.bool, device=x.device)
    for side, share in ((2, r[:, 0]), (3, r[:, 1])):
        n = x.shape[side]
        length = math.floor(n / 2 + 0.5)
        places = n + 1 - length % 2
        start = (share * places).floor().long()[:, None] - length // 2
        index = _positions(x, side)
        cut = cut & _along((index >= start) & (index < start + length), side)
    return torch.where(cut, 0, x)


def reflected(index: Tensor, n: int) -> Tensor:
    """Any integer index as one of 0 ... n - 1, by reflection about the edge pixels."""
    if n == 1:
        return torch.zeros_like(index)
    period = 2 * (n - 1)
    index = index.remainder(period)
    return torch.minimum(index, period - index)


def _positions(x: Tensor, side: int) -> Tensor:
    return torch.arange(x.shape[side], device=x.device)[None]


def _along(t: Tensor, side: int) -> Tensor:
    """(B, n) along the rows (side 2) or the columns (side 3) of images."""
    return t[:, None, :, None] if side == 2 else t[:, None, None, :]


def _picked(x: Tensor, index: Tensor, side: int) -> Tensor:
    """Rows or columns of each image by index, (B, n)."""
    return x.gather(side, _along(index, side).expand_as(x))
