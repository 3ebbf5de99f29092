"""Doubling and halving of images of any size, and the plan of sizes that networks go through.

Every function takes the size it shall arrive at. A side that already has it stays; any other is
doubled and then cut to it, or halved and rounded up. Constants stay constant up to the edges.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "average_down",
    "bilinear_down",
    "bilinear_up",
    "conv_down",
    "conv_up",
    "geometry",
    "nearest_up",
    "plan",
    "window",
]

Size = tuple[int, int]


def plan(height: int, width: int, smallest: int = 4) -> list[Size]:
    """Sizes (h, w) from the smallest grid to (height, width).

    Going down, each side of at least 2 * `smallest` is halved, rounded up, until none is left: the
    first grid has sides from `smallest` to 2 * `smallest` - 1 (or the image's own, if shorter).
    28x28 gives 7x7, 14x14, 28x28.
    """

    def halved(n: int) -> int:
        return (n + 1) // 2 if n >= 2 * smallest else n

    sizes = [(height, width)]
    while (smaller := (halved(sizes[-1][0]), halved(sizes[-1][1]))) != sizes[-1]:
        sizes.append(smaller)
    return sizes[::-1]


def geometry(small: Size, large: Size) -> tuple[Size, Size]:
    """Kernel and stride of a convolution, padded by 1, between two sizes of a plan.

    4 and 2 along a side that changes, 3 and 1 along one that does not: every pixel is reached by
    equally many weights. An odd side is padded by one pixel more going down.
    """
    grows = [a < b for a, b in zip(small, large, strict=True)]
    return (3 + grows[0], 3 + grows[1]), (1 + grows[0], 1 + grows[1])


def nearest_up(x: Tensor, size: Size) -> Tensor:
    """Each pixel twice: (B, C, h, w) to (B, C, *size)."""
    with torch.autocast(x.device.type, enabled=False):  # CUDA's would make it float32
        return _cut(F.interpolate(x, size=_doubled(x, size), mode="nearest"), size)


def average_down(x: Tensor, size: Size) -> Tensor:
    """Means of pairs, of a single pixel at an odd edge: (B, C, h, w) to (B, C, *size)."""
    kernel = tuple(2 if n > m else 1 for n, m in zip(x.shape[2:], size, strict=True))
    return F.avg_pool2d(x, kernel, ceil_mode=True)


def bilinear_up(x: Tensor, size: Size) -> Tensor:
    """Interpolate linearly between pixel centres: (B, C, h, w) to (B, C, *size).

    Along each side zeros are put between the pixels and the kernel [1, 3, 3, 1] / 4, which is
    [1, 2, 1] * [1, 1] / 4, runs over them: y_2i = (x_{i-1} + 3 x_i) / 4, y_{2i+1} = (3 x_i +
    x_{i+1}) / 4. Edge pixels are repeated outwards.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    return _cut(_bilinear(x, size=_doubled(x, size)), size)


def bilinear_down(x: Tensor, size: Size) -> Tensor:
    """Halve with the kernel [1, 3, 3, 1] / 8 along each side: (B, C, h, w) to (B, C, *size).

    y_i = (x_{2i-1} + 3 x_2i + 3 x_{2i+1} + x_{2i+2}) / 8 with edge pixels repeated outwards. This
    is the transpose of `bilinear_up`, divided by two for each side that shrinks.
    """
    for side, small in zip((2, 3), size, strict=True):
        if small < x.shape[side] < 2 * small:
            x = torch.cat([x, x.narrow(side, x.shape[side] - 1, 1)], side)
    full = (x.shape[2], x.shape[3])
    low = torch.zeros_like(x[:, :, : size[0], : size[1]])
    transpose = torch.func.vjp(partial(_bilinear, size=full), low)[1]
    y: Tensor = transpose(x)[0]
    return y / (full[0] * full[1] // (size[0] * size[1]))


def window(x: Tensor, top: Tensor, left: Tensor, size: Size) -> Tensor:
    """A window of each sample's own place: (B, C, h, w) to (B, C, *size).

    Arguments:
        x: shape (B, C, h, w).
        top, left: row and column of its upper left corner, shape (B,), int64.
        size: of the window, which lies within.
    """
    rows, columns = (
        start[:, None] + torch.arange(n, device=x.device)
        for start, n in zip((top, left), size, strict=True)
    )
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def conv_up(x: Tensor, weight: Tensor, size: Size) -> Tensor:
    """A convolution of 3x3 that doubles: (B, I, h, w) to (B, O, *size).

    Along each side that grows zeros are put between the pixels, the 3x3 runs over them, then
    [1, 3, 3, 1] / 4. Off the edges that is `bilinear_up` and then the 3x3 (filters commute), for a
    quarter of the products: zeros are left out. Outside the map is zero.

    Arguments:
        weight: shape (I, O, 3, 3), read as a transposed convolution's.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    grows = tuple(n != m for n, m in zip(x.shape[2:], size, strict=True))
    stride, padding = [1 + g for g in grows], [1 - g for g in grows]
    y = F.conv_transpose2d(x, weight, stride=stride, padding=padding)
    left, top = int(grows[1]), int(grows[0])
    return _cut(_smoothed(y, grows, (left, left, top, top), gain=2.0 ** sum(grows)), size)


def conv_down(x: Tensor, weight: Tensor, bias: Tensor | None, size: Size) -> Tensor:
    """A convolution of 3x3 that halves: (B, I, h, w) to (B, O, *size).

    Along each side that shrinks [1, 3, 3, 1] / 8 runs over the pixels, then the 3x3 over every
    second place. Off the edges that is the 3x3 and then `bilinear_down`, for a quarter of the
    products. Outside the map is zero.

    Arguments:
        weight, bias: shapes (O, I, 3, 3) and (O,), or no bias.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    shrinks = tuple(n != m for n, m in zip(x.shape[2:], size, strict=True))
    (top, bottom), (left, right) = (
        (2, 2 + n % 2) if s else (0, 0) for n, s in zip(x.shape[2:], shrinks, strict=True)
    )
    x = _smoothed(x, shrinks, (left, right, top, bottom))
    stride, padding = [1 + s for s in shrinks], [1 - s for s in shrinks]
    return F.conv2d(x, weight, bias, stride=stride, padding=padding)


def _smoothed(
    x: Tensor, sides: tuple[bool, ...], padding: tuple[int, int, int, int], gain: float = 1.0
) -> Tensor:
    """gain times [1, 3, 3, 1] / 8 along the sides that are chosen, after padding with zeros."""
    if not any(sides):
        return x
    # Made on the device: a copy from the processor would wait, and break a CUDA graph.
    taps = (4 - 2 * (torch.arange(4, device=x.device, dtype=x.dtype) - 1.5).abs()) / 8
    rows, columns = (taps if side else x.new_ones(1) for side in sides)
    kernel = (gain * rows[:, None] * columns).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(x, padding), kernel, groups=x.shape[1])


def _bilinear(x: Tensor, size: Size) -> Tensor:
    """Of x's type: CUDA's autocast computes, and would answer, in float32."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False).to(x.dtype)


def _doubled(x: Tensor, size: Size) -> Size:
    h, w = x.shape[2:]
    return (h if h == size[0] else 2 * h, w if w == size[1] else 2 * w)


def _cut(x: Tensor, size: Size) -> Tensor:
    return x[:, :, : size[0], : size[1]]
