"""Where decoded samples live: in memory when they are few, else in a memory map in the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gantlet.data.dataset import Array
from gantlet.errors import UsageError

__all__ = ["RESIDENT", "stored"]

RESIDENT = 2**30
"""Bytes up to which decoded samples stay in memory: 1 GiB."""


def stored(
    shape: tuple[int, ...],
    dtype: str,
    fill: Callable[[Array], None],
    *,
    cache: Path | None,
    key: str = "",
) -> Array:
    """An array that `fill` has written, in memory or, above `RESIDENT`, in `cache/data.npy`.

    Arguments:
        shape, dtype: of the array.
        fill: writes every element.
        cache: folder of the memory map; made if it is missing.
        key: names the content; a map that was finished under the same key is used again.

    Raises:
        UsageError: the array is large and there is no cache, or no space for it.
    """
    size = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
    if size <= RESIDENT:
        array = np.empty(shape, dtype)
        fill(array)
        return array
    if cache is None:
        raise UsageError(
            f"decoded data of {size / 2**30:.1f} GiB",
            expected=f"at most {RESIDENT / 2**30:.1f} GiB without a cache folder",
            remedy="Give a folder on a disk with space (cache=...), or smaller images (data.size)",
        )
    path, finished = cache / "data.npy", cache / "data.key"
    if not (key and path.exists() and finished.exists() and finished.read_text() == key):
        _write(path, finished, shape, dtype, fill, size, key)
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _write(
    path: Path,
    finished: Path,
    shape: tuple[int, ...],
    dtype: str,
    fill: Callable[[Array], None],
    size: int,
    key: str,
) -> None:
    """Fills a new map beside `path`, then puts it in place; `finished` is written last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    finished.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < size + 2**20:
        raise UsageError(
            f"the cache folder {path.parent}",
            expected=f"{size / 2**30:.2f} GiB of free space",
            received=f"{free / 2**30:.2f} GiB",
            remedy="Free some space, choose another folder, or set a smaller data.size",
        )
    part = path.with_suffix(".part")
    try:
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.dtype(dtype), shape=shape)
        fill(array)
        array.flush()
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    finished.write_text(key)
