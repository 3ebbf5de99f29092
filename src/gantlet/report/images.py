"""Pictures for a page: samples as PNG data addresses, with words for who cannot see them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantlet.errors import UsageError
from gantlet.metrics.evidence import Pair
from gantlet.spec import DataSpec
from gantlet.training.pictures import as_image

__all__ = [
    "Couple",
    "Pictures",
    "Row",
    "Tile",
    "couples",
    "fewer_classes",
    "sample_rows",
    "strips",
]

Values = NDArray[Any]

_MOST_SAMPLES, _MOST_CLASSES, _MOST_REAL, _MOST_COUPLES, _MOST_STRIPS = 128, 20, 12, 10, 4
_SIDE, _SIDE_OF_COUPLES = 64, 128
"""Longest side in pixels, with which a page of photographs takes about 3 MB."""
_PIXELATED = 32
"""Up to this side, a sample's own pixels are shown as squares."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """What a report shows, as raw values: arrays of shape (..., *spec.shape)."""

    spec: DataSpec
    samples: Values
    """Generated ones, (N, *spec.shape)."""
    labels: Sequence[int] | None = None
    """Of the samples, (N,); None without classes."""
    real: Values | None = None
    """Held-out or training samples to look at beside the generated ones, (M, *spec.shape)."""
    pairs: Sequence[tuple[Values, Values]] = ()
    """(generated sample, nearest training sample), as `Evidence.pairs` counts them."""
    interpolation: Values | None = None
    """Samples on the way from one latent vector to another, (strips, steps, *spec.shape)."""
    swept: Mapping[str, Values] = field(default_factory=dict)
    """A sample on the way from end to end of a condition, (steps, *spec.shape), by its name."""

    def __post_init__(self) -> None:
        shape, parts = self.spec.stored, [("samples", 1, self.samples), ("real", 1, self.real)]
        parts += [("interpolation", 2, self.interpolation)]
        parts += [("pairs", 0, value) for pair in self.pairs for value in pair]
        for name, axes, values in parts:
            if values is not None and (values.ndim, values.shape[axes:]) != (
                axes + len(shape),
                shape,
            ):
                raise UsageError(
                    f"{name} for the report",
                    expected=f"an array of shape ({'..., ' * axes}{', '.join(map(str, shape))})",
                    received=f"one of shape {values.shape}",
                )


@dataclass(frozen=True)
class Tile:
    """An image as a data address, and what it shows in words."""

    source: str
    alt: str
    width: int
    height: int
    pixelated: bool


@dataclass(frozen=True)
class Row:
    """Tiles of one kind: of a class, a strip, or real samples."""

    name: str
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Couple:
    """A generated sample and the training sample nearest to it, side by side."""

    fake: Tile
    real: Tile
    pair: Pair


def _tile(value: Values, spec: DataSpec, alt: str, side: int = _SIDE) -> Tile:
    image = as_image(value, spec)
    (width, height), whole = image.size, max(image.size)
    if whole > side:
        size = max(1, width * side // whole), max(1, height * side // whole)
        image = image.resize(size, Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=True)
    content = base64.b64encode(buffer.getvalue()).decode()
    return Tile(f"data:image/png;base64,{content}", alt, *image.size, whole <= _PIXELATED)


def _row(name: str, values: Values, spec: DataSpec, alt: str) -> Row:
    return Row(name, [_tile(value, spec, f"{alt} {i}") for i, value in enumerate(values, 1)])


def sample_rows(pictures: Pictures) -> list[Row]:
    """Generated samples, a row for each class if there are labels; real ones in a last row."""
    spec, samples = pictures.spec, pictures.samples
    if pictures.labels is None:
        rows = [_row("Generated", samples[: _MOST_SAMPLES // 2], spec, "generated sample")]
    else:
        rows = _rows_of_classes(spec, samples, np.asarray(pictures.labels))
    if pictures.real is not None:
        rows.append(_row("Real", pictures.real[:_MOST_REAL], spec, "real sample"))
    return rows


def fewer_classes(pictures: Pictures) -> str:
    """The sentence on classes that have no row of samples; "" where all have one."""
    count = 0 if pictures.labels is None else len(np.unique(np.asarray(pictures.labels)))
    if count <= _MOST_CLASSES:
        return ""
    return f"The first {_MOST_CLASSES} of {count:,} classes are shown."


def _rows_of_classes(spec: DataSpec, samples: Values, labels: NDArray[Any]) -> list[Row]:
    present = np.unique(labels)[:_MOST_CLASSES]
    each = max(4, _MOST_SAMPLES // max(1, len(present)))
    rows = []
    for label in present:
        name = spec.classes[label]
        rows.append(_row(name, samples[labels == label][:each], spec, f"generated {name}, sample"))
    return rows


def couples(pictures: Pictures, pairs: Sequence[Pair]) -> list[Couple]:
    """The first pairs, closest first, each generated sample beside its training sample."""
    shown = list(zip(pictures.pairs, pairs, strict=False))[:_MOST_COUPLES]
    return [
        Couple(
            _tile(fake, pictures.spec, f"generated sample {pair.fake}", _SIDE_OF_COUPLES),
            _tile(real, pictures.spec, f"training sample {pair.real}", _SIDE_OF_COUPLES),
            pair,
        )
        for (fake, real), pair in shown
    ]


def strips(pictures: Pictures) -> list[Row]:
    """Each strip from one latent vector to another, and through each condition."""
    if pictures.interpolation is None:
        return []
    rows = [
        _row(f"Strip {i}", strip, pictures.spec, f"strip {i}, step")
        for i, strip in enumerate(pictures.interpolation[:_MOST_STRIPS], 1)
    ]
    ways = pictures.swept.items()
    return rows + [_row(name, way, pictures.spec, f"{name}, step") for name, way in ways]
