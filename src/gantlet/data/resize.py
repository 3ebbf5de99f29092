"""Resizing: crop, pad or stretch to the wanted aspect, by Lanczos to the wanted size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
from PIL import Image

from gantlet.data.dataset import Array
from gantlet.processors import granted_threads

__all__ = ["DONE", "Rule", "centre", "common_size", "each", "fit"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Rule = Literal["crop", "pad", "stretch"]
Box = tuple[float, float, float, float]

DONE: dict[Rule, str] = {
    "crop": "cropped to the centre and resized",
    "pad": "resized whole and padded",
    "stretch": "stretched",
}
"""What each rule does to an image, in words."""


def each(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on every item by a pool of threads, one a processor granted; results in order."""
    with ThreadPoolExecutor(max_workers=granted_threads()) as pool:
        return list(pool.map(work, items))


def fit(
    image: Array,
    size: tuple[int, int],
    rule: Rule = "crop",
    *,
    alpha: bool = False,
    paper: float | None = None,
) -> Array:
    """An image of shape (H, W, C) at `size` (h, w), of the same type and within the same range.

    crop: of the largest centred part of sides (h s, w s), s = min(H / h, W / w). pad: the whole
    at sides (H / s, W / s), s = max(H / h, W / w), rounded, in the middle of `paper`. stretch: the
    whole. Source of the filter: Lanczos (1964), as implemented by Pillow with support 3 and
    antialiasing.

    Arguments:
        alpha: the last of four channels is opacity, by which the colours are weighted.
        paper: value around a padded image; 0, for real numbers the least of the image, if none.
    """
    (height, width), (h, w) = image.shape[:2], size
    if (height, width) == size:
        return image
    if rule == "pad":
        scale = max(height / h, width / w)
        inner = max(1, round(height / scale)), max(1, round(width / scale))
        whole = _scaled(image, inner, (0, 0, width, height), alpha)
        return _padded(whole, size, _paper(image) if paper is None else paper)
    if rule == "stretch":
        return _scaled(image, size, (0, 0, width, height), alpha)
    return _scaled(image, size, centre((height, width), size), alpha)


def centre(whole: tuple[int, int], size: tuple[int, int]) -> Box:
    """The largest centred part of an image that has the aspect of `size`, never beyond its sides.

    Without the bounds rounding leads beyond them, as to -1.8e-15, which Pillow refuses.
    """
    (height, width), (h, w) = whole, size
    scale = min(height / h, width / w)
    left, top = max(0.0, (width - w * scale) / 2), max(0.0, (height - h * scale) / 2)
    return left, top, min(left + w * scale, width), min(top + h * scale, height)


def _paper(image: Array) -> float:
    return float(image.min()) if image.dtype.kind == "f" else 0


def _padded(image: Array, size: tuple[int, int], paper: float) -> Array:
    sheet = np.full((*size, image.shape[2]), paper, image.dtype)
    top, left = ((whole - part) // 2 for whole, part in zip(size, image.shape, strict=False))
    sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def _scaled(image: Array, size: tuple[int, int], box: Box, alpha: bool) -> Array:
    """The part of an image within `box` (left, top, right, bottom) at `size`."""
    channels = image.shape[2]
    if image.dtype == np.uint8 and channels in ((1, 3, 4) if alpha else (1, 3)):
        whole = Image.fromarray(image[..., 0] if channels == 1 else image)
        small = whole.resize(size[::-1], Image.Resampling.LANCZOS, box)
        return np.asarray(small).reshape(*size, channels)
    planes = [_plane(image[..., c], size, box) for c in range(channels)]
    return np.stack(planes, axis=-1)


def _plane(plane: Array, size: tuple[int, int], box: Box) -> Array:
    """One channel of any type, by way of float32; Lanczos overshoots, so the range is kept."""
    whole = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    values = np.asarray(whole.resize(size[::-1], Image.Resampling.LANCZOS, box))
    values = values.clip(plane.min(), plane.max())
    return (values if plane.dtype.kind == "f" else np.rint(values)).astype(plane.dtype)


def common_size(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """One size for images of many: the commonest where at least half have it, else the medians.

    The median of heights and the median of widths are taken apart, the lower one of two.
    """
    counts = Counter(sizes)
    size, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    total = counts.total()
    if 2 * count >= total:
        return size
    heights, widths = (sorted(side) for side in zip(*counts.elements(), strict=True))
    return heights[(total - 1) // 2], widths[(total - 1) // 2]
