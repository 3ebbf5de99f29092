"""Augmentations by affine maps of the plane: their inverse maps, and one sampling for all."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantlet.augment.base import Probability
from gantlet.augment.pixels import reflected

__all__ = ["aniso", "one_of_two", "rotate", "scale", "warped", "xfrac"]

Size = tuple[int, int]


def scale(r: Tensor, size: Size) -> Tensor:
    """Enlarged by s = 2^(0.2 r) about the centre. r: (B, 1), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    shrink = (-0.2 * r[:, 0]).exp2()
    return _affine(shrink, 0 * shrink, 0 * shrink, shrink)


def rotate(r: Tensor, size: Size) -> Tensor:
    """Turned about the centre by (2 r - 1) pi. r: (B, 1), uniform.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    angle = (2 * r[:, 0] - 1) * math.pi
    cos, sin = angle.cos(), angle.sin()
    return _affine(cos, sin, -sin, cos)


def aniso(r: Tensor, size: Size) -> Tensor:
    """Enlarged along x by s = 2^(0.2 r), along y by 1 / s. r: (B, 1), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    stretch = (0.2 * r[:, 0]).exp2()
    return _affine(1 / stretch, 0 * stretch, 0 * stretch, stretch)


def xfrac(r: Tensor, size: Size) -> Tensor:
    """Moved by an eighth of the side times r. r: (B, 2) for (right, down), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    height, width = size
    one = torch.ones_like(r[:, 0])
    return _affine(one, 0 * one, 0 * one, one, -width * r[:, 0] / 8, -height * r[:, 1] / 8)


def one_of_two(p: Probability) -> Probability:
    """q = 1 - sqrt(1 - p): of two trials with probability q, one or both happen with p."""
    q: Probability = 1 - (1 - p) ** 0.5
    return q


def warped(x: Tensor, inverse: Tensor) -> Tensor:
    """x at the old position of each pixel, by cubic convolution of 4 x 4 pixels.

    Outside, the image is continued by reflection. The weights of a pixel at distance t along a
    side are Keys' kernel with a = -1/2: exact for quadratics away from the edges, and x itself
    under the identity. The paper enlarges twice by a wavelet and samples linearly; this blurs as
    little, without its filters. Gathering has a derivative of every order.

    Arguments:
        x: shape (B, C, H, W).
        inverse: shape (B, 3, 3), from new positions (x, y, 1) to old ones, in pixels from the
            centre.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B; Keys (1981), Cubic Convolution Interpolation for
    Digital Image Processing, https://doi.org/10.1109/TASSP.1981.1163711
    """
    height, width = x.shape[2:]
    down, right = _centred(height, inverse)[:, None], _centred(width, inverse)[None]
    m = inverse[:, :, :, None, None]
    columns, weights_x = _taps(m[:, 0, 0] * right + m[:, 0, 1] * down + m[:, 0, 2], width)
    lines, weights_y = _taps(m[:, 1, 0] * right + m[:, 1, 1] * down + m[:, 1, 2], height)
    flat, total = x.flatten(2), torch.zeros_like(x)
    for i, weight_y in zip(lines, weights_y, strict=True):
        for j, weight_x in zip(columns, weights_x, strict=True):
            index = (i * width + j).flatten(1)[:, None].expand(-1, x.shape[1], -1)
            total = total + (weight_y * weight_x)[:, None] * flat.gather(2, index).view_as(x)
    return total


def _taps(position: Tensor, n: int) -> tuple[list[Tensor], list[Tensor]]:
    """The four pixels around positions from the centre, and their weights, each (B, H, W)."""
    position = position + (n - 1) / 2
    first = position.floor()
    t = position - first
    index = first.long()
    offsets = (-1, 0, 1, 2)
    return [reflected(index + k, n) for k in offsets], [_keys((t - k).abs()) for k in offsets]


def _keys(t: Tensor) -> Tensor:
    """Keys' cubic kernel at |t| <= 2."""
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((2.5 - 0.5 * t) * t - 4) * t + 2
    return torch.where(t <= 1, near, far)


def _centred(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, dtype=like.dtype, device=like.device) - (n - 1) / 2


def _affine(
    xx: Tensor,
    xy: Tensor,
    yx: Tensor,
    yy: Tensor,
    x: Tensor | None = None,
    y: Tensor | None = None,
) -> Tensor:
    """(B, 3, 3) from its upper rows, (B,) each."""
    zero, one = torch.zeros_like(xx), torch.ones_like(xx)
    entries = [xx, xy, zero if x is None else x, yx, yy, zero if y is None else y, zero, zero, one]
    return torch.stack(entries, 1).reshape(-1, 3, 3)
