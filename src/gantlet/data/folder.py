"""A folder of images."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from gantlet.data.assemble import short_name
from gantlet.data.dataset import Dataset
from gantlet.data.images import load_images
from gantlet.data.pixels import Entry
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError

__all__ = ["RECORDS", "folder_entries", "open_folder", "readable_name"]

RECORDS = ("run.json", "sweep.json")
"""Files that the folders of our runs and sweeps hold."""


@contextmanager
def folder_entries(path: Path) -> Iterator[list[Entry]]:
    """All files below a folder; links to folders are followed, each folder once.

    Of the folder of a run of ours, or of a sweep, its record alone: its pictures are no data.

    Links that lead nowhere, and files whose names are no UTF-8, raise OSError once opened.
    """
    yield list(_walk(path))


def _deny(error: OSError) -> None:
    raise UsageError(
        str(error.filename),
        expected="a folder that can be read",
        received=(error.strerror or str(error)).lower(),
        remedy="Check the path and its permissions",
    ) from error


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _misnamed(name: str) -> BinaryIO:
    raise OSError(errno.EILSEQ, "a name that is no UTF-8", name)


def readable_name(name: str) -> str:
    """A name with what is no UTF-8 in it as `\\xe9`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _entry(path: Path, root: Path) -> Entry | None:
    """A file; links that lead nowhere are files that cannot be opened, and so are odd names."""
    whole = path.is_file()
    if not whole and (path.exists() or not path.is_symlink()):
        return None
    facts = path.stat() if whole else path.lstat()
    name = path.relative_to(root).as_posix()
    shown = readable_name(name)
    opens = partial(_open, path) if shown == name else partial(_misnamed, shown)
    return Entry(shown, f"{facts.st_size}:{facts.st_mtime_ns}", opens, facts.st_size)


def _walk(root: Path) -> Iterator[Entry]:
    seen = set[str]()
    for here, folders, files in os.walk(root, followlinks=True, onerror=_deny):
        seen.add(os.path.realpath(here))
        folders[:] = sorted(f for f in folders if os.path.realpath(Path(here, f)) not in seen)
        records = [name for name in RECORDS if name in files and _is_record(Path(here, name))]
        if records and Path(here) != root:
            folders[:], read = [], records
        else:
            read = files
        entries = (_entry(Path(here, file), root) for file in read)
        yield from (entry for entry in entries if entry is not None)


def _is_record(path: Path) -> bool:
    """Whether a file says that its folder is one of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"format", "identity"} <= found.keys()


def open_folder(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The images of a folder."""
    with folder_entries(path) as entries:
        return load_images(entries, settings, cache=cache, name=short_name(path), source=str(path))
