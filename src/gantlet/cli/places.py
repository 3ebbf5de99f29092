"""Places that results go to: never those of what was read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gantlet.errors import UsageError

__all__ = ["spared"]


def spared(out: Path, run: Path, read: Mapping[str, Path | None] | None = None) -> Path:
    """An output's path, which neither replaces what is read nor joins what the run trained on.

    Arguments:
        run: the folder of the run, whose data are told by its record.
        read: other files and folders that are read, by what they are.

    Raises:
        UsageError: it is one of them, a file within one of these folders, or a folder or picture
            within the data, away from the folder that the run is in.
    """
    data, place = _source(run), out.resolve()
    if data is not None and _is(data, place):
        raise _refused(out, "the data that the run was trained on")
    if data is not None and _joins(data.resolve(), place, run.resolve()):
        raise _refused(out, "a place within the data that the run was trained on")
    for what, path in (read or {}).items():
        if path is not None and (_is(path, place) or (place.is_file() and _within(path, place))):
            raise _refused(out, what)
    return out


def _source(run: Path) -> Path | None:
    """Where the run's data are; None if that is no path but a name or an address, or not known."""
    from gantlet.training.folder import Folder

    if not run.is_dir():
        return None
    with suppress(UsageError):  # of a record that cannot be read nothing is known
        source = Path((Folder(run).read_record() or {}).get("source") or "")
        return source if source.is_absolute() else None
    return None


def _is(path: Path, place: Path) -> bool:
    return path.exists() and place.exists() and path.samefile(place)


def _within(folder: Path, place: Path) -> bool:
    return folder.is_dir() and place.is_relative_to(folder.resolve())


def _joins(data: Path, place: Path, run: Path) -> bool:
    """Whether a folder or a picture would be found among the data when they are read again."""
    from gantlet.data.pixels import SUFFIXES

    home = run.parent if data in run.parent.parents else run
    read = place.suffix.lower() in ("", *SUFFIXES)
    return read and _within(data, place) and not place.is_relative_to(home)


def _refused(out: Path, what: str) -> UsageError:
    return UsageError(
        f"samples as {out}",
        expected="another place than that of what they come from",
        received=what,
        remedy="Choose another one with --out",
    )
