"""Labels from a file beside the images: CSV, StyleGAN's dataset.json, or a JSON mapping.

Each image has one class, or the values of several columns (`gantlet.data.attributes`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gantlet.data.pixels import Entry
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError

__all__ = ["TRAINING", "Given", "LabelFile", "label_file", "labels_for", "spare_note"]

Given = str | Mapping[str, Any]
"""What a label file says of an image: its class, or a cell of each column."""

_USUAL = ("labels.csv", "labels.json", "dataset.json", "metadata.csv")
_FILE = ("file", "file_name", "filename", "image", "image_id")
_LABEL = ("label", "class")
_SHOWN = 5
"""Names of columns or files that a sentence shows."""
TRAINING = ("train", "training")
"""Names of folders, in lower case, that hold the training part of a split."""
_FORMS = (
    "a CSV with the columns file and label, or file and others for conditions, a JSON object of "
    'names and labels, or one with "labels": [[name, class], ...]'
)


@dataclass(frozen=True)
class LabelFile:
    """What was read of a label file."""

    given: Mapping[str, Given]
    """By the names of the images."""
    notes: tuple[str, ...]


def label_file(
    found: Iterable[Entry], images: Sequence[Entry], settings: DataSettings, source: str
) -> LabelFile | None:
    """What is said of each image; None where `data.labels` names no file.

    The file is one of the source (`labels.csv`, `set/labels.csv`), else a path. Names in it begin
    at its own folder or at the source.

    Raises:
        UsageError: there is no such file; it is of no known form; it names unknown images, gives
            one image two labels, or some a class and others several values.
    """
    name = settings.labels
    if not isinstance(name, str):
        return None
    name, content, folder = _content(name, list(found), source)
    labels = dict[str, Given]()
    unknown, known = list[str](), {image.name for image in images}
    for given, label in _pairs(name, content, settings.conditions):
        inside = (folder / given).as_posix()
        image = inside if inside in known else given
        if image not in known:
            unknown.append(given)
        elif labels.setdefault(image, label) != label:
            raise _wrong(
                name,
                "one label for each image",
                f"{labels[image]!r} and {label!r} for {given!r}",
                "Keep one of the two; several labels of an image are conditions, a column each",
            )
    if unknown:
        raise _wrong(
            name,
            f"names of images in {source}",
            f"{len(unknown):,} more, first {unknown[0]!r}",
            f"Names begin at the folder of {PurePosixPath(name).name}; an image here is "
            f"{images[0].name!r}",
        )
    if len({isinstance(label, str) for label in labels.values()}) > 1:
        raise _wrong(
            name,
            "one class for each image, or several values",
            "both",
            "Give all images the one or the other",
        )
    return LabelFile(labels, _unused(name, content, settings))


def labels_for(
    images: Sequence[Entry], labels: Mapping[str, Given], settings: DataSettings
) -> list[Given]:
    """The labels of images in their order. Raises UsageError where some have none."""
    missed = [image.name for image in images if image.name not in labels]
    if missed:
        raise _wrong(
            str(settings.labels),
            f"a label for each of {len(images):,} images",
            f"none for {len(missed):,} of them, first {missed[0]!r}",
            "Add them, remove the images, or set data.labels=false to use no labels",
        )
    return [labels[image.name] for image in images]


def spare_note(found: Iterable[Entry], settings: DataSettings) -> list[str]:
    """A note of a file that may hold labels and is not used."""
    if settings.labels is not True:
        return []
    usual = [entry.name for entry in found if entry.name.rpartition("/")[2] in _USUAL]
    usual.sort(key=lambda name: not _trains(name))
    return [f"data.labels={name} would take the labels from that file." for name in usual[:1]]


def _unused(name: str, content: str, settings: DataSettings) -> tuple[str, ...]:
    """A note of the columns beside that of the class."""
    header = [column.strip() for column in next(csv.reader(io.StringIO(content, newline="")), [])]
    is_class = any(column.lower() in _LABEL for column in header)
    others = [column for column in header if column and column.lower() not in _FILE + _LABEL]
    if settings.conditions or name.lower().endswith(".json") or not is_class or not others:
        return ()
    more = ", ..." * (len(others) > _SHOWN)
    return (
        f"The classes are those of {name}; its other columns ({', '.join(others[:_SHOWN])}{more}) "
        "are not used. data.conditions names columns to be asked for together.",
    )


def _wrong(name: str, expected: str, received: str, remedy: str = "") -> UsageError:
    return UsageError(
        f"the label file {name}", expected=expected, received=received, remedy=remedy
    )


def _trains(name: str) -> bool:
    """Whether a file is of the training part of a split."""
    return name.partition("/")[0].lower() in TRAINING


def _inside(name: str, found: Sequence[Entry], source: str) -> Entry | None:
    """The file of that name in the source, or one folder below; None where there is none."""
    root, path = Path(source), Path(name)
    if path.is_file() and root.is_dir() and path.resolve().is_relative_to(root.resolve()):
        name = path.resolve().relative_to(root.resolve()).as_posix()
    below = [e for e in found if e.name.endswith(f"/{name}") and e.name.count("/") == 1]
    for matches in (
        [e for e in found if e.name == name],
        [e for e in below if _trains(e.name)],
        below,
    ):
        if len(matches) == 1:
            return matches[0]
    if not below:
        return None
    raise _wrong(
        name,
        "one file of that name",
        ", ".join(entry.name for entry in below[:_SHOWN]),
        f"Say which, as in data.labels={below[0].name}",
    )


def _content(name: str, found: Sequence[Entry], source: str) -> tuple[str, str, PurePosixPath]:
    """The name of a label file as it was found, its text, and its folder within the source."""
    inside = _inside(name, found, source)
    if inside is None and not Path(name).is_file():
        near = [entry.name for entry in found if entry.name.endswith((".csv", ".json"))]
        raise _wrong(
            name,
            f"a file in {source}, or a path",
            "no such file",
            f"Did you mean {' or '.join(near[:3])}?" if near else "",
        )
    if inside is None:
        content, folder = Path(name).read_bytes(), PurePosixPath()
    else:
        name, folder = inside.name, PurePosixPath(inside.name).parent
        with inside.open() as stream:
            content = stream.read()
    try:
        return name, content.decode("utf-8-sig"), folder
    except UnicodeDecodeError as error:
        raise _wrong(name, _FORMS, f"no text in UTF-8 ({error.reason})") from None


def _pairs(name: str, content: str, wanted: Sequence[str]) -> Iterator[tuple[str, Given]]:
    is_json = name.lower().endswith(".json")
    pairs = _from_json(name, content) if is_json else _from_csv(name, content, wanted)
    for file, given in _flagged(list(pairs)):
        if isinstance(given, dict):
            yield _plain(file), _chosen(name, file, given, wanted)
            continue
        label = int(given) if isinstance(given, float) and given.is_integer() else given
        if not isinstance(label, str | int) or not str(label).strip():
            raise _wrong(
                name,
                "one class for each image, as text or a whole number, a list of texts, or an "
                "object of several values",
                f"{json.dumps(label)} for {file!r}",
                "Real numbers are conditions, which have names: a CSV with the columns file and "
                'angle, or {"a.png": {"angle": 30}}',
            )
        yield _plain(file), str(label).strip()


def _plain(file: str) -> str:
    return file.replace("\\", "/").removeprefix("./")


def _flagged(pairs: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Lists of labels as a flag for each label that any image has."""
    lists = [given for _, given in pairs if _is_list_of_texts(given)]
    known = sorted({text for given in lists for text in given})
    for file, given in pairs:
        listed = _is_list_of_texts(given)
        yield file, {text: text in given for text in known} if listed else given


