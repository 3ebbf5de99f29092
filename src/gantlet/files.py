"""Files that are replaced as a whole, and that are on the disk once they are written."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = [
    "added",
    "draft_of",
    "drafted",
    "flush_folder",
    "flushed",
    "replaced",
    "swept",
    "zipped",
]


def flushed(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def added(path: Path, line: str) -> None:
    """Add a line to a file of lines; one that a crash has torn stays a line of its own."""
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + line + "\n")


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replaced(path: Path, content: bytes) -> None:
    """Replace a file as a whole: never half of it. Raises OSError where the disk refuses."""
    draft = draft_of(path)
    try:
        flushed(draft, content)
        draft.replace(path)
        flush_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def drafted(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which has its name once it is whole and on the disk.

    What is interrupted leaves no file of this name, and an older one as it was. Raises OSError
    where the disk refuses.
    """
    draft = draft_of(path)
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        flush_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def zipped(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip as members come, not compressed; see `drafted`. Equal members, equal bytes."""
    with drafted(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)


def draft_of(path: Path) -> Path:
    """Where this process writes what it then renames to `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def swept(folder: Path) -> None:
    """Remove drafts that a crash has left; for the one process that may write there."""
    for draft in folder.glob(".*.part"):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
