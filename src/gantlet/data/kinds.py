"""The kinds of sources, and which of them a path is: by its content, then by its name."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from gantlet.data.archive import open_zip, zip_entries
from gantlet.data.arrays import open_npy, open_npz
from gantlet.data.builtin import BUILTINS
from gantlet.data.dataset import Dataset
from gantlet.data.folder import folder_entries, open_folder, readable_name
from gantlet.data.idx import find_idx, is_idx, named_idx, open_idx, open_idx_folder
from gantlet.data.packed import SUFFIX, is_packed, open_packed
from gantlet.data.pixels import SUFFIXES, Entry
from gantlet.data.settings import DataSettings
from gantlet.data.tables import is_table, named_table, open_table
from gantlet.errors import UsageError

__all__ = ["KINDS", "Kind", "readable", "sniff"]

Opens = Callable[[Path, DataSettings, Path | None], Dataset]
Entries = Callable[[Path], AbstractContextManager[list[Entry]]]


class Kind(NamedTuple):
    """One kind of source."""

    recognises: Callable[[Path], bool]
    """By content."""
    opens: Opens
    line: str
    """What it is, in one line."""
    named: Callable[[Path], bool] = lambda path: False
    """By name, where the content says nothing: so that the error names the kind."""
    entries: Entries | None = None
    """The files within, for kinds made of image files."""


def _starts(path: Path, magic: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _may_begin_with_array(path: Path) -> bool:
    """False where a zip's first member has another name: the directory need not be read."""
    with path.open("rb") as stream:
        head = stream.read(30)
        name = stream.read(int.from_bytes(head[26:28], "little"))
    return not head.startswith(b"PK\x03\x04") or name.endswith(b".npy")


def _is_npz(path: Path) -> bool:
    """A zip in which every member is an array."""
    if not zipfile.is_zipfile(path) or not _may_begin_with_array(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


KINDS: dict[str, Kind] = {
    "idx folder": Kind(
        lambda path: bool(find_idx(path)),
        open_idx_folder,
        "a folder of idx files as MNIST's four, .gz too",
    ),
    "folder": Kind(
        Path.is_dir,
        open_folder,
        "a folder of images; class sub-folders become labels",
        entries=folder_entries,
    ),
    "packed": Kind(
        is_packed,
        open_packed,
        "data that `gantlet pack` wrote",
        lambda path: path.suffix == SUFFIX,
    ),
    "npz": Kind(
        _is_npz,
        open_npz,
        "arrays in .npz: samples x, labels y",
        lambda path: path.suffix == ".npz",
    ),
    "zip": Kind(
        lambda path: path.is_file() and zipfile.is_zipfile(path),
        open_zip,
        "a zip of images, laid out as in a folder",
        lambda path: path.suffix == ".zip",
        zip_entries,
    ),
    "npy": Kind(
        lambda path: _starts(path, b"\x93NUMPY"),
        open_npy,
        "an array in .npy: (N, H, W), (N, C, H, W), (N, H, W, C) or points (N, D)",
        lambda path: path.suffix == ".npy",
    ),
    "idx": Kind(
        is_idx, open_idx, "an idx file, .gz too, with its labels file beside it", named_idx
    ),
    "table": Kind(
        is_table,
        open_table,
        "a table: CSV, TSV and JSON lines, .gz too, Parquet or Feather",
        named_table,
    ),
}


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What the system refuses within (permission, names too long) becomes a `UsageError`."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            str(error.filename or path),
            expected="a path that can be used",
            received=(error.strerror or str(error)).lower(),
            remedy="Check the path and its permissions",
        ) from error


def sniff(path: Path) -> str:
    """The name in `KINDS` of what `path` is.

    Raises:
        UsageError: there is no such path, it is no UTF-8, or of no known kind.
    """
    whole = os.path.realpath(path)
    if readable_name(whole) != whole:
        raise UsageError(
            readable_name(whole),
            expected="a path in UTF-8, links followed: runs record it",
            remedy="Rename what is not, or move the data to another folder",
        )
    if not path.exists():
        raise _missing(path)
    for name, kind in KINDS.items():
        if kind.recognises(path):
            return name
    for name, kind in KINDS.items():
        if kind.named(path):
            return name
    image = path.suffix.lower() in SUFFIXES
    kinds = ", ".join(re.split("[,;:]", kind.line)[0] for kind in KINDS.values())
    raise UsageError(
        f"{str(path)!r} is " + ("a single image" if image else "of no kind that is known"),
        expected=f"{kinds}, or a built-in name ({', '.join(BUILTINS)})",
        remedy="Put it into a folder with more images and give the folder" if image else "",
    )


def _missing(path: Path) -> UsageError:
    folder = path.parent
    beside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    near = get_close_matches(path.name, [*beside, *BUILTINS], n=3, cutoff=0.6)
    return UsageError(
        f"there is no {str(path)!r}",
        expected=f"an existing path or a built-in name ({', '.join(BUILTINS)})",
        remedy=f"Did you mean {' or '.join(near)}?" if near else "Check the path",
    )
