"""Image files, from wherever they come, to a `Dataset`.

Labels: see `gantlet.data.layout`. Sizes: see `gantlet.data.resize`. Damaged files are refused,
all of them in one error.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gantlet.data.assemble import assemble, ceiling, extent
from gantlet.data.dataset import Array, Dataset
from gantlet.data.layout import classify, sift
from gantlet.data.pixels import TRAITS, Entry, Fault, Look, decode, look, quiet, reason
from gantlet.data.resize import common_size, each, fit
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError

__all__ = ["load_images"]


def load_images(
    found: Sequence[Entry], settings: DataSettings, *, cache: Path | None, name: str, source: str
) -> Dataset:
    """All images among the files of a source, decoded to one size and one number of channels.

    Raises:
        UsageError: no images, damaged images, or images both in and beside class sub-folders.
    """
    entries, ignored = sift(found, source)
    layout = classify(entries, settings, source)
    with quiet():
        looks = each(look, layout.entries)
        good = [one for one in looks if isinstance(one, Look)]
        if len(good) < len(looks):
            _refuse(_all_faults(layout.entries, looks), len(looks), source)
        form = _Form.of(good, settings)
        raw = stored(
            (len(looks), *form.size, form.channels),
            f"uint{form.bits}",
            lambda out: _fill(out, layout.entries, form, source),
            cache=cache,
            step="images",
            key=_key(layout.entries, form),
        ).transpose(0, 3, 1, 2)
    return assemble(
        raw,
        layout.y,
        classes=layout.classes,
        low=0,
        high=255 if form.bits == 8 else ceiling("uint16", extent(raw)[1]),
        name=name,
        settings=settings,
        notes=[*layout.notes, *ignored, *_trait_notes(good), *form.notes(good)],
    )


@dataclass(frozen=True)
class _Form:
    """The one size, number of channels and depth of all images."""

    size: tuple[int, int]
    channels: int
    bits: int
    asked: bool

    @classmethod
    def of(cls, looks: Sequence[Look], settings: DataSettings) -> _Form:
        return cls(
            settings.size or common_size(one.size for one in looks),
            max(one.channels for one in looks),
            min(one.bits for one in looks),
            settings.size is not None,
        )

    def notes(self, looks: Sequence[Look]) -> Iterator[str]:
        sizes = {one.size for one in looks}
        changed = sum(one.size != self.size for one in looks)
        if changed:
            height, width = self.size
            rule = "as data.size says" if self.asked else "the common size; data.size sets another"
            yield (
                f"Images cropped to the centre and resized to {height}x{width} (height x width, "
                f"{rule}): {changed:,} of {len(looks):,}, which have {len(sizes):,} sizes."
            )
        grey = sum(one.channels == 1 for one in looks)
        if self.channels == 3 and grey:
            yield f"Grey images converted to RGB: {grey:,} of {len(looks):,}."
        deep = sum(one.bits == 16 for one in looks)
        if self.bits == 8 and deep:
            yield f"Images of 16 bits brought to 8: {deep:,} of {len(looks):,}."


def _trait_notes(looks: Sequence[Look]) -> list[str]:
    counts = Counter(trait for one in looks for trait in one.traits)
    return [f"{text}: {counts[t]:,}." for t, text in TRAITS.items() if counts[t]]


def _key(entries: Sequence[Entry], form: _Form) -> str:
    facts = repr(([(entry.name, entry.stamp) for entry in entries], form))
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


def _fill(out: Array, entries: Sequence[Entry], form: _Form, source: str) -> None:
    def one(i: int) -> Fault | None:
        try:
            out[i] = fit(decode(entries[i], form.channels, form.bits), form.size)
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
