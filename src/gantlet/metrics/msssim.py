"""Multi-scale structural similarity of images, and how alike the samples of a class are."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, mean_of
from gantlet.metrics.neighbours import exact
from gantlet.rng import permutation

__all__ = ["ms_ssim", "scales", "similarity_within"]

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_SMALLEST = 7
"""Side of an image below which a window has too few pixels for a variance."""
_PIXELS = 2**22
"""Numbers of one batch of images."""


def scales(height: int, width: int) -> int:
    """How many scales, each half the one before, still hold a window of 11 x 11: 1 to 5."""
    fitting = math.floor(math.log2(max(1, min(height, width) / _WINDOW)))
    return min(fitting + 1, len(_WEIGHTS))


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    r"""MS-SSIM of pairs of images, (N, C, H, W) twice -> (N,) in float64; 1 for equal images.

    With Gaussian windows of 11 x 11 and sigma 1.5 inside the image, local means \mu, variances
    \sigma^2 and the covariance \sigma_{xy}, each scale has the averages over windows of

        l = (2 \mu_x \mu_y + C_1) / (\mu_x^2 + \mu_y^2 + C_1),
        cs = (2 \sigma_{xy} + C_2) / (\sigma_x^2 + \sigma_y^2 + C_2),

    C_1 = 0.01^2, C_2 = 0.03^2, and images are averaged over 2 x 2 pixels from one scale to the
    next. The answer is the product of cs^w over all scales but the coarsest and of (l cs)^w, the
    product averaged over windows, at that one; negative averages count as 0. Channels are
    averaged.

    The paper's five scales take images of 176 x 176. Smaller ones have the first `scales` only,
    with their weights over the weights' sum: two for 28 x 28, with 0.136 and 0.864. Below
    11 x 11 the window shrinks to the shorter side, sigma in proportion.

    Arguments:
        x, y: in [0, 1], at least 7 x 7 pixels.

    Raises:
        UsageError: shapes differ or are too small, or numbers are not in [0, 1].

    Source: Wang et al. (2003), Multi-Scale Structural Similarity for Image Quality Assessment,
    https://doi.org/10.1109/ACSSC.2003.1292216
    """
    if x.shape != y.shape:
        received = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise UsageError("MS-SSIM", expected="images of one shape", received=received)
    for images in (x, y):
        _check_images(images)
    size = max(1, _PIXELS // math.prod(x.shape[1:]))
    return torch.cat(
        [_products(exact(a), exact(b)) for a, b in zip(x.split(size), y.split(size), strict=True)]
    )


def _check_images(x: Tensor) -> None:
    if x.ndim != 4 or min(x.shape[2:]) < _SMALLEST or not x.shape[0] * x.shape[1]:
        raise UsageError(
            "MS-SSIM",
            expected=f"images (N, C, H, W) of at least {_SMALLEST} x {_SMALLEST} pixels",
            received=f"shape {tuple(x.shape)}",
        )
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 1):
        received = f"{float(low):.4g} to {float(high):.4g}"
        raise UsageError("MS-SSIM", expected="numbers in [0, 1]", received=received)


def _products(x: Tensor, y: Tensor) -> Tensor:
    n, channels = x.shape[:2]
    x, y = x.flatten(0, 1)[:, None], y.flatten(0, 1)[:, None]
    count = scales(*x.shape[2:])
    window = _window(min(_WINDOW, *x.shape[2:])).to(x)
    product = x.new_ones(len(x))
    for scale, weight in enumerate(_WEIGHTS[:count]):
        if scale:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
        both, structure = _similarities(x, y, window)
        factor = both if scale == count - 1 else structure
        product *= factor.clamp_min(0) ** (weight / sum(_WEIGHTS[:count]))
    return product.view(n, channels).mean(1)


def _window(size: int) -> Tensor:
    """One side of the Gaussian window, (size,), sums to 1."""
    offset = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-((offset * _WINDOW / (size * _SIGMA)) ** 2) / 2)
    return weights / weights.sum()


def _similarities(x: Tensor, y: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Averages over windows of l cs and of cs, (B, 1, H, W) twice -> (B,) twice."""
    moments = torch.cat([x, y, x * x, y * y, x * y])
    smooth = conv2d(conv2d(moments, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
    mean_x, mean_y, xx, yy, xy = smooth.chunk(5)
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    covariance, variances = xy - mean_x * mean_y, xx - mean_x**2 + yy - mean_y**2
    structure = (2 * covariance + _C2) / (variances + _C2)
    return (luminance * structure).flatten(1).mean(1), structure.flatten(1).mean(1)


def similarity_within(images: Tensor, labels: Tensor | None = None, seed: int = 0) -> Estimate:
    """Mean MS-SSIM of pairs of samples of one class: the lower, the more diverse.

    Each image stands in one pair at most, so that pairs are independent and the interval is that
    of a mean. They are drawn by `seed`; classes weigh as they are frequent. There is no value
    that a perfect sampler has: compare with real data.

    Arguments:
        images: shape (N, C, H, W) in [0, 1].
        labels: class of each, shape (N,); without them all are of one class.

    Raises:
        UsageError: fewer than two pairs, and as `ms_ssim`.

    Source: Odena et al. (2017), Conditional Image Synthesis with Auxiliary Classifier GANs,
    https://arxiv.org/abs/1610.09585
    """
    y = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels.cpu()
    if y.shape != images.shape[:1]:
        expected, received = f"{len(images)} labels", f"shape {tuple(y.shape)}"
        raise UsageError("diversity within classes", expected=expected, received=received)
    pairs = _pairs(y, permutation(seed, "ms-ssim", 0, len(y)))
    if len(pairs) < 2:
        raise UsageError(
            "diversity within classes",
            expected="at least two pairs of images of one class",
            received=f"{len(images)} images with {len(pairs)} pairs",
        )
    first, second = pairs.to(images.device).unbind(1)
    return mean_of(ms_ssim(images[first], images[second]))


def _pairs(labels: Tensor, order: Tensor) -> Tensor:
    """Neighbours in the order, within each class, (N,) twice -> (P, 2)."""
    members = [order[labels[order] == c] for c in labels.unique()]
    return torch.cat([m[: len(m) // 2 * 2].view(-1, 2) for m in members])
