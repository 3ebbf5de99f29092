"""One image file to an array: grey, colour or colour with alpha, of 8 or 16 bits, upright."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EILSEQ, ELOOP, ENOENT
from functools import partial
from typing import IO, BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from gantlet.data import dicom
from gantlet.data.dataset import Array

__all__ = [
    "SUFFIXES",
    "TRAITS",
    "TYPES",
    "Entry",
    "Fault",
    "Look",
    "decode",
    "look",
    "on_white",
    "quiet",
    "reason",
    "study",
    "uses_alpha",
]

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".webp", ".tif", ".tiff", ".gif"),
    *dicom.DICOM,
)
TYPES = {8: "uint8", 16: "uint16", 32: "float32"}
"""Type of the values by their bits."""
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
_GREY = ("1", "L", "LA", "La")
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N")
_COLOUR = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV")
_ORIENTATION = 0x0112
"""The EXIF tag; values 5 to 8 turn an image by a quarter."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_KIND, _WHITE_IS_ZERO = 262, 0
"""The TIFF tag of what values mean, and its value where the largest is black."""
_FAILURES = {
    ENOENT: "a link that leads nowhere",
    ELOOP: "a link that leads nowhere",
    EILSEQ: "its name is no UTF-8: rename it",
}
"""What the system says of a file that cannot be opened, in a few words."""

TRAITS = {
    "palette": "Images with a palette converted to RGB",
    "cmyk": "CMYK images converted to RGB",
    "frames": "Images of several frames, of which the first was taken",
    "turned": "Images turned upright by their EXIF orientation",
    "colour16": "Images of 16 bits a colour, of which the upper 8 were taken",
    "inverted": "DICOM slices of MONOCHROME1 inverted, so that more is brighter",
}
"""What a note says of images with a trait; `alpha` and `dicom` are traits without one."""


@dataclass(frozen=True)
class Entry:
    """One file of a folder or an archive."""

    name: str
    """Path within the source, with forward slashes."""
    stamp: str
    """Changes when the file does."""
    open: Callable[[], BinaryIO]
    size: int = 0
    """Bytes."""


@dataclass(frozen=True)
class Fault:
    """A file that cannot be read as an image, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Look:
    """What the header of an image says."""

    size: tuple[int, int]
    """Height and width, upright."""
    channels: int
    """1 or 3, without alpha."""
    bits: int
    """8, 16, or 32 for real numbers."""
    traits: frozenset[str]
    """Keys of `TRAITS`, and `alpha`, `dicom`."""


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's warnings are silent within: its errors are what is told. For the whole process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reason(error: Exception) -> str:
    """Why a file could not be read, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "no image by its content"
    if isinstance(error, PermissionError):
        return "no permission to read"
    if isinstance(error, OSError) and error.errno in _FAILURES:
        return _FAILURES[error.errno]
    if isinstance(error, dicom.UnfitError):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"more than {limit:,} pixels, the limit against decompression bombs"
    return f"damaged: {error}".rstrip(": .") if str(error) else "damaged"


def look(entry: Entry) -> Look | Fault:
    """The header of an image. Damaged files make Pillow raise errors of many kinds."""
    try:
        with entry.open() as stream:
            if dicom.is_dicom(entry.name):
                return _of_dicom(dicom.facts(stream))
            with Image.open(stream, formats=_FORMATS) as image:
                return _describe(image, _turn(image, stream))
    except Exception as error:
        return Fault(entry.name, reason(error))


def _of_dicom(facts: dicom.Facts) -> Look:
    traits = {
        "dicom": True,
        "frames": facts.frames > 1,
        "inverted": facts.inverted,
        "colour16": facts.deep,
    }
    present = frozenset(name for name, there in traits.items() if there)
    return Look(facts.size, facts.channels, facts.bits, present)


def _turn(image: ImageFile.ImageFile, stream: IO[bytes]) -> int | None:
    """The orientation that EXIF tells, before or behind the pixels, of which none is decoded."""
    if image.format == "PNG" and "exif" not in image.info and (late := _late_exif(stream)):
        image.info["exif"] = late
    turn: int | None = Image.Image.getexif(image).get(_ORIENTATION)
    return turn


