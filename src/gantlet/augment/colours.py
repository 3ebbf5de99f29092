"""Augmentations of values in [-1, 1], 0 being the middle grey; each pixel by itself or its image.

The grey of a pixel is the mean of its three channels: its part along v = (1, 1, 1) / sqrt(3).
"""

from __future__ import annotations

import math

from torch import Tensor

from gantlet.augment.base import rows

__all__ = [
    "brightness",
    "color_brightness",
    "color_contrast",
    "color_saturation",
    "contrast",
    "hue",
    "lumaflip",
    "saturation",
]


def brightness(x: Tensor, r: Tensor) -> Tensor:
    """x + 0.2 r. r: (B, 1), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    return x + 0.2 * rows(r[:, 0], x)


def contrast(x: Tensor, r: Tensor) -> Tensor:
    """x 2^(r / 2): about the middle grey. r: (B, 1), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    return x * rows(r[:, 0] / 2, x).exp2()


def lumaflip(x: Tensor, r: Tensor) -> Tensor:
    """(I - 2 v v^T) x where r < 1/2: the grey of each pixel changes its sign, its colour stays.

    r: (B, 1), uniform.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    return x - 2 * _grey(x) * rows(r[:, 0] < 0.5, x)


def hue(x: Tensor, r: Tensor) -> Tensor:
    """Each colour turned about v by the angle (2 r - 1) pi: the grey stays. r: (B, 1), uniform.

    With m = v v^T x, the result is m + (x - m) cos + (v x x) sin (Rodrigues' formula).

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    angle = rows((2 * r[:, 0] - 1) * math.pi, x)
    grey = _grey(x)
    across = (x.roll(1, 1) - x.roll(-1, 1)) / math.sqrt(3)
    return grey + (x - grey) * angle.cos() + across * angle.sin()


def saturation(x: Tensor, r: Tensor) -> Tensor:
    """m + 2^r (x - m), with m = v v^T x the grey of each pixel. r: (B, 1), normal.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676, appendix B
    """
    grey = _grey(x)
    return grey + rows(r[:, 0], x).exp2() * (x - grey)


def color_brightness(x: Tensor, r: Tensor) -> Tensor:
    """x + r - 1/2. r: (B, 1), uniform.

    Source: Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training,
    https://arxiv.org/abs/2006.10738
    """
    return x + rows(r[:, 0] - 0.5, x)


def color_saturation(x: Tensor, r: Tensor) -> Tensor:
    """m + 2 r (x - m), with m the grey of each pixel. r: (B, 1), uniform.

    Source: Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training,
    https://arxiv.org/abs/2006.10738
    """
    grey = _grey(x)
    return grey + rows(2 * r[:, 0], x) * (x - grey)


def color_contrast(x: Tensor, r: Tensor) -> Tensor:
    """m + (1/2 + r) (x - m), with m the mean of the whole image. r: (B, 1), uniform.

    Source: Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training,
    https://arxiv.org/abs/2006.10738
    """
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + rows(0.5 + r[:, 0], x) * (x - mean)


def _grey(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)
