"""From arrays with a known meaning to a checked `Dataset`: the last step of every kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from gantlet.data.attributes import with_law
from gantlet.data.dataset import Array, Dataset, Labels, chunks
from gantlet.data.resize import DONE, Rule, each, fit
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError
from gantlet.spec import Condition, DataSpec

__all__ = ["assemble", "ceiling", "extent", "short_name", "slug", "stamp"]

_TYPES: dict[str, Literal["uint8", "uint16", "float32"]] = {
    "uint8": "uint8",
    "uint16": "uint16",
    "float32": "float32",
}
_CEILINGS = {"uint8": (1, 255), "uint16": (255, 1023, 4095, 16383, 65535)}


def slug(name: str) -> str:
    """A name fit for a folder: lower case letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "data"


def short_name(path: Path) -> str:
    """A name for the data at a path, fit for a folder: its own, without a file's ending."""
    return slug(path.resolve().name if path.is_dir() else path.stem)


def stamp(path: Path) -> str:
    """Changes when the file does: its path, size and time of change."""
    facts = path.stat()
    return f"{path.resolve()}:{facts.st_size}:{facts.st_mtime_ns}"


def extent(array: Array) -> tuple[float, float]:
    """Smallest and largest value, read in chunks.

    Raises:
        UsageError: a value is not a finite number.
    """
    low, high = np.inf, -np.inf
    for part in chunks(array):
        values = array[part]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
            raise UsageError(
                "the data",
                expected="finite numbers",
                received=f"NaN or infinity, first in sample {part.start + int(bad[0])}",
                remedy="Remove those samples or fill in the missing values",
            )
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def ceiling(dtype: str, high: float) -> float:
    """The largest value of the smallest usual range of whole numbers that holds `high`.

    8 bits: 1 (masks) or 255. 16 bits: those of 8, 10, 12, 14 or 16 bits.
    """
    return float(min(c for c in _CEILINGS[dtype] if c >= high))


def _resized(
    raw: Array,
    size: tuple[int, int],
    rule: Rule,
    paper: float,
    *,
    alpha: bool,
    cache: Path | None,
    key: str,
) -> Array:
    """Images (N, C, H, W) at `size`, by `fit`."""

    def fill(out: Array) -> None:
        def one(i: int) -> None:
            out[i] = fit(raw[i].transpose(1, 2, 0), size, rule, alpha=alpha, paper=paper)

        each(one, range(len(raw)))

    shape = (len(raw), *size, raw.shape[1])
    images = stored(
        shape,
        raw.dtype.name,
        fill,
        cache=cache,
        step="resized",
        key=f"{key}, {rule}{', alpha' * alpha}" if key else "",
    )
    return images.transpose(0, 3, 1, 2)


def assemble(
    raw: Array,
    y: Labels | None = None,
    *,
    classes: Sequence[str] = (),
    conditions: Sequence[Condition] = (),
    low: float,
    high: float,
    name: str,
    settings: DataSettings,
    notes: Sequence[str] = (),
    cache: Path | None = None,
    key: str = "",
    alpha: bool = False,
) -> Dataset:
    """A `Dataset` of images (N, C, H, W) or points (N, D), resized and labelled as asked.

    Arguments:
        alpha: the last of four channels is opacity, by which a resize weights the colours.

    Raises:
        UsageError: there are fewer than 2 samples, all values are equal, or points are to be
            flipped.
    """
    if len(raw) < 2:
        raise UsageError(
            f"the data {name!r}",
            expected="at least 2 samples",
            received=str(len(raw)),
            remedy="Give more data: some hundreds of samples at least for useful training",
        )
    if low >= high:
        raise UsageError(
            f"the data {name!r}",
            expected="values that differ",
            received=f"the value {low:g} everywhere",
            remedy="Check how the data was written",
        )
    if settings.flip and raw.ndim != 4:
        raise UsageError(
            "data.flip", expected="false for points, which have no left and right", received="true"
        )
    said = list(notes)
    if raw.ndim == 4 and settings.size not in (None, raw.shape[2:]):
        height, width = size = settings.size or raw.shape[2:]
        said.append(
            f"All images of {raw.shape[2]}x{raw.shape[3]} (height x width) were "
            f"{DONE[settings.fit]} to {height}x{width}, as data.size says."
        )
        sides = size[0], size[1]
        raw = _resized(raw, sides, settings.fit, low, alpha=alpha, cache=cache, key=key)
    if y is not None and len(classes) < 2 and not conditions:
        y, classes = None, ()
        said.append("There is a single class, so labels are not used.")
    if y is not None and not settings.labels:
        y, classes, conditions = None, (), ()
        said.append("Labels are not used, as data.labels says.")
    if conditions and y is not None:
        conditions = with_law(conditions, y)
        said += _of_mirrors(settings)
    elif y is not None:
        said += _single(y, classes)
    spec = DataSpec(
        kind="image" if raw.ndim == 4 else "points",
        shape=tuple(raw.shape[1:]),
        dtype=_TYPES[raw.dtype.name],
        low=low,
        high=high,
        classes=tuple(classes) if y is not None else (),
        frequencies=() if y is None or conditions else _shares(y, len(classes)),
        conditions=tuple(conditions) if y is not None else (),
    )
    return Dataset(spec, raw, y, name, tuple(said))


def _of_mirrors(settings: DataSettings) -> Iterator[str]:
    """A note of what mirror images do to conditions."""
    if settings.flip:
        yield (
            "data.flip shows mirror images with the conditions of the images: that is wrong of "
            "what tells left from right, such as an angle."
        )


def _single(y: Labels, classes: Sequence[str]) -> list[str]:
    """A note of the classes that have one sample."""
    counts = np.bincount(y, minlength=len(classes)).tolist()
    names = [repr(name) for name, count in zip(classes, counts, strict=True) if count == 1]
    if not names:
        return []
    return [
        f"Classes with a single sample: {', '.join(names[:5])}{', ...' * (len(names) > 5)}. They "
        "are kept, but a single sample is learnt by heart, or never seen where it is set aside."
    ]


def _shares(y: Labels, count: int) -> tuple[float, ...]:
    return tuple((np.bincount(y, minlength=count) / len(y)).tolist())
