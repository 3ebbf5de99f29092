"""Where a run goes: into its own folder, never into another run or among a person's files."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantlet.config import completed, differences
from gantlet.errors import GantletError, RunError, UsageError
from gantlet.training.folder import Folder

__all__ = ["disk_errors_told", "place"]

_FULL_OR_CLOSED = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENAMETOOLONG,
)


_ELSEWHERE = "Choose another one with --out (in Python: out=)."
_SHOWN = 8
_NAMES = {
    "data_fingerprint": "data: other samples or labels",
    "own_game": "another game",
}


def place(
    first: Path, identity: Mapping[str, Any], *, given: bool, fresh: bool
) -> tuple[Path, list[str]]:
    """The run's folder, and sentences on what was found there.

    Arguments:
        first: the folder asked for, or the default one.
        identity: of the run, as in its record.
        given: whether the person named the folder; else NAME-2, NAME-3, ... are tried.
        fresh: put a run that is there aside.

    Raises:
        UsageError: a named folder that holds another run (with the differences) or other files.
    """
    path, number, notes = first, 1, list[str]()
    while (fault := _fault(path, identity, given, fresh)) is not None:
        if given:
            raise fault
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    if path != first:
        notes.append(f"{first} holds something else, so this run goes to {path}.")
    if fresh and path.exists() and any(path.iterdir()):
        notes.append(f"The run that was in {path} is kept in {_put_aside(path)}.")
    return path, notes


def _fault(path: Path, identity: Mapping[str, Any], given: bool, fresh: bool) -> UsageError | None:
    """Why the run may not go to `path`; None if it may."""
    if path.exists() and not path.is_dir():
        return UsageError(
            f"run folder {path}", expected="a folder", received="a file", remedy=_ELSEWHERE
        )
    try:
        record = Folder(path).read_record()
    except UsageError:
        if not fresh:
            raise
        return None
    if record is None:
        return _no_run(path)
    lines = differences(completed(record["identity"]), identity)
    if not lines or (given and fresh):
        return None
    shown = "; ".join(_NAMES.get(line.partition(":")[0], line) for line in lines[:_SHOWN])
    rest = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return UsageError(
        f"run {path}",
        expected="the settings and data that it began with",
        received=f"others ({shown}{rest})",
        remedy="Use those, choose another folder with --out, or put it aside and begin anew with "
        "--fresh (in Python: out=, fresh=True).",
    )


def _no_run(path: Path) -> UsageError | None:
    """A folder without a run must be empty but for what a start that failed has left."""
    names = [entry.name for entry in path.iterdir()] if path.exists() else []
    others = sorted(name for name in names if not name.startswith("."))
    if not others:
        return None
    return UsageError(
        f"run folder {path}",
        expected="a run, or an empty folder",
        received=f"other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''})",
        remedy=_ELSEWHERE,
    )


def _put_aside(path: Path) -> Path:
    """Rename a run's folder that no process uses; its new name."""
    with Folder(path).locked():
        number = 1
        while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
            number += 1
        return path.rename(aside)


@contextmanager
def disk_errors_told(folder: Path) -> Iterator[None]:
    """A full or closed disk within becomes a RunError that says how to go on."""
    try:
        yield
    except GantletError:
        raise
    except OSError as error:
        if error.errno not in _FULL_OR_CLOSED:
            raise
        raise RunError(
            f"{error.filename or folder} could not be written: {error.strerror}",
            remedy="Free space or mend permissions, then run the same command to go on from the "
            "last checkpoint.",
        ) from error