def _is_list_of_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(text, str) for text in given)


def _chosen(name: str, file: str, given: Mapping[str, Any], wanted: Sequence[str]) -> Given:
    missed = [column for column in wanted if column not in given]
    if missed:
        raise _wrong(
            name,
            f"{missed[0]} among its columns, as data.conditions says",
            f"{', '.join(given) or 'no value'} for {file!r}",
        )
    return {column: given[column] for column in wanted or given}


def _from_csv(name: str, content: str, wanted: Sequence[str]) -> Iterator[tuple[str, Any]]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    try:
        yield from _of_rows(name, rows, wanted)
    except csv.Error as error:
        raise _wrong(
            name,
            "cells of at most 131,072 characters",
            f"a fault at line {rows.line_num:,} ({error})",
            "Look for a quote that is opened at that line or before, and not closed",
        ) from None


def _of_rows(
    name: str, rows: csv.DictReader[str], wanted: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    header = [column.strip() for column in rows.fieldnames or ()]
    rows.fieldnames = header
    lower = {column.lower(): column for column in header}
    file, label = (
        next((lower[c] for c in words if c in lower), None) for words in (_FILE, _LABEL)
    )
    others = [column for column in header if column and column != file]
    if file is None or not others or len(set(others)) < len(others):
        raise _wrong(name, _FORMS, f"the columns {', '.join(header) or 'of an empty file'}")
    for row in rows:
        if any(cell.strip() for cell in row.get(None) or ()):
            raise _wrong(
                name,
                f"{len(header)} cells in each line, as in the first",
                f"more at line {rows.line_num:,}, for {row[file]!r}",
                'Put text with commas into quotes: "cat, black"',
            )
        cells = {column: row[column] for column in others}
        yield (row[file] or "").strip(), cells if label is None or wanted else row[label]


def _from_json(name: str, content: str) -> Iterator[tuple[str, Any]]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object; json keeps the last of several values of a key."""
        found = dict[str, Any]()
        for key, value in pairs:
            if found.setdefault(key, value) is not value and found[key] != value:
                told = f"{json.dumps(found[key])} and {json.dumps(value)} for {key!r}"
                raise _wrong(name, "one value for each key", told, "Keep one of the two")
        return found

    try:
        values = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _wrong(name, _FORMS, f"no JSON ({error})") from None
    pairs = values.get("labels", values) if isinstance(values, dict) else None
    if isinstance(pairs, dict):
        pairs = [list(pair) for pair in pairs.items()]
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        raise _wrong(name, _FORMS, "JSON of another form")
    yield from ((file, label) for file, label in pairs)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
