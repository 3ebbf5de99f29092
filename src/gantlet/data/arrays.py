"""Arrays: `.npy` and `.npz` files, and arrays and tensors in Python.

(N,) and (N, D) are points. (N, H, W) are images of one channel. Of (N, A, B, C) the channels are
the axis that `data.channels` names; else the one of axes 1 and 3 that has at most 4 entries;
failing that, of square images, the odd one.
"""

from __future__ import annotations

import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gantlet.data.archive import check_members
from gantlet.data.assemble import assemble, ceiling, extent, slug, stamp
from gantlet.data.dataset import Array, Dataset, Labels, chunks
from gantlet.data.layout import natural
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError

__all__ = ["from_arrays", "label_codes", "open_npy", "open_npz"]

_WHOLE = 2.0**53
"""Real numbers below are whole where they look it."""
_SAMPLES, _LABELS = ("x", "images", "data", "arr_0"), ("y", "labels")
_FAULTS = (
    *(ValueError, OSError, EOFError, MemoryError, OverflowError, NotImplementedError),
    *(TypeError, SyntaxError, tokenize.TokenError),  # in headers, which are Python literals
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What NumPy and zipfile raise on damaged files."""
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def open_npy(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """One array, mapped into memory and not read whole."""
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
        x = np.load(path, mmap_mode="r", allow_pickle=False)
    except _FAULTS as error:
        raise _unreadable(path, error) from error
    return from_arrays(
        x, None, name=slug(path.stem), settings=settings, cache=cache, key=stamp(path)
    )


def open_npz(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """Samples under `x`, `images`, `data` or `arr_0` (or alone), labels under `y` or `labels`."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, str(path), "Save the array with np.save as .npy")
            names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
            x = _member(archive, _pick(names, _SAMPLES, path))
            y_name = next((name for name in _LABELS if name in names), None)
            y = None if y_name is None else _member(archive, y_name)
    except _FAULTS as error:
        raise _unreadable(path, error) from error
    return from_arrays(x, y, name=slug(path.stem), settings=settings, cache=cache, key=stamp(path))


def _member(archive: zipfile.ZipFile, name: str) -> Array:
    """One array; memory is taken for it once header and member agree on its size.

    An array of few values may shrink a thousandfold, so the ratio tells nothing here.
    """
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of the format, which is for records")
        shape, _, dtype = _HEADERS[version](stream)
        size = stream.tell() + math.prod(shape) * dtype.itemsize
    if size != info.file_size and not dtype.hasobject:
        raise ValueError(f"a header that says {size:,} bytes in a file of {info.file_size:,}")
    with archive.open(info) as stream:
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _pick(names: Sequence[str], wanted: Sequence[str], path: Path) -> str:
    found = [name for name in wanted if name in names] or [n for n in names if len(names) == 1]
    if not found:
        raise UsageError(
            str(path),
            expected=f"an array named {', '.join(wanted)}",
            received=", ".join(names) or "no arrays",
            remedy="Save it again with np.savez(path, x=samples, y=labels)",
        )
    return found[0]


def _unreadable(path: Path, error: Exception) -> UsageError:
    objects = "pickle" in str(error) or "Python objects" in str(error) or "Object" in str(error)
    received = "Python objects, which are never unpickled" if objects else f"a fault: {error}"
    return UsageError(
        str(path),
        expected="an array of numbers as np.save or np.savez write it",
        received=received,
        remedy="Convert it with np.asarray(x, dtype=...) to one shape and type, and save it again",
    )


def from_arrays(
    x: Array,
    y: Array | None,
    *,
    name: str,
    settings: DataSettings,
    cache: Path | None = None,
    key: str = "",
    notes: Sequence[str] = (),
) -> Dataset:
    """Samples and labels of any accepted shape and type; `uint8` and `float32` are not copied.

    Raises:
        UsageError: the shape, type or a value cannot be used, or labels do not match.
    """
    if x.dtype.kind not in "buif":
        raise UsageError(
            f"the data {name!r}",
            expected="numbers",
            received=f"values of type {x.dtype}",
            remedy="Convert them with np.asarray(x, dtype=np.float32)",
        )
    if 0 in x.shape or not 1 <= x.ndim <= 4:
        raise UsageError(
            f"the data {name!r}",
            expected="samples of shape (N, H, W), (N, C, H, W), (N, H, W, C), (N, D) or (N,)",
            received=f"shape {x.shape}" + " without values" * (0 in x.shape),
            remedy="Reshape the array",
        )
    if settings.channels != "auto" and x.ndim < 4:
        raise UsageError(
            "setting data.channels",
            expected=f"auto for data of shape {x.shape}, which have no axis of channels",
            received=settings.channels,
            remedy="Leave it away, or give an array of shape (N, C, H, W) or (N, H, W, C)",
        )
    points = x.ndim < 3
    values = _converted(x, points, name, cache, key)
    low, high = _range(values, x.dtype == bool, points)
    said = [*notes]
    if high not in (255, 65535) or points:
        said.append(f"Values from {low:g} to {high:g} are brought to -1 to 1 for training.")
    raw = values.reshape(len(values), -1) if points else _channels_first(values, name, settings)
    classes, codes = ((), None) if y is None else label_codes(y, len(x))
    return assemble(
        raw,
        codes,
        classes=classes,
        low=low,
        high=high,
        name=name,
        settings=settings,
        notes=said,
        cache=cache,
        key=f"{key}, channels {settings.channels}" if key else "",
    )


def _converted(x: Array, points: bool, name: str, cache: Path | None, key: str) -> Array:
    """Samples as uint8, uint16 or float32 in the order of this machine's bytes."""
    dtype = _target(x, points, name)
    if x.dtype == np.dtype(dtype):
        return x
    if x.dtype == bool and dtype == "uint8":
        return x.view(np.uint8)

    def fill(out: Array) -> None:
        for part in chunks(x):
            with np.errstate(over="ignore"):  # an overflow is found as infinity by `extent`
                out[part] = x[part]

    return stored(x.shape, dtype, fill, cache=cache, step="converted", key=key)


def _target(x: Array, points: bool, name: str) -> str:
    if x.dtype.kind == "f" or points:
        return "float32"
    if x.dtype.kind == "b" or x.dtype == np.uint8:
        return "uint8"
    low, high = extent(x)
    if low < 0 or high > 65535:
        raise UsageError(
            f"the images {name!r}",
            expected="whole numbers in 0..255 or 0..65535",
            received=f"{low:g} to {high:g}",
            remedy="Convert them to float32, whose range is taken from the data",
        )
    return "uint8" if high <= 255 and x.dtype != np.dtype(np.uint16) else "uint16"


def _range(x: Array, binary: bool, points: bool) -> tuple[float, float]:
    """The raw values that become -1 and +1."""
    low, high = extent(x)
    if low >= high:
        return low, high
    if x.dtype.kind != "f":
        return 0.0, 1.0 if binary else ceiling(x.dtype.name, high)
    if not points and high <= 1 and low >= -1:
        return (0.0 if low >= 0 else -1.0), 1.0
    return low, high


def _channels_first(x: Array, name: str, settings: DataSettings) -> Array:
    if x.ndim == 3:
        return x[:, None]
    axis = {"first": 1, "last": 3}.get(settings.channels) or _channel_axis(x.shape)
    if axis is None:
        raise UsageError(
            f"the images {name!r}",
            expected="one axis of channels: axis 1 or axis 3, of at most 4 entries",
            received=f"shape {x.shape}, where both or neither could be",
            remedy=f"Say which it is: data.channels=first for (N, C, H, W), here "
            f"{_read_as(x.shape, 1)}, or data.channels=last for (N, H, W, C), here "
            f"{_read_as(x.shape, 3)}",
        )
    return x if axis == 1 else x.transpose(0, 3, 1, 2)


def _read_as(shape: tuple[int, ...], axis: int) -> str:
    """What images of that shape are if their channels are on `axis`, in words."""
    height, width = shape[2:] if axis == 1 else shape[1:3]
    return f"{shape[axis]} channels of {height}x{width}"


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    _, a, b, c = shape
    few = [axis for axis in (1, 3) if shape[axis] <= 4]
    if len(few) == 1:
        return few[0]
    odd = [axis for axis, square in ((1, b == c != a), (3, a == b != c)) if square]
    return odd[0] if odd else None


def _text(labels: Array) -> Array:
    try:
        text: Array = np.char.decode(labels, "utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            "the labels",
            expected="whole numbers or text in UTF-8",
            received=f"the bytes {error.object!r}",
            remedy="Decode them, as with np.char.decode(y, 'latin-1'), and save them again",
        ) from None
    return text


def label_codes(y: Any, count: int) -> tuple[tuple[str, ...], Labels]:
    """Names of the classes in order, and the number of each sample's class, shape (N,).

    Raises:
        UsageError: not one label a sample, or labels that are neither whole numbers nor text.
    """
    labels = np.asarray(y)
    if labels.shape != (count,):
        raise UsageError(
            "the labels",
            expected=f"shape ({count},), one a sample",
            received=f"shape {labels.shape}",
            remedy="Give one class per sample"
            if labels.ndim != 2
            else "Give one class per sample; several values of each come from a label file beside "
            "images (data.labels=labels.csv)",
        )
    if labels.dtype.kind == "f" and (np.abs(labels) < _WHOLE).all():
        whole = labels.astype(np.int64)
        labels = whole if (labels == whole).all() else labels
    if labels.dtype.kind == "S":
        labels = _text(labels)
    if labels.dtype.kind not in "buiSU":
        raise UsageError(
            "the labels",
            expected="whole numbers or text",
            received=f"values of type {labels.dtype}",
            remedy="Convert them with y.astype(int) or y.astype(str), without missing values",
        )
    values, codes = np.unique(labels.astype(str), return_inverse=True)
    classes = natural({str(value) for value in values})
    places = {name: i for i, name in enumerate(classes)}
    place = np.array([places[str(value)] for value in values], dtype=np.int64)
    return classes, place[codes]
