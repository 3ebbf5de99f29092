"""An examination of data: what it is, and what is wrong with it, without stopping at faults."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import numpy as np

from gantlet.data import Source, dicom, open_data
from gantlet.data.assemble import ceiling
from gantlet.data.builtin import BUILTINS
from gantlet.data.dataset import Array, Dataset, Hashes, chunks, content_hashes, recurring
from gantlet.data.form import Form, form_of
from gantlet.data.frames import proposals_of, rows_of
from gantlet.data.kinds import KINDS, Entries, readable, sniff
from gantlet.data.label_file import label_file, spare_note
from gantlet.data.layout import classify, sift
from gantlet.data.pixels import Entry, Fault, Look, decode, look, quiet, reason
from gantlet.data.resize import DONE, common_size, each
from gantlet.data.settings import DataSettings
from gantlet.data.split import split_hashes
from gantlet.data.tables import is_frame, lines_of
from gantlet.errors import UsageError
from gantlet.tables.sql import is_url, shown_url

__all__ = ["Examination", "Problem", "examine"]

Severity = Literal["error", "warning", "note"]

_FLAT, _FEW, _SOME, _LARGE, _RARE = 0.01, 200, 1000, 256, 0.1
_PIXEL = (1, 1)


class Problem(NamedTuple):
    """Something wrong with the data: `error` stops training, `warning` may spoil it."""

    severity: Severity
    sentence: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What a source of data is and what is wrong with it."""

    source: str
    kind: str
    """Key of `KINDS`, `built-in` or `array`."""
    count: int
    """Samples that can be read."""
    sizes: tuple[tuple[tuple[int, ...], int], ...]
    """(height, width), or the dimension of points, with counts, commonest first."""
    channels: tuple[int, ...]
    """Numbers of channels that occur; empty for points."""
    bits: tuple[int, ...]
    """Bits a value that occur."""
    classes: tuple[tuple[str, int], ...]
    """Names with counts, in the order of labels; empty without labels."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    """What was or will be done to the data."""
    held_out: str
    """What will be set aside."""
    columns: tuple[str, ...] = ()
    """Of a table: what each column is."""
    proposals: tuple[tuple[str, str], ...] = ()
    """Of a table: constraints that hold in it and are not said, each with its evidence."""


class _Study(NamedTuple):
    """One readable image."""

    look: Look
    digest: int
    deviation: float
    """Standard deviation over the pixels, of the channel where it is largest."""
    low: float
    high: float


def examine(source: Source, settings: DataSettings | None = None) -> Examination:
    """What a source is and what is wrong with it; nothing is changed or kept.

    Raises:
        UsageError: the source as a whole cannot be read: missing, empty, no known kind.
    """
    settings = settings or DataSettings()
    kind, name = "array", "array in Python"
    if isinstance(source, str) and source in BUILTINS:
        kind, name = "built-in", source
    elif is_url(source):
        kind, name = "table", shown_url(str(source))
    elif isinstance(source, str | Path):
        path = Path(source).expanduser()
        with readable(path):
            kind, name = sniff(path), str(path)
            entries = KINDS[kind].entries
            if entries is not None:
                return _of_files(kind, path, entries, settings)
    with TemporaryDirectory() as folder:
        cache = Path(folder)
        if kind == "table" or is_frame(source):
            with rows_of(source, settings, cache) as (data, table):
                found = _of_dataset(kind, name, data, settings)
                return replace(found, proposals=proposals_of(table, settings, data.spec))
        data = open_data(source, settings, cache=cache)
        found = _of_dataset(kind, name, data, settings)
        return replace(found, problems=(*_altered(data), *found.problems))


def _altered(data: Dataset) -> Iterator[Problem]:
    """Samples of packed data that are not what was packed."""
    if data.known is None:
        return
    bad = np.flatnonzero(content_hashes(data.raw) != data.known)
    if len(bad):
        yield Problem(
            "error",
            f"Samples that are not what was packed: {len(bad):,}, first number {bad[0]}.",
            "Pack the data again, or copy the file again.",
        )


def _of_files(kind: str, path: Path, entries: Entries, settings: DataSettings) -> Examination:
    problems: list[Problem] = []
    with entries(path) as found, quiet():
        images, ignored = sift(found, str(path), settings.labels)
        if any(dicom.is_dicom(image.name) for image in images):
            dicom.required(str(path))
        try:
            labels = label_file(found, images, settings, str(path))
            layout = classify(images, settings, str(path), labels)
        except UsageError as error:
            problems.append(_refused(error))
            layout = classify(images, DataSettings(labels=False), str(path))
        studies = each(_study, layout.entries)
        read = [isinstance(one, _Study) for one in studies]
        good = [one for one in studies if isinstance(one, _Study)]
        whole = [entry for entry, there in zip(layout.entries, read, strict=True) if there]
        form, refused = _form(whole, [one.look for one in good], settings, str(path))
    problems += refused
    faults = [one for one in studies if isinstance(one, Fault)]
    used = layout.y is not None and settings.labels
    labels = layout.y[np.array(read)] if layout.y is not None and used else None
    classes = _classes(layout.classes, labels)
    looks = [one.look for one in good]
    sizes = [one.size for one in looks]
    hashes = np.array([one.digest for one in good], dtype=np.uint64)
    problems += [
        *(
            Problem("error", f"{fault.name} cannot be read: {fault.why}.", "Remove or replace it.")
            for fault in faults
        ),
        *_size_problems(sizes, settings),
        *_common_problems(hashes, _shares(good, form), classes, "image"),
    ]
    return Examination(
        source=str(path),
        kind=kind,
        count=len(good),
        sizes=tuple(Counter(sizes).most_common()),
        channels=_distinct(one.channels for one in looks),
        bits=_distinct(one.bits for one in looks),
        classes=classes,
        problems=_by_severity(problems),
        notes=(
            *(*layout.notes, *ignored, *spare_note(found, settings)),
            *(form.notes(looks, sizes=False) if form else ()),
        ),
        held_out=split_hashes(hashes, settings.held_out).note,
    )


def _refused(error: UsageError) -> Problem:
    sentence, *remedy = error.sentences
    return Problem("error", sentence, " ".join(remedy))


def _form(
    entries: Sequence[Entry], looks: Sequence[Look], settings: DataSettings, source: str
) -> tuple[Form | None, list[Problem]]:
    """The form that images are brought to; None, and why, where there is none."""
    try:
        return (form_of(entries, looks, settings, source) if looks else None), []
    except UsageError as error:
        return None, [_refused(error)]


def _shares(studies: Sequence[_Study], form: Form | None) -> Array:
    """Deviations of images of more than a pixel, by the range that training has of them."""
    if form is None:
        return np.empty(0)
    low, high = min(one.low for one in studies), max(one.high for one in studies)
    span = {8: 255.0, 16: ceiling("uint16", high) if form.bits == 16 else 65535.0, 32: high - low}
    wide = form.bits if form.bits > 8 else 0
    varied = [one for one in studies if one.look.size != _PIXEL]
    return np.array([one.deviation / (span[wide or one.look.bits] or 1) for one in varied])


def _study(entry: Entry) -> _Study | Fault:
    seen = look(entry)
    if isinstance(seen, Fault):
        return seen
    try:
        pixels = decode(entry, 4 if "alpha" in seen.traits else seen.channels, seen.bits)
    except Exception as error:  # Pillow raises errors of many kinds on damaged files.
        return Fault(entry.name, reason(error))
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).tobytes())
    deviation = float(pixels.std(axis=(0, 1)).max())
    low, high = float(pixels.min()), float(pixels.max())
    return _Study(seen, int.from_bytes(digest.digest(), "little"), deviation, low, high)


def _of_dataset(kind: str, source: str, data: Dataset, settings: DataSettings) -> Examination:
    spec = data.spec
    image = spec.kind == "image"
    size = spec.shape[1:] if image else spec.shape
    classes = _classes(spec.classes, data.y)
    varied = image and size != _PIXEL
    deviations = _deviations(data.raw, spec.high - spec.low) if varied else np.empty(0)
    problems = [
        *_size_problems([(size[0], size[1])] if image else [], settings),
        *_common_problems(data.hashes, deviations, classes, spec.kind),
    ]
    return Examination(
        source=source,
        kind=kind,
        count=len(data),
        sizes=((size, len(data)),),
        channels=spec.shape[:1] if image else (),
        bits=(data.raw.dtype.itemsize * 8,),
        classes=classes,
        problems=_by_severity(problems),
        notes=data.notes,
        held_out=split_hashes(data.lots, settings.held_out).note,
        columns=lines_of(spec) if spec.kind == "table" else (),
    )


def _deviations(raw: Array, span: float) -> Array:
    """Standard deviation over the pixels of each image, as in `_Study`, shape (N,)."""
    parts = [
        raw[i : i + 256].std(axis=(2, 3), dtype=np.float64).max(axis=1)
        for part in chunks(raw)
        for i in range(part.start, part.stop, 256)
    ]
    return np.concatenate(parts) / span


def _distinct(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


def _classes(names: Sequence[str], y: Array | None) -> tuple[tuple[str, int], ...]:
    if y is None or not names:
        return ()
    return tuple(zip(names, np.bincount(y, minlength=len(names)).tolist(), strict=True))


def _by_severity(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    order = ("error", "warning", "note")
    return tuple(sorted(problems, key=lambda problem: order.index(problem.severity)))


def _size_problems(sizes: Sequence[tuple[int, int]], settings: DataSettings) -> Iterator[Problem]:
    if not sizes:
        return
    height, width = settings.size or common_size(sizes)
    other = sum(size != (height, width) for size in sizes)
    if other:
        yield Problem(
            "note",
            f"Images of another size than {width}x{height}, to be "
            f"{DONE[settings.fit]}: {other:,} of {len(sizes):,}.",
            "Choose the size yourself with --size WIDTHxHEIGHT.",
        )
    if (height, width) == _PIXEL:
        yield Problem(
            "warning",
            "Images of 1x1 are too small to be images; the recipe mlp treats them as numbers.",
            "Give larger images, or points as an array of shape (N, D).",
        )
    if max(height, width) > _LARGE:
        yield Problem(
            "warning",
            f"Images of {width}x{height} train slowly.",
            "Begin with a smaller size, as --size 64x64.",
        )


def _common_problems(
    hashes: Hashes, deviations: Array, classes: Sequence[tuple[str, int]], kind: str
) -> Iterator[Problem]:
    yield from _number_problems(len(hashes))
    yield from _copy_problems(hashes.tolist(), kind)
    flat = int((deviations < _FLAT).sum())
    if flat:
        yield Problem(
            "warning",
            f"Nearly constant images: {flat:,} of {len(hashes):,}.",
            "Remove them unless they belong to what the generator should make.",
        )
    rarest, commonest = (pick(n for _, n in classes) if classes else 1 for pick in (min, max))
    if rarest < _RARE * commonest:
        names = ", ".join(f"{name} ({n})" for name, n in classes if n < _RARE * commonest)
        yield Problem(
            "warning",
            f"Classes are out of balance; rare beside {commonest:,}: {names}.",
            "Gather more of the rare classes, or set data.labels=false.",
        )


def _number_problems(count: int) -> Iterator[Problem]:
    remedy = "Gather more; with few samples a generator learns them by heart."
    if count < 2:
        yield Problem("error", f"Too few samples to train on: {count}.", remedy)
    elif count < _FEW:
        sentence = f"Only {count} samples: too few to set any aside for evaluation."
        yield Problem("warning", sentence, remedy)
    elif count < _SOME:
        yield Problem("warning", f"Only {count} samples.", remedy)


def _copy_problems(contents: Iterable[Hashable], kind: str) -> Iterator[Problem]:
    counted = Counter(contents)
    groups = [n for n in counted.values() if n > 1]
    again = sum(groups) - len(groups)
    if groups:
        many = kind != "table" and recurring(again, counted.total())
        unwatched = "; with so many, training does not watch copying" * many
        yield Problem(
            "warning",
            f"Exact copies of other samples: {again:,} (samples that have copies: {len(groups):,})"
            f"{unwatched}.",
            "Remove the copies, or the generator will prefer them.",
        )
