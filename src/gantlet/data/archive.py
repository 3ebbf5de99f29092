"""A zip of images, read without unpacking it.

Archives are written by others: names that lead out of the archive, links, encryption and bombs
are refused before a member is read. Python's zipfile yields at most the declared size of a
member and checks its CRC, so declared sizes bound what is read.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from gantlet.data.assemble import short_name
from gantlet.data.dataset import Dataset
from gantlet.data.images import load_images
from gantlet.data.pixels import Entry
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError

__all__ = ["check_members", "open_zip", "swells", "zip_entries"]

_TOTAL = 10 * 2**30
"""Bytes of all members together: 10 GiB."""
_LARGE, _RATIO = 10 * 2**20, 200
"""Content above 10 MiB that shrinks by more than this is taken for a bomb."""
_UNPACK = "Unpack it yourself if you trust it, and give the folder"


def swells(unpacked: int, packed: int) -> bool:
    """Whether content of so many bytes is taken for a bomb: above max(10 MiB, 200 packed)."""
    return unpacked > max(_LARGE, _RATIO * packed)


def _danger(info: zipfile.ZipInfo) -> str | None:
    """What is dangerous about a member, if anything."""
    name = info.filename
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "an absolute name"
    if ".." in name.replace("\\", "/").split("/"):
        return "a name with '..'"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a symbolic link"
    if info.flag_bits & 0x1:
        return "an encrypted member"
    return None


def check_members(archive: zipfile.ZipFile, source: str, remedy: str) -> None:
    """Refuses an archive with members that are dangerous to read, or too large together.

    Raises:
        UsageError: names with `..`, absolute names, links, encryption, more than 10 GiB.
    """
    for info in archive.infolist():
        if danger := _danger(info):
            raise UsageError(
                source,
                expected="a plain archive",
                received=f"{danger}: {info.filename!r}",
                remedy=remedy,
            )
    total = sum(info.file_size for info in archive.infolist())
    if total > _TOTAL:
        raise UsageError(
            source,
            expected=f"at most {_TOTAL / 2**30:.0f} GiB when unpacked",
            received=f"{total / 2**30:.1f} GiB",
            remedy=remedy,
        )


def _check_swelling(archive: zipfile.ZipFile, source: str) -> None:
    for info in archive.infolist():
        if swells(info.file_size, info.compress_size):
            raise UsageError(
                source,
                expected="a plain archive",
                received=f"a member of {info.file_size:,} bytes packed into "
                f"{info.compress_size:,} (a bomb): {info.filename!r}",
                remedy=_UNPACK,
            )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return BytesIO(archive.read(info))


@contextmanager
def zip_entries(path: Path) -> Iterator[list[Entry]]:
    """All files in an archive, which stays open within."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UsageError(
            str(path),
            expected="a zip archive",
            received=f"a damaged one ({error})",
            remedy="Make or download the archive again",
        ) from error
    with archive:
        check_members(archive, str(path), _UNPACK)
        _check_swelling(archive, str(path))
        files = [info for info in archive.infolist() if not info.is_dir()]
        yield [
            Entry(i.filename, f"{i.file_size}:{i.CRC}", partial(_read, archive, i), i.file_size)
            for i in files
        ]


def open_zip(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The images of an archive, laid out as in a folder."""
    with zip_entries(path) as entries:
        return load_images(entries, settings, cache=cache, name=short_name(path), source=str(path))
