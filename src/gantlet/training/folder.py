"""A run's folder: its files, its lock, its log."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantlet import dist
from gantlet.config import Config
from gantlet.config_text import to_yaml
from gantlet.errors import RunError, UsageError, newer_format
from gantlet.files import swept
from gantlet.training.writing import write_text

__all__ = ["FORMAT", "Folder"]

FORMAT = 1
"""Of `run.json`."""


@dataclass(frozen=True)
class Folder:
    """Paths below a run's folder, and what may be done there."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """One folder for each checkpoint."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """A grid for each tick, from fixed latents."""
        return self.path / "samples"

    @property
    def bundle(self) -> Path:
        """The generator for use elsewhere."""
        return self.path / "bundle"

    @property
    def log(self) -> Path:
        """One JSON object a tick."""
        return self.path / "log.jsonl"

    @property
    def record(self) -> Path:
        """What the run is: identity, data, split, machine."""
        return self.path / "run.json"

    def create(self) -> None:
        """Make the folder and try whether it can be written to."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".lock").touch()
        except OSError as error:
            raise UsageError(
                f"run folder {self.path}",
                expected="a folder that can be written to",
                received=error.strerror or str(error),
                remedy="Choose another one with --out (in Python: out=).",
            ) from None

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """The folder, made and locked by rank 0; the other ranks wait until it is."""
        with ExitStack() as held:
            with dist.first_alone():
                if dist.rank() == 0:
                    self.create()
                    held.enter_context(self.locked())
                    for place in (self.path, self.samples, self.bundle):
                        swept(place)
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock; the system lets go of it when the process ends, however it does.

        Raises UsageError where another process holds it.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"run {self.path} is in use by another process",
                    remedy="Wait for it or stop it, or choose another folder with --out (out=).",
                ) from None
            yield

    def read_record(self) -> dict[str, Any] | None:
        """`run.json`, or None where no run has begun here."""
        try:
            record: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
            if not {"format", "identity", "machine"} <= record.keys():
                raise ValueError("keys are missing")
            if not isinstance(record["format"], int):
                raise ValueError("its format is no number")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise self.unreadable(error) from None
        if record["format"] > FORMAT:
            raise newer_format(f"run {self.path}", record["format"], FORMAT)
        return record

    def unreadable(self, error: Exception) -> UsageError:
        """What is told of a record that is not as it was written."""
        return UsageError(
            f"run record {self.record} cannot be read: {error}",
            remedy="Restore it, or start afresh with --fresh (in Python: fresh=True).",
        )

    def write_config(self, config: Config) -> None:
        """Write `config.yaml`, with a comment beside each setting."""
        write_text(self.path / "config.yaml", to_yaml(config))

    def write_split(self, held_out: Sequence[int]) -> None:
        """Write `split.json`: which samples are held out, by their place in the data."""
        write_text(self.path / "split.json", json.dumps({"held_out": held_out}) + "\n")

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        write_text(self.record, json.dumps(record, indent=1))

    def rows(self) -> list[dict[str, Any]]:
        """The log's rows; a last line that a crash has torn is left out."""
        if not self.log.exists():
            return []
        rows = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
        return rows

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to the log."""
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise RunError(
                f"log {self.log} could not be written: {error.strerror}",
                remedy="Free space, then run the same command to go on from the last checkpoint.",
            ) from error

    def cut(self, seen: int) -> list[dict[str, Any]]:
        """Remove what the log and the samples hold beyond `seen` samples; the rows that stay."""
        kept = [row for row in self.rows() if row["seen"] <= seen]
        write_text(self.log, "".join(json.dumps(row) + "\n" for row in kept))
        for picture in self.samples.glob(f"{'[0-9]' * 12}.png"):
            if int(picture.stem) > seen:
                picture.unlink()
        return kept
