"""The idx format of MNIST: one file, plain or gzipped, or the folder of four.

Two zero bytes, a byte for the type, a byte for the number of axes, the axes as 32-bit big-endian
numbers, then the values, big-endian.
Source: LeCun, Cortes and Burges (1998), The MNIST database, http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from gantlet.data.archive import swells
from gantlet.data.arrays import from_arrays
from gantlet.data.assemble import slug, stamp
from gantlet.data.dataset import Array, Dataset
from gantlet.data.pixels import SUFFIXES
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError

__all__ = ["find_idx", "is_idx", "named_idx", "open_idx", "open_idx_folder", "read_idx"]

_TYPES = {8: "u1", 9: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LIMIT = 10 * 2**30
_GZIP = b"\x1f\x8b"


def _head(path: Path, count: int = 4) -> bytes:
    """The first bytes, through gzip."""
    try:
        with path.open("rb") as plain:
            start = plain.read(count)
        if not start.startswith(_GZIP):
            return start
        with gzip.open(path) as packed:
            return packed.read(count)
    except (OSError, EOFError, zlib.error):
        return b""


def is_idx(path: Path) -> bool:
    """Whether a file begins as idx files do."""
    magic = _head(path) if path.is_file() else b""
    return (
        len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES and magic[3] in range(1, 5)
    )


def named_idx(path: Path) -> bool:
    """Whether a file is named as idx files are."""
    return re.search(r"(idx\d-|ubyte|\.idx)", path.name) is not None


def find_idx(folder: Path) -> list[Path]:
    """The idx files directly in a folder."""
    if not folder.is_dir():
        return []
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() not in SUFFIXES]
    return [p for p in files if not p.name.startswith(".") and is_idx(p)]


def read_idx(path: Path) -> Array:
    """The array in a file; a plain file is mapped, a gzipped one read.

    Raises:
        UsageError: wrong magic number, wrong length, damaged gzip, a bomb, more than 10 GiB.
    """
    if not is_idx(path):
        raise _broken(
            path, "an idx magic number (0, 0, type, axes)", _head(path).hex(" ") or "none"
        )
    _, _, kind, axes = _head(path)
    dtype = np.dtype(_TYPES[kind])
    start = 4 + 4 * axes
    header = _head(path, start)
    if len(header) < start:
        raise _broken(path, f"a header of {start} bytes", f"{len(header)}")
    shape = tuple(np.frombuffer(header, ">u4", axes, 4).tolist())
    size = start + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > _LIMIT:
        raise _broken(path, f"at most {_LIMIT // 2**30} GiB", f"a header that says {size:,} bytes")
    if not _packed(path):
        _check_length(path, shape, size, path.stat().st_size)
        return np.memmap(path, dtype, "r", start, shape) if 0 not in shape else np.empty(shape)
    _check_swelling(path, size)
    content = _unpack(path, size + 1)
    _check_length(path, shape, size, len(content))
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


def _check_swelling(path: Path, size: int) -> None:
    packed = path.stat().st_size
    if swells(size, packed):
        raise UsageError(
            str(path),
            expected="a plain gzip file",
            received=f"{size:,} bytes packed into {packed:,} (a bomb)",
            remedy="Unpack it yourself if you trust it, and give the plain file",
        )


def _unpack(path: Path, limit: int) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise _broken(path, "a whole gzip file", f"a damaged one ({error})") from error


def _check_length(path: Path, shape: tuple[int, ...], size: int, found: int) -> None:
    if found != size:
        more = "or more" if found > size else ""
        raise _broken(path, f"{size:,} bytes for shape {shape}", f"{found:,} {more}".strip())


def _broken(path: Path, expected: str, received: str) -> UsageError:
    return UsageError(
        str(path), expected=expected, received=received, remedy="Download or write the file again"
    )


def _labels_of(path: Path) -> Path | None:
    """The labels beside an images file: `images` and `idx3` become `labels` and `idx1`."""
    if "images" not in path.name:
        return None
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels")).removesuffix(".gz")
    beside = (path.with_name(name), path.with_name(f"{name}.gz"))
    return next((p for p in beside if p.is_file()), None)


def open_idx(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """One file of samples, with the labels file beside it where there is one."""
    name = slug(path.name.split(".")[0])
    return _open(path, settings, cache, name, [])


def _open(
    path: Path, settings: DataSettings, cache: Path | None, name: str, notes: list[str]
) -> Dataset:
    x = read_idx(path)
    if x.ndim == 1:
        raise UsageError(
            str(path),
            expected="samples",
            received=f"a list of {len(x)} numbers: labels, it seems",
            remedy="Give the file of images",
        )
    beside = _labels_of(path) if settings.labels else None
    y = None if beside is None else read_idx(beside)
    if y is not None and len(y) != len(x):
        raise _broken(beside or path, f"{len(x)} labels for {path.name}", f"{len(y)}")
    return from_arrays(
        x, y, name=name, settings=settings, cache=cache, key=stamp(path), notes=notes
    )


def open_idx_folder(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The training images and labels among a folder's idx files; test files are left out."""
    samples = [p for p in find_idx(path) if _head(p)[3] > 1]
    training = [p for p in samples if "train" in p.name] or samples
    plain = {p.name.removesuffix(".gz"): p for p in sorted(training, reverse=True)}
    if len(plain) != 1:
        raise UsageError(
            str(path),
            expected="one idx file of training images",
            received=", ".join(p.name for p in training) or "labels only",
            remedy="Give the path of the file itself",
        )
    left = [p.name for p in samples if p not in training]
    notes = [f"Not trained on: {', '.join(left)}."] if left else []
    return _open(next(iter(plain.values())), settings, cache, slug(path.resolve().name), notes)
