"""One image file to an array: grey, colour or colour with alpha, of 8 or 16 bits, upright."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

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
                return _describe(image)
    except Exception as error:
        return Fault(entry.name, reason(error))


def _of_dicom(facts: dicom.Facts) -> Look:
    traits = {"dicom": True, "frames": facts.frames > 1, "inverted": facts.inverted}
    present = frozenset(name for name, there in traits.items() if there)
    return Look(facts.size, facts.channels, facts.bits, present)


def _describe(image: ImageFile.ImageFile) -> Look:
    _check_mode(image.mode)
    # The reader of PNG would decode the whole file for an orientation behind its pixels.
    turn = Image.Image.getexif(image).get(_ORIENTATION, 1)
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
            return _pixels(image, channels, bits)


def study(entry: Entry, channels: int, bits: int) -> tuple[Look, Array]:
    """`look` and `decode` in one, raising what decoders raise."""
    if dicom.is_dicom(entry.name):
        with entry.open() as stream:
            seen = _of_dicom(dicom.facts(stream))
        return seen, decode(entry, channels, bits)
    with entry.open() as stream, Image.open(stream, formats=_FORMATS) as image:
        return _describe(image), _pixels(image, channels, bits)


def uses_alpha(entry: Entry) -> bool:
    """Whether any pixel is transparent; False of damaged files, which `decode` tells of."""
    try:
        with entry.open() as stream, Image.open(stream, formats=_FORMATS) as image:
            lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
            return bool(lowest != 255)
    except Exception:
        return False


def _pixels(image: Image.Image, channels: int, bits: int) -> Array:
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in _DEEP:
        deep = np.asarray(image).astype(np.uint16)[..., None]
        # 65535 / 257 = 255: the two ranges match at both ends.
        values = deep if bits == 16 else ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)
        if channels == 4:
            return np.concatenate([values, values, values, np.full_like(values, 255)], axis=-1)
        return np.repeat(values, channels, axis=-1)
    if channels == 4:
        return np.asarray(image.convert("RGBA"))
    if image.has_transparency_data:
        sheet = Image.new("RGBA", image.size, "white")
        sheet.alpha_composite(image.convert("RGBA"))
        image = sheet
    mode = "L" if channels == 1 else "RGB"
    plain = np.asarray(image if image.mode == mode else image.convert(mode))
    return plain.reshape(*plain.shape[:2], channels)
