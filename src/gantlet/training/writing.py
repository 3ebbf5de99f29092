"""Files of a run, and what a disk that refuses them is told as."""

from __future__ import annotations

from pathlib import Path

from gantlet.errors import RunError
from gantlet.files import replaced

__all__ = ["refused", "write_bytes", "write_text"]


def refused(path: Path, error: OSError) -> RunError:
    """What a disk that refuses is told as."""
    return RunError(
        f"{path} could not be written: {error.strerror}",
        remedy="Free space or mend permissions, then run the same command to go on from the last "
        "checkpoint.",
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file as a whole: never half of it. Raises RunError where the disk refuses."""
    try:
        replaced(path, content)
    except OSError as error:
        raise refused(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Replace a text file as a whole. Raises RunError where the disk refuses."""
    write_bytes(path, text.encode())
