"""A set of data: samples, labels, and the content hashes by which samples are told apart."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.spec import DataSpec

__all__ = [
    "Array",
    "Dataset",
    "Hashes",
    "Labels",
    "Rows",
    "chunks",
    "content_hashes",
    "label_bytes",
    "let_go",
    "one_by_one",
    "recurring",
]

Array = NDArray[Any]
Labels = NDArray[Any]
"""Classes (N,), int64; values of conditions (N, K), float32."""
Hashes = NDArray[np.uint64]

_APART = np.uint64(0xA0761D6478BD642F)
"""Odd, so that the lots of equal rows differ."""
_CHUNK = 2**25
"""Bytes of samples handled at a time: 32 MiB."""


def chunks(array: Array) -> Iterator[slice]:
    """Ranges of samples of about 32 MiB each, in order, that cover `array`.

    The pages of a memory map are let go of after each range.
    """
    row = max(1, array.nbytes // max(1, len(array)))
    step = max(1, _CHUNK // row)
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))
        let_go(array)


def let_go(array: Array) -> None:
    """Unmap the pages that were read of a read-only memory map, or of a view of one.

    They are the system's cache and can be read again, but count as memory of the only process that
    maps them. Maps that can be written to are left alone: a private one would lose its changes.
    """
    base, modes = array.base, {getattr(array, "mode", None)}
    while isinstance(base, np.ndarray):
        modes.add(getattr(base, "mode", None))
        base = base.base
    if isinstance(base, mmap.mmap) and modes <= {"r", None}:
        base.madvise(mmap.MADV_DONTNEED)


def content_hashes(raw: Array) -> Hashes:
    """BLAKE2b (RFC 7693) of the bytes of each sample as 64 bits, shape (N,).

    Samples count in C order whatever their layout in memory; a memory map is read in chunks.
    """
    width = raw.nbytes // max(1, len(raw))
    digests = np.empty(len(raw), dtype=np.uint64)
    for part in chunks(raw):
        # -0 is 0: equal samples have equal hashes.
        values = raw[part] + raw.dtype.type(0) if raw.dtype.kind == "f" else raw[part]
        content = np.ascontiguousarray(values).data.cast("B")
        rows = (content[start : start + width] for start in range(0, len(content), width))
        joined = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
        digests[part] = np.frombuffer(joined, dtype="<u8")
    return digests


def recurring(again: int, count: int) -> bool:
    """Whether `again` of `count` samples, which are there already, are so many that copies may be
    chance: more than one in a hundred, and more than two."""
    return again > max(2, count / 100)


def label_bytes(y: Labels) -> bytes:
    """Labels as they are hashed and packed: classes in 64 bits, conditions in 32."""
    return y.astype("<f4" if y.dtype.kind == "f" else "<i8").tobytes()


def one_by_one(hashes: Hashes) -> Hashes:
    """Hashes of which equal ones differ by how many equal ones come before, shape (N,)."""
    return hashes + _earlier(hashes) * _APART


def _earlier(hashes: Hashes) -> Hashes:
    """How many equal ones come before each, shape (N,)."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(begins, len(hashes)))
    counted = np.empty(len(hashes), np.uint64)
    counted[order] = (np.arange(len(hashes)) - np.repeat(begins, sizes)).astype(np.uint64)
    return counted


@dataclass(frozen=True, eq=False)
class Rows:
    """Some samples of a set, read as they are asked for: they may be more than memory holds."""

    raw: Array
    """All samples, shape (N, ...)."""
    index: NDArray[np.int64]
    """Which of them, shape (n,)."""
    hashes: Hashes
    """Their content hashes, shape (n,)."""

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, part: Any) -> Array:
        """One of them, a range, or those at some places."""
        taken: Array = self.raw[self.index[part]]
        return taken

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, ...)."""
        return (len(self), *self.raw.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.raw.dtype


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of one source as they are stored, with what was done to get them."""

    spec: DataSpec
    """Kind, shape, range and classes; frequencies are those of all samples."""
    raw: Array
    """Shape (N, *spec.shape), of `spec.dtype`; may be a memory map or a transposed view."""
    y: Labels | None
    """Class labels, shape (N,), or conditions, (N, K); None without either."""
    name: str
    """A short name of the source, fit for a folder's name."""
    notes: tuple[str, ...] = ()
    """What was done to the data, in sentences."""
    known: Hashes | None = None
    """The content hashes, where they were stored with the samples."""

    def __len__(self) -> int:
        return len(self.raw)

    @cached_property
    def hashes(self) -> Hashes:
        """Content hash of each sample, shape (N,): equal for equal samples."""
        return content_hashes(self.raw) if self.known is None else self.known

    @cached_property
    def lots(self) -> Hashes:
        """What decides on which side of a split each sample falls, shape (N,).

        Its content, so that copies of a sample stay together. Equal rows of a table are different
        people more often than copies, and their lots also tell how many equal rows come before:
        what is set aside is then a sample of the rows, as fresh rows would be (decision 21).
        """
        if self.spec.kind != "table" or not len(self):
            return self.hashes
        return one_by_one(self.hashes)

    @cached_property
    def recurs(self) -> bool:
        """Whether samples recur by themselves, so that a fresh one may equal a training sample.

        Rows of tables do, and data of which many are there already. Where data are divided by
        content no sample set aside equals a training sample: copies cannot be told from chance.
        """
        again = len(self) - len(np.unique(self.hashes))
        return self.spec.kind == "table" or recurring(again, len(self))

    def rows(self, index: NDArray[np.int64]) -> Rows:
        """The samples at `index`, not yet read."""
        return Rows(self.raw, index, self.hashes[index])

    @cached_property
    def fingerprint(self) -> str:
        """Hash over shape, type, content hashes in order and labels, 32 hexadecimal digits.

        Of a table also over what its numbers stand for.
        """
        digest = hashlib.blake2b(repr((self.raw.shape, self.spec.dtype)).encode(), digest_size=16)
        digest.update(self.hashes.astype("<u8").tobytes())
        digest.update(b"" if self.y is None else label_bytes(self.y))
        if self.spec.conditions:
            told = [(condition.name, condition.names) for condition in self.spec.conditions]
            digest.update(repr(told).encode())
        if self.spec.kind == "table":
            digest.update(json.dumps(self.spec.to_json()["table"], sort_keys=True).encode())
        return digest.hexdigest()
