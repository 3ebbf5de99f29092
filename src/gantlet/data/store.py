"""Where decoded samples live: in memory when they are few, else in a memory map in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from gantlet.data.dataset import Array
from gantlet.errors import UsageError

__all__ = ["RESIDENT", "NoSpaceError", "check_space", "stored"]

RESIDENT = 2**30
"""Bytes up to which decoded samples stay in memory: 1 GiB."""
_ABANDONED = 24 * 3600
"""Seconds after which a draft counts as left behind by a process that was killed."""


class NoSpaceError(UsageError):
    """A disk without room for what is to be written."""


def stored(
    shape: tuple[int, ...],
    dtype: str,
    fill: Callable[[Array], None],
    *,
    cache: Path | None,
    step: str,
    key: str = "",
    resident: int | None = None,
) -> Array:
    """An array that `fill` has written, in memory or, above `resident`, as a map in `cache`.

    The name of the map tells step and content, and the map appears under it when it is whole, so
    that processes may share a cache. It takes the place of the step's earlier maps.

    Arguments:
        shape, dtype: of the array.
        fill: writes every element.
        cache: folder of the memory map; made if it is missing.
        step: what is done to the samples, one word: begins the name of the map.
        key: tells the content; a map with the same key, shape and type is used again. Without
            one the map has no name and goes when it is no longer used.
        resident: bytes up to which it stays in memory; `RESIDENT` if none are given.

    Raises:
        UsageError: the array is large and there is no cache, or no space for it.
    """
    size = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
    limit = RESIDENT if resident is None else resident
    if size <= limit:
        array = np.empty(shape, dtype)
        fill(array)
        return array
    if cache is None:
        raise UsageError(
            f"decoded data of {size / 2**30:.1f} GiB",
            expected=f"at most {limit / 2**30:.1f} GiB without a cache folder",
            remedy="Give a folder on a disk with space (cache=...), or smaller images (data.size)",
        )
    content = repr((key, shape, dtype)).encode()
    path = cache / f"{step}-{hashlib.blake2b(content, digest_size=16).hexdigest()}.npy"
    with suppress(FileNotFoundError, ValueError, EOFError):  # not there yet, or damaged
        if key:
            return _mapped(path)
    cache.mkdir(parents=True, exist_ok=True)
    _tidy(cache, step)
    check_space(cache, size)
    draft = path.with_suffix(f".{os.getpid()}.part")
    try:
        written = _written(draft, shape, dtype, fill)
        if key:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return written


def _mapped(path: Path) -> Array:
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _written(
    draft: Path, shape: tuple[int, ...], dtype: str, fill: Callable[[Array], None]
) -> Array:
    """A new map, filled and opened for reading, which it stays under any name or none."""
    array = np.lib.format.open_memmap(draft, mode="w+", dtype=np.dtype(dtype), shape=shape)
    fill(array)
    array.flush()
    return _mapped(draft)


def _tidy(cache: Path, step: str) -> None:
    """Removes the step's earlier maps, which processes that read them keep, and old drafts."""
    now = time.time()
    for path in (*cache.glob(f"{step}-*.npy"), *cache.glob("*.part")):
        with suppress(FileNotFoundError):  # another process was faster
            if path.suffix == ".npy" or now - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def check_space(cache: Path, size: int) -> None:
    """Refuses to begin what a folder's disk has no room for. Raises NoSpaceError."""
    free = shutil.disk_usage(cache).free
    if free < size + 2**20:
        raise NoSpaceError(
            f"the folder {cache}",
            expected=f"{size / 2**30:.2f} GiB of free space",
            received=f"{free / 2**30:.2f} GiB",
            remedy="Free some space, choose another folder, or set a smaller data.size",
        )
