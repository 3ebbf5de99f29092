"""Files that are replaced as a whole, and that are on the disk once they are written."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["flush_folder", "flushed", "replaced"]


def flushed(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replaced(path: Path, content: bytes) -> None:
    """Replace a file as a whole: never half of it. Raises OSError where the disk refuses."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        flushed(draft, content)
        draft.replace(path)
        flush_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
