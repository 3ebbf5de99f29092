"""Image files, from wherever they come, to a `Dataset`.

Labels: see `gantlet.data.layout`. Sizes: see `gantlet.data.resize`. Damaged files are refused,
all of them in one error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from gantlet.data import dicom
from gantlet.data.assemble import assemble
from gantlet.data.dataset import Array, Dataset
from gantlet.data.form import Form, form_of
from gantlet.data.label_file import label_file, spare_note
from gantlet.data.layout import classify, sift
from gantlet.data.pixels import Entry, Fault, Look, decode, look, quiet, reason
from gantlet.data.resize import each
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError

__all__ = ["load_images"]


def load_images(
    found: Sequence[Entry], settings: DataSettings, *, cache: Path | None, name: str, source: str
) -> Dataset:
    """All images among the files of a source, decoded to one size and one number of channels.

    Raises:
        UsageError: no images, damaged images, images both in and beside class sub-folders, or
            DICOM slices among other images.
    """
    entries, ignored = sift(found, source)
    if any(dicom.is_dicom(entry.name) for entry in entries):
        dicom.required(source)
    layout = classify(entries, settings, source, label_file(found, entries, settings, source))
    with quiet():
        looks = each(look, layout.entries)
        good = [one for one in looks if isinstance(one, Look)]
        if len(good) < len(looks):
            _refuse(_all_faults(layout.entries, looks), len(looks), source)
        form = form_of(layout.entries, good, settings, source)
        raw = stored(
            (len(looks), *form.size, form.channels),
            form.dtype,
            lambda out: _fill(out, layout.entries, form, source),
            cache=cache,
            step="images",
            key=_key(layout.entries, form),
        ).transpose(0, 3, 1, 2)
    low, high = form.range(raw)
    return assemble(
        raw,
        layout.y,
        classes=layout.classes,
        low=low,
        high=high,
        name=name,
        settings=settings,
        notes=[*layout.notes, *ignored, *spare_note(found, settings), *form.notes(good)],
    )


def _key(entries: Sequence[Entry], form: Form) -> str:
    facts = repr(([(entry.name, entry.stamp) for entry in entries], form))
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


def _fill(out: Array, entries: Sequence[Entry], form: Form, source: str) -> None:
    def one(i: int) -> Fault | None:
        try:
            out[i] = form.pixels(entries[i])
        except Exception as error:  # Pillow raises errors of many kinds on damaged files.
            return Fault(entries[i].name, reason(error))
        return None

    faults = [fault for fault in each(one, range(len(entries))) if fault is not None]
    if faults:
        _refuse(faults, len(entries), source)


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


def _refuse(faults: Sequence[Fault], total: int, source: str) -> None:
    named = "; ".join(f"{fault.name} ({fault.why})" for fault in faults[:5])
    more = f"; and {len(faults) - 5:,} more" if len(faults) > 5 else ""
    raise UsageError(
        source,
        expected="images that can be read",
        received=f"{len(faults):,} of {total:,} that cannot: {named}{more}",
        remedy=f"Remove or replace them; `gantlet doctor {source}` lists them all",
    )
