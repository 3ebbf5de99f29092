"""Answers of raters in an SQLite file: each is on the disk before the next image is shown."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gantlet.errors import RunError, UsageError, newer_format

__all__ = ["FILE", "FORMAT", "Answer", "Answers"]

FORMAT = 1
"""The file's user_version."""
FILE = "judge.sqlite"
_APPLICATION = 0x47414E54
"""The file's application_id: "GANT"."""
_WAIT = 30.0
"""Seconds to wait for another writer."""
_REFUSED = tuple(
    f"SQLITE_{name}" for name in ("BUSY", "CANTOPEN", "FULL", "IOERR", "PERM", "READONLY")
)
"""Names of errors that are the system's, not the file's."""
_TABLES = """
CREATE TABLE panels (
    key TEXT PRIMARY KEY,
    weights TEXT NOT NULL,
    seed INTEGER NOT NULL,
    n INTEGER NOT NULL,
    seconds REAL,
    about TEXT NOT NULL,
    checksum TEXT NOT NULL
);
CREATE TABLE answers (
    panel TEXT NOT NULL REFERENCES panels (key),
    rater TEXT NOT NULL,
    item TEXT NOT NULL,
    generated INTEGER NOT NULL CHECK (generated IN (0, 1)),
    said_generated INTEGER NOT NULL CHECK (said_generated IN (0, 1)),
    seconds REAL NOT NULL,
    at TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (panel, rater, item)
);
"""


def _checksum(values: Iterable[Any]) -> str:
    """Tells a row that was altered by accident; whoever means harm can compute it too."""
    text = json.dumps(list(values), default=repr)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What one rater said of one image."""

    panel: str
    rater: str
    item: str
    generated: bool
    said_generated: bool
    seconds: float
    """From the image to the answer."""
    at: str
    """When: UTC, ISO 8601."""

    @property
    def wrong(self) -> bool:
        """Whether the rater erred."""
        return self.generated != self.said_generated

    @property
    def checksum(self) -> str:
        """Of all that the answer says."""
        return _checksum(vars(self).values())


@dataclass(frozen=True)
class Answers:
    """The answers to a run's images, in one file; any number of processes may write.

    Raises:
        UsageError: the file is no such database, is damaged, or of a newer format. It is left as
            it is.
        RunError: the disk refuses.
    """

    path: Path

    @classmethod
    def of(cls, run: str | Path) -> Answers:
        """Those in a run's folder."""
        return cls(Path(run) / FILE)

    def open_panel(
        self,
        key: str,
        about: Mapping[str, Any],
        *,
        weights: str = "",
        seed: int = 0,
        n: int = 0,
        seconds: float | None = None,
    ) -> None:
        """Record what is judged; nothing where it is there already.

        Arguments:
            key: of the panel, which tells it from all others.
            about: run, data, samples seen, and where the real images are from.
            weights: SHA-256 of the generator's weights.
            seed, n, seconds: of the samples, how many images, and the time limit.
        """
        limit = None if seconds is None else float(seconds)
        row = (key, weights, seed, n, limit, json.dumps(dict(about)))
        with self._open() as database:
            database.execute(
                "INSERT OR IGNORE INTO panels VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, _checksum(row))
            )

    def add(
        self, panel: str, rater: str, item: str, generated: bool, said: bool, seconds: float
    ) -> bool:
        """Store an answer at once; False where the rater has answered that before.

        The first answer counts: a page that was left open, or a second click, changes nothing.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        answer = Answer(panel, rater, item, generated, said, round(seconds, 3), at)
        with self._open() as database:
            done = database.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*vars(answer).values(), answer.checksum),
            )
        return done.rowcount == 1

    def answered(self, panel: str, rater: str) -> set[str]:
        """The items of a panel that a rater has answered."""
        with self._open() as database:
            rows = database.execute(
                "SELECT item FROM answers WHERE panel = ? AND rater = ?", (panel, rater)
            )
            return {item for (item,) in rows}

    def panels(self) -> dict[str, dict[str, Any]]:
        """What was judged, by key, oldest first: its weights, seed, n, seconds, and about."""
        with self._open() as database:
            rows = database.execute("SELECT * FROM panels ORDER BY rowid").fetchall()
            if any(_checksum(row) != checksum for *row, checksum in rows):
                raise self._damaged("what is told of the images was changed")
            names = ("weights", "seed", "n", "seconds")
            return {
                key: {**dict(zip(names, told, strict=True)), **json.loads(about)}
                for key, *told, about, _ in rows
            }

    def all(self) -> tuple[list[Answer], int]:
        """All answers that are as they were stored, and how many are not."""
        with self._open() as database:
            rows = database.execute("SELECT * FROM answers ORDER BY rowid").fetchall()
        found = [
            (Answer(panel, rater, item, bool(made), bool(said), seconds, at), checksum)
            for panel, rater, item, made, said, seconds, at, checksum in rows
        ]
        whole = [answer for answer, checksum in found if answer.checksum == checksum]
        return whole, len(found) - len(whole)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction, flushed to disk before it counts."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT)) as database:
                database.execute("PRAGMA synchronous = FULL")
                self._prepare(database)
                with database:
                    yield database
        except UnicodeEncodeError as error:  # of what was asked for, not of the file
            raise UsageError(
                f"an answer to be kept in {self.path}",
                expected="text that UTF-8 can hold",
                received=ascii(error.object),
            ) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            if getattr(error, "sqlite_errorname", "").startswith(_REFUSED):
                raise RunError(
                    f"answers {self.path} could not be read or written: {error}",
                    remedy="Free space, mend permissions or close what holds it; what was "
                    "answered before is kept.",
                ) from error
            raise self._damaged(str(error)) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make the tables of a new file; refuse one of another kind. Reading needs no lock."""
        if self._is_new(database):
            database.execute("BEGIN IMMEDIATE")
            with database:
                if self._is_new(database):  # no other process was faster
                    for statement in _TABLES.split(";"):
                        database.execute(statement)
                    database.execute(f"PRAGMA application_id = {_APPLICATION}")
                    database.execute(f"PRAGMA user_version = {FORMAT}")

    def _is_new(self, database: sqlite3.Connection) -> bool:
        """Whether the file is empty; errors unless it is that or one of ours."""
        application, version = (
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not tables and not application:
            return True
        if application != _APPLICATION:
            raise self._damaged("it was not written by gantlet judge")
        if version > FORMAT:
            raise newer_format(f"answers {self.path}", version, FORMAT)
        if not {"panels", "answers"} <= tables:
            raise self._damaged("tables are missing")
        return False

    def _damaged(self, why: str) -> UsageError:
        return UsageError(
            f"answers {self.path} are damaged or altered ({why})",
            remedy="Restore the file from a copy, or rename it to begin anew.",
        )
