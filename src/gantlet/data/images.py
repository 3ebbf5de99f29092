"""Image files, from wherever they come, to a `Dataset`.

Labels: see `gantlet.data.layout`. Sizes: see `gantlet.data.resize`. Damaged files are refused,
all of them in one error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantlet.data import dicom
from gantlet.data.assemble import assemble
from gantlet.data.dataset import Array, Dataset
from gantlet.data.form import Form, form_of
from gantlet.data.label_file import label_file, spare_note
from gantlet.data.layout import Layout, classify, sift
from gantlet.data.pixels import Entry, Fault, Look, decode, look, quiet, reason
from gantlet.data.resize import each
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError

__all__ = ["Files", "gather", "load_images", "refuse"]


_LOOKED_INTO = 8
"""Files, spread over all, whose content goes into the key of the data."""


@dataclass(frozen=True)
class Files:
    """The image files of a source, in order, with their labels; not yet opened."""

    source: str
    name: str
    """Of the set of data."""
    settings: DataSettings
    layout: Layout
    notes: tuple[str, ...]
    """What was ignored."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The files that are used."""
        return self.layout.entries

    def key(self, *more: object) -> str:
        """Changes when a file, or anything in `more`, does.

        Names, sizes and times of all files, which those of another folder may have, too; so some
        are looked into.
        """
        stamps = [(entry.name, entry.stamp) for entry in self.entries]
        step = max(1, len(self.entries) // _LOOKED_INTO)
        seen = [_begins(entry) for entry in self.entries[::step]]
        facts = repr((stamps, seen, *more))
        return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()

    def form(self, looks: Sequence[Look]) -> Form:
        """The form of all images."""
        return form_of(self.entries, looks, self.settings, self.source)

    def dataset(self, raw: Array, form: Form, looks: Sequence[Look]) -> Dataset:
        """The data of decoded images (N, H, W, C)."""
        images = raw.transpose(0, 3, 1, 2)
        low, high = form.range(images)
        return assemble(
            images,
            self.layout.y,
            classes=self.layout.classes,
            conditions=self.layout.conditions,
            low=low,
            high=high,
            name=self.name,
            settings=self.settings,
            notes=[*self.layout.notes, *self.notes, *form.notes(looks)],
        )


def _begins(entry: Entry) -> str:
    """A digest of a file's first megabyte; nothing of one that cannot be read, refused later."""
    try:
        with entry.open() as stream:
            return hashlib.blake2b(stream.read(1 << 20), digest_size=16).hexdigest()
    except Exception:  # archives raise errors of many kinds where they are damaged
        return ""


def gather(found: Sequence[Entry], settings: DataSettings, *, name: str, source: str) -> Files:
    """The images among the files of a source.

    Raises:
        UsageError: no images, images both in and beside class sub-folders, a label file that does
            not match, DICOM without pydicom.
    """
    entries, ignored = sift(found, source, settings.labels)
    if any(dicom.is_dicom(entry.name) for entry in entries):
        dicom.required(source)
    layout = classify(entries, settings, source, label_file(found, entries, settings, source))
    return Files(source, name, settings, layout, (*ignored, *spare_note(found, settings)))


def load_images(
    found: Sequence[Entry], settings: DataSettings, *, cache: Path | None, name: str, source: str
) -> Dataset:
    """All images among the files of a source, decoded to one size and one number of channels.

    Raises:
        UsageError: as `gather`; damaged images; DICOM slices among other images.
    """
    files = gather(found, settings, name=name, source=source)
    with quiet():
        looks = each(look, files.entries)
        good = [one for one in looks if isinstance(one, Look)]
        if len(good) < len(looks):
            refuse(_all_faults(files.entries, looks), len(looks), source)
        form = files.form(good)
        raw = stored(
            (len(looks), *form.size, form.channels),
            form.dtype,
            lambda out: _fill(out, files.entries, form, source),
            cache=cache,
            step="images",
            key=files.key(form),
        )
    return files.dataset(raw, form, good)


def _fill(out: Array, entries: Sequence[Entry], form: Form, source: str) -> None:
    def one(i: int) -> Fault | None:
        try:
            out[i] = form.pixels(entries[i])
        except Exception as error:  # Pillow raises errors of many kinds on damaged files.
            return Fault(entries[i].name, reason(error))
        return None

    faults = [fault for fault in each(one, range(len(entries))) if fault is not None]
    if faults:
        refuse(faults, len(entries), source)


def _all_faults(entries: Sequence[Entry], looks: Sequence[Look | Fault]) -> list[Fault]:
    """Faults of headers, and of the pixels behind the headers that are whole."""

    def one(pair: tuple[Entry, Look | Fault]) -> Fault | None:
        entry, seen = pair
        if isinstance(seen, Fault):
            return seen
        try:
            decode(entry, seen.channels, seen.bits)
        except Exception as error:
            return Fault(entry.name, reason(error))
        return None

    return [fault for fault in each(one, zip(entries, looks, strict=True)) if fault is not None]


def refuse(faults: Sequence[Fault], total: int, source: str) -> None:
    """Raises the UsageError that names files which cannot be read."""
    named = "; ".join(f"{fault.name} ({fault.why})" for fault in faults[:5])
    more = f"; and {len(faults) - 5:,} more" if len(faults) > 5 else ""
    raise UsageError(
        source,
        expected="images that can be read",
        received=f"{len(faults):,} of {total:,} that cannot: {named}{more}",
        remedy=f"Remove or replace them; `gantlet doctor {source}` lists them all",
    )