def _late_exif(stream: IO[bytes]) -> bytes:
    """The eXIf chunk of a PNG, wherever it stands; nothing where there is none.

    Only the headers of the other chunks are read. Source: PNG specification, third edition (2025),
    5.3 and 11.3.4.4, https://www.w3.org/TR/png-3/
    """
    read, place = _reader(stream), 8
    while len(head := read(8, place)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind in (b"eXIf", b"IEND"):
            return read(length, place + 8)
        place += 8 + length + 4
    return b""


def _reader(stream: IO[bytes]) -> Callable[[int, int], bytes]:
    """Gives so many bytes at a place, and leaves the stream where it stands.

    Of a file on the disk no more is read than that, where the stream would fill its buffer.
    """
    try:
        return partial(os.pread, stream.fileno())
    except OSError:  # a member of an archive
        pass

    def read(count: int, place: int) -> bytes:
        before = stream.tell()
        stream.seek(place)
        found = stream.read(count)
        stream.seek(before)
        return found

    return read


def _describe(image: ImageFile.ImageFile, turn: int | None) -> Look:
    _check_mode(image.mode)
    # Pillow tells the upright size of TIFF itself.
    quarter = turn in (5, 6, 7, 8) and image.format != "TIFF"
    height, width = image.size if quarter else image.size[::-1]
    traits = {
        "alpha": image.has_transparency_data and image.mode not in _DEEP,
        "palette": image.mode in ("P", "PA"),
        "cmyk": image.mode == "CMYK",
        "frames": getattr(image, "is_animated", False),
        "turned": turn in range(2, 9),
        "colour16": image.mode in ("RGB", "RGBA", "LA") and ";16" in str(image.tile),
    }
    return Look(
        (height, width),
        1 if image.mode in _GREY + _DEEP else 3,
        16 if image.mode in _DEEP else 8,
        frozenset(name for name, present in traits.items() if present),
    )


def _check_mode(mode: str) -> None:
    if mode not in _GREY + _DEEP + _COLOUR:
        raise dicom.UnfitError(
            f"pixels of mode {mode} (32 bits); give them as a .npy array instead"
        )


def decode(entry: Entry, channels: int, bits: int) -> Array:
    """Pixels of shape (H, W, channels), of the type that `TYPES` tells.

    Transparency is laid on white where there are fewer than 4 channels; of 4 the last is alpha.
    Raises whatever Pillow raises on a damaged file; `reason` puts it into words.
    """
    with entry.open() as stream:
        if dicom.is_dicom(entry.name):
            values = dicom.values(stream).astype(TYPES[bits])
            return np.repeat(values, channels // values.shape[-1], axis=-1)
        with Image.open(stream, formats=_FORMATS) as image:
            _check_mode(image.mode)
            return _pixels(image, _turn(image, stream), channels, bits)


def study(entry: Entry, channels: int, bits: int) -> tuple[Look, Array]:
    """`look` and `decode` in one, raising what decoders raise."""
    if dicom.is_dicom(entry.name):
        with entry.open() as stream:
            seen = _of_dicom(dicom.facts(stream))
        return seen, decode(entry, channels, bits)
    with entry.open() as stream, Image.open(stream, formats=_FORMATS) as image:
        turn = _turn(image, stream)
        return _describe(image, turn), _pixels(image, turn, channels, bits)


def uses_alpha(entry: Entry) -> bool:
    """Whether any pixel is transparent; False of damaged files, which `decode` tells of."""
    try:
        with entry.open() as stream, Image.open(stream, formats=_FORMATS) as image:
            lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
            return bool(lowest != 255)
    except Exception:
        return False


def _upright(image: ImageFile.ImageFile, turn: int | None) -> Image.Image:
    """Turned as the header says; Pillow turns TIFF itself."""
    done = turn not in _UPRIGHT or image.format == "TIFF"
    return image if done or turn is None else image.transpose(_UPRIGHT[turn])


def _is_negative(image: Image.Image) -> bool:
    """Whether the largest value is black; of 8 bits Pillow inverts them itself."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return bool(image.tag_v2.get(_KIND) == _WHITE_IS_ZERO)


def on_white(image: Image.Image) -> Image.Image:
    """An image as it is seen on white paper: nothing shines through."""
    if not image.has_transparency_data:
        return image
    sheet = Image.new("RGBA", image.size, "white")
    sheet.alpha_composite(image.convert("RGBA"))
    return sheet


def _pixels(source: ImageFile.ImageFile, turn: int | None, channels: int, bits: int) -> Array:
    image = _upright(source, turn)
    if image.mode in _DEEP:
        deep = np.asarray(image).astype(np.uint16)[..., None]
        deep = 65535 - deep if _is_negative(source) else deep
        # 65535 / 257 = 255: the two ranges match at both ends.
        values = deep if bits == 16 else ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)
        if channels == 4:
            return np.concatenate([values, values, values, np.full_like(values, 255)], axis=-1)
        return np.repeat(values, channels, axis=-1)
    if channels == 4:
        return np.asarray(image.convert("RGBA"))
    image = on_white(image)
    mode = "L" if channels == 1 else "RGB"
    plain = np.asarray(image if image.mode == mode else image.convert(mode))
    return plain.reshape(*plain.shape[:2], channels)
