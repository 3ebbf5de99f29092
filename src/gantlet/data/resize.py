"""Resizing: the largest centred crop of the wanted aspect, then Lanczos to the wanted size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from PIL import Image

from gantlet.data.dataset import Array
from gantlet.processors import granted_threads

__all__ = ["common_size", "each", "fit"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on every item by a pool of threads, one a processor granted; results in order."""
    with ThreadPoolExecutor(max_workers=granted_threads()) as pool:
        return list(pool.map(work, items))


def fit(image: Array, size: tuple[int, int], alpha: bool = False) -> Array:
    """An image of shape (H, W, C) at `size` (h, w), of the same type and within the same range.

    The crop has sides (h s, w s) with s = min(H / h, W / w). With `alpha` the last of four
    channels is opacity, by which the colours are weighted. Source of the filter: Lanczos
    (1964), as implemented by Pillow with support 3 and antialiasing.
    """
    height, width, channels = image.shape
    if (height, width) == size:
        return image
    h, w = size
    scale = min(height / h, width / w)
    left, top = (width - w * scale) / 2, (height - h * scale) / 2
    box = (left, top, left + w * scale, top + h * scale)
    if image.dtype == np.uint8 and channels in ((1, 3, 4) if alpha else (1, 3)):
        whole = Image.fromarray(image[..., 0] if channels == 1 else image)
        return np.asarray(whole.resize((w, h), Image.Resampling.LANCZOS, box)).reshape(h, w, -1)
    planes = [_plane(image[..., c], size, box) for c in range(channels)]
    return np.stack(planes, axis=-1)


def _plane(plane: Array, size: tuple[int, int], box: tuple[float, float, float, float]) -> Array:
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
