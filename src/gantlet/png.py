"""PNG files of many images at once, for small images several times as fast as one by one.

Each row of an image is replaced by its differences to what is left of it or above it (a filter),
and the rows of an image are compressed together by zlib. Filters of all images are computed at
once; zlib runs at its fastest level and looks for runs alone, as differences seldom repeat
otherwise.

Source: W3C (2003), Portable Network Graphics, second edition, https://www.w3.org/TR/PNG/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["encoded", "filtered"]

_Bytes = NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 3: 2, 4: 6}
"""Colour type by the number of channels: grey, RGB, RGB with alpha."""
_AT_ONCE = 2**16
"""Bytes of images whose filters are computed at once: they and their differences stay in cache."""


def encoded(images: NDArray[np.uint8] | NDArray[np.uint16]) -> Iterator[bytes]:
    """The PNG file of each image, in order; the same bytes however many are given at once.

    Arguments:
        images: shape (N, H, W, C) with C of 1, 3 or 4 (the last is alpha), 8 or 16 bits a channel.

    Raises:
        KeyError: another number of channels.
    """
    count, height, width, channels = images.shape
    depth = images.dtype.itemsize
    head = struct.pack(">IIBBBBB", width, height, 8 * depth, _COLOURS[channels], 0, 0, 0)
    start, end = _SIGNATURE + _chunk(b"IHDR", head), _chunk(b"IEND", b"")
    step = max(1, _AT_ONCE // (height * width * channels * depth))
    for first in range(0, count, step):
        part = images[first : first + step]
        bytes_ = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder(">")).view(np.uint8)
        bands = _bands(bytes_.reshape(len(part), height, -1), channels * depth)
        for i in range(len(part)):
            squeeze = zlib.compressobj(1, strategy=zlib.Z_RLE)
            content = b"".join(squeeze.compress(band[i]) for band in bands) + squeeze.flush()
            yield start + _chunk(b"IDAT", content) + end


def _bands(rows: _Bytes, pixel: int) -> list[_Bytes]:
    """`filtered` in bands of rows, each with the row above it: one unless images are large."""
    height = rows.shape[1]
    step = max(1, _AT_ONCE // rows[0, 0].nbytes)
    return [
        filtered(rows[:, max(first - 1, 0) : first + step], pixel)[:, min(first, 1) :]
        for first in range(0, height, step)
    ]


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def filtered(rows: _Bytes, pixel: int) -> _Bytes:
    """The rows of images (N, H, B) with their filters before them, shape (N, H, 1 + B).

    A filter's differences, modulo 256, are to nothing, to the pixel on the left, to the one above,
    or to that of these two and the one above on the left which is nearest to left + above - both
    (Paeth). Each row takes the filter of the least sum of |difference| as signed bytes, the first
    of equals. Section 12.8 of the standard has that rule.

    Arguments:
        rows: bytes of the rows.
        pixel: bytes of a pixel.
    """
    left, above, corner = (np.zeros_like(rows) for _ in range(3))
    left[:, :, pixel:] = rows[:, :, :-pixel]
    above[:, 1:] = rows[:, :-1]
    corner[:, 1:] = left[:, :-1]
    best = np.zeros((*rows.shape[:2], rows.shape[2] + 1), np.uint8)
    best[:, :, 1:] = rows
    least = _size(rows)
    for number, guess in ((1, left), (2, above), (4, _paeth(left, above, corner))):
        differences = rows - guess
        size = _size(differences)
        better = size < least
        least = np.where(better, size, least)
        best[better, 0] = number
        best[better, 1:] = differences[better]
    return best


def _size(differences: _Bytes) -> NDArray[np.uint32]:
    """Sum of |difference| of each row, bytes taken as numbers from -128 to 127."""
    sizes: NDArray[np.uint32] = np.minimum(differences, 0 - differences).sum(-1, dtype=np.uint32)
    return sizes


def _paeth(left: _Bytes, above: _Bytes, corner: _Bytes) -> _Bytes:
    """Of left, above and corner the first nearest to left + above - corner.

    The distances are a = |above - corner| to left, b = |left - corner| to above, and to corner
    a + b where both differences have one sign, |a - b| where they have not. So left is nearest
    where a <= b or 2a <= b, else above where b <= a or 2b <= a: all within 8 bits.
    """
    a = np.maximum(above, corner) - np.minimum(above, corner)
    b = np.maximum(left, corner) - np.minimum(left, corner)
    halved = ((above >= corner) != (left >= corner)).view(np.uint8)
    is_left, is_above = a <= b >> halved, b <= a >> halved
    upper = corner ^ ((corner ^ above) & (0 - is_above.view(np.uint8)))
    nearest: _Bytes = upper ^ ((upper ^ left) & (0 - is_left.view(np.uint8)))
    return nearest
