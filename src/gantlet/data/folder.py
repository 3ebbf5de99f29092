"""A folder of images."""

from __future__ import annotations

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

__all__ = ["folder_entries", "open_folder"]


@contextmanager
def folder_entries(path: Path) -> Iterator[list[Entry]]:
    """All files below a folder; links to folders are followed, each folder once."""
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


def _walk(root: Path) -> Iterator[Entry]:
    seen = set[str]()
    for here, folders, files in os.walk(root, followlinks=True, onerror=_deny):
        seen.add(os.path.realpath(here))
        folders[:] = sorted(f for f in folders if os.path.realpath(Path(here, f)) not in seen)
        for file in files:
            path = Path(here, file)
            if path.is_file():
                facts = path.stat()
                stamp = f"{facts.st_size}:{facts.st_mtime_ns}"
                yield Entry(
                    path.relative_to(root).as_posix(), stamp, partial(_open, path), facts.st_size
                )


def open_folder(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The images of a folder."""
    with folder_entries(path) as entries:
        return load_images(entries, settings, cache=cache, name=short_name(path), source=str(path))
