"""Which files of a source are its images, and which class each belongs to.

With the folders that all images share set aside, the first folder of each path is its class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from posixpath import splitext

import numpy as np

from gantlet.data.attributes import fitted
from gantlet.data.dataset import Labels
from gantlet.data.label_file import TRAINING, Given, LabelFile, labels_for
from gantlet.data.pixels import SUFFIXES, Entry
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError
from gantlet.spec import Condition

__all__ = ["Layout", "classify", "counted", "natural", "sift"]

_DIGITS = 640
"""Digits that Python makes a number of, whatever its limit is."""
_TESTING = ("test", "testing", "val", "valid", "validation", "dev", "eval")


@dataclass(frozen=True)
class Layout:
    """Which of the files are used, and their classes or conditions."""

    entries: tuple[Entry, ...]
    classes: tuple[str, ...]
    y: Labels | None
    notes: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


def natural(names: set[str]) -> tuple[str, ...]:
    """Names in order; by value where all are whole numbers, those of one value by their text."""
    whole = all(name.isdecimal() and len(name) <= _DIGITS for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if whole else 0, name)))


def sift(
    entries: Sequence[Entry], source: str, labels: bool | str = True
) -> tuple[list[Entry], list[str]]:
    """The image files in order of their names, and a note of what was ignored.

    Arguments:
        entries, source: all files, and where they are from.
        labels: `data.labels`; a file of that name is no image, and not ignored.

    Raises:
        UsageError: there is no image file.
    """
    kept, ignored = [], Counter[str]()
    for entry in sorted(entries, key=lambda entry: entry.name):
        suffix = splitext(entry.name)[1].lower()
        if any(part.startswith(".") or part == "__MACOSX" for part in _parts(entry)):
            ignored["hidden"] += 1
        elif suffix in SUFFIXES:
            kept.append(entry)
        elif entry.name != labels:
            ignored[suffix or "no suffix"] += 1
    if not kept:
        raise UsageError(
            source,
            expected=f"image files ({', '.join(SUFFIXES)})",
            received=", ".join(f"{n} {kind}" for kind, n in ignored.items()) or "nothing",
            remedy="Give the folder or zip that holds the images",
        )
    counts = ", ".join(f"{kind} {n}" for kind, n in ignored.most_common(5))
    number = ignored.total()
    return kept, [f"Ignored {_files(number)} without images ({counts})."] if number else []


def _parts(entry: Entry) -> tuple[str, ...]:
    """The folders and the file that a name consists of."""
    return tuple(part for part in entry.name.split("/") if part not in ("", "."))


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


def counted(number: int) -> str:
    """`1 image` or `n images`."""
    return "1 image" if number == 1 else f"{number:,} images"


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders all paths begin with."""
    levels = zip(*folders, strict=False)
    return sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))


def classify(
    entries: Sequence[Entry],
    settings: DataSettings,
    source: str,
    labels: LabelFile | None = None,
) -> Layout:
    """Classes or conditions by `labels`, by the name of each image; by sub-folder without them.

    Folders `train` or `Training` beside `test`, `val` and the like are a split: only that for
    training is used.

    Raises:
        UsageError: some images lie in sub-folders and some beside them, or have no label.
    """
    paths = [_parts(entry) for entry in entries]
    shared = _shared([path[:-1] for path in paths])
    tops = [path[shared] if len(path) > shared + 1 else "" for path in paths]
    names = set(tops)
    training = [name for name in names if name.lower() in TRAINING]
    testing = [name for name in names if name.lower() in _TESTING]
    if len(training) == 1 and testing and len(testing) == len(names) - 1:
        kept = [entry for entry, top in zip(entries, tops, strict=True) if top == training[0]]
        inner = classify(kept, settings, source, labels)
        left = f"Only the folder {training[0]!r} is used; {counted(len(entries) - len(kept))} in "
        others = ", ".join(repr(name) for name in sorted(testing))
        return replace(inner, notes=(f"{left}{others} left out.", *inner.notes))
    if labels is not None:
        given = labels_for(entries, labels.given, settings)
        found = _labelled(entries, given, str(settings.labels))
        return replace(found, notes=(*found.notes, *labels.notes))
    if names == {""}:
        note = f"All images lie in the sub-folder {'/'.join(paths[0][:shared])!r}: no labels."
        return Layout(tuple(entries), (), None, (note,) if shared else ())
    if "" in names and settings.labels:
        loose = [entry.name for entry, top in zip(entries, tops, strict=True) if not top]
        raise UsageError(
            source,
            expected="all images in class sub-folders, or none",
            received=f"{len(loose)} of {counted(len(entries))} beside them ({loose[0]}, ...)",
            remedy="Move those into sub-folders, or set data.labels=false to use no labels",
        )
    if "" in names:
        return Layout(tuple(entries), (), None, ())
    return _layout(entries, tops)


def _labelled(entries: Sequence[Entry], labels: Sequence[Given], file: str) -> Layout:
    classes = [label for label in labels if isinstance(label, str)]
    if classes:
        return _layout(entries, classes)
    rows = [label for label in labels if not isinstance(label, str)]
    found = fitted(file, [entry.name for entry in entries], rows)
    return Layout(tuple(entries), (), found.values, found.notes, found.conditions)


def _layout(entries: Sequence[Entry], labels: Sequence[str]) -> Layout:
    classes = natural(set(labels))
    number = {name: i for i, name in enumerate(classes)}
    y = np.array([number[label] for label in labels], dtype=np.int64)
    return Layout(tuple(entries), classes, y, ())
