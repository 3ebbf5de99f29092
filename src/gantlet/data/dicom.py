"""DICOM slices by pydicom (extra `medical`): values in the units that their files state.

Source: DICOM PS3.3, C.7.6.3 (pixels), C.7.6.16 (groups of frames), C.11.1 (modality LUT),
https://dicom.nema.org
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from gantlet.data.dataset import Array
from gantlet.errors import UsageError

__all__ = ["DICOM", "Facts", "UnfitError", "facts", "is_dicom", "required", "values"]

DICOM = (".dcm", ".dicom", ".ima")
"""Endings of the names of DICOM files."""
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


class UnfitError(ValueError):
    """A file that is whole but of a kind that is not read; says which."""


@dataclass(frozen=True)
class Facts:
    """What the header of a DICOM file says."""

    size: tuple[int, int]
    """Height and width."""
    channels: int
    """1 or 3."""
    bits: int
    """8 or 16 where all values are whole numbers of so many bits, else 32: real numbers."""
    frames: int
    inverted: bool
    """Whether the largest stored value is black."""
    deep: bool
    """Whether colours have more than 8 bits."""


def is_dicom(name: str) -> bool:
    """Whether a file is named as DICOM files are."""
    return name.lower().endswith(DICOM)


def required(source: str) -> None:
    """Refuses DICOM files where pydicom is not installed."""
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise UsageError(
            f"{source} holds DICOM files",
            expected="the package pydicom to read them",
            remedy="Install it with pip install 'gantlet[medical]'",
        ) from None


def _read(stream: BinaryIO, header: bool) -> Any:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        return dcmread(stream, stop_before_pixels=header)
    except InvalidDicomError:
        raise UnfitError("no DICOM file by its content") from None


def facts(stream: BinaryIO) -> Facts:
    """The header of a DICOM file.

    Raises:
        UnfitError: no pixels, or pixels with a palette or of an unknown kind.
    """
    slice_ = _read(stream, header=True)
    kind = slice_.get("PhotometricInterpretation")
    if kind not in (*_GREY, *_COLOUR):
        raise UnfitError(f"DICOM with pixels of kind {kind}" if kind else "DICOM without pixels")
    return Facts(
        (int(slice_.Rows), int(slice_.Columns)),
        1 if kind in _GREY else 3,
        _bits(slice_) if kind in _GREY else 8,
        int(slice_.get("NumberOfFrames") or 1),
        kind == "MONOCHROME1",
        kind in _COLOUR and _spare(slice_) > 0,
    )


def _spare(slice_: Any) -> int:
    """Stored bits beyond 8."""
    return max(0, int(slice_.BitsStored) - 8)


def _stored_range(slice_: Any) -> tuple[int, int]:
    """Smallest and largest value that the stored bits can hold."""
    bits = int(slice_.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if slice_.PixelRepresentation else (
        0, 2**bits - 1
    )  # fmt: skip


def _transformation(slice_: Any) -> Any:
    """What holds slope, intercept or table: files of several frames have them in groups."""
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for first in slice_.get(groups, ())[:1]:
            for found in first.get("PixelValueTransformationSequence", ())[:1]:
                return found
    return slice_


def _bits(slice_: Any) -> int:
    given = _transformation(slice_)
    slope = float(given.get("RescaleSlope", 1))
    intercept = float(given.get("RescaleIntercept", 0))
    whole = slope.is_integer() and intercept.is_integer() and "ModalityLUTSequence" not in given
    low, high = sorted(slope * end + intercept for end in _stored_range(slice_))
    if not whole or low < 0 or high > 65535:
        return 32
    return 8 if high <= 255 else 16


def values(stream: BinaryIO) -> Array:
    """Values of the first frame, (H, W, C): slope v + intercept of the stored v, or by its table.

    MONOCHROME1 is inverted within the range of its stored bits, so that more is brighter. Windows
    (VOI) are not applied: they are for viewing, and differ from slice to slice. Of colours the
    upper 8 of the stored bits are taken.

    Raises:
        UnfitError: a compression for which pydicom lacks a plug-in.
    """
    from pydicom.pixels.processing import apply_modality_lut

    slice_ = _read(stream, header=False)
    stored = _first_frame(slice_)
    if stored.ndim == 3:
        return (stored >> _spare(slice_)).astype(np.uint8)
    if slice_.PhotometricInterpretation == "MONOCHROME1":
        stored = sum(_stored_range(slice_)) - stored.astype(np.int32)
    rescale: Callable[..., Array] = apply_modality_lut
    return np.asarray(rescale(stored, _transformation(slice_)))[..., None]


def _first_frame(slice_: Any) -> Array:
    from pydicom.pixels.utils import pixel_array

    try:
        frame: Array = pixel_array(slice_, index=0)
    except RuntimeError:
        syntax = slice_.file_meta.TransferSyntaxUID
        if not syntax.is_compressed:
            raise
        raise UnfitError(
            f"DICOM compressed as {syntax.name}, for which pydicom needs a plug-in "
            "(pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg)"
        ) from None
    return frame
