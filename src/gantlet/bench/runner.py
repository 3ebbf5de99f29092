"""Plays a problem over seeds; what is finished is kept, what was stopped goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantlet.bench import problem
from gantlet.bench.base import Asked, Problem, Tell
from gantlet.bench.table import Played, Table, tabled
from gantlet.errors import UsageError
from gantlet.files import added
from gantlet.training.place import disk_errors_told

__all__ = ["Result", "bench", "finished", "played_row"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one row scored for one seed: a line of results.jsonl."""

    row: str
    seed: int
    identity: str
    """Of settings, data and samples."""
    values: Mapping[str, float]
    """Measures by name; NaN where one is not defined."""

    def line(self) -> str:
        """As JSON, with null for NaN."""
        values = {k: None if math.isnan(v) else v for k, v in self.values.items()}
        return json.dumps({**asdict(self), "values": values}, allow_nan=False)


def finished(path: Path) -> list[Result]:
    """The results in a file; none if there is no file. Torn lines are passed over."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [result for line in lines for result in _read(line)]


def _read(line: str) -> list[Result]:
    try:
        stored: dict[str, Any] = json.loads(line)
        values = {k: math.nan if v is None else float(v) for k, v in stored["values"].items()}
        return [Result(**{**stored, "values": values})]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []  # of a process that was killed as it wrote: the row is played again


def bench(
    name: str,
    *,
    seeds: int = 3,
    asked: Asked | None = None,
    out: Path = Path("runs/bench"),
    tell: Tell = print,
) -> Table:
    """Play every row of a problem for seeds 0 to `seeds` - 1, and lay the results out.

    Results are kept in `out`/NAME/results.jsonl, runs beside it. Rows whose results are there are
    not played again; a run that was stopped goes on.

    Arguments:
        name: of the problem, see `PROBLEMS`.
        seeds: how many.
        asked: samples, settings and data, where they are not the problem's own.
        out: folder for all problems.
        tell: gets sentences on the course of things.

    Raises:
        UsageError: an unknown name, no seeds, settings or data that cannot be used.
        Stopped: a signal came; the same call goes on.
    """
    found, asked, home = problem(name), asked or Asked(), out / name
    if seeds < 1 or (asked.samples is not None and asked.samples < 1):
        least = "seeds" if seeds < 1 else "samples"
        received = seeds if seeds < 1 else asked.samples
        raise UsageError(f"number of {least}", expected="at least 1", received=str(received))
    played = [played_row(found, row, range(seeds), asked, home, tell) for row in found.rows]
    return tabled(name, found, played, found.floors(asked, home))


def played_row(
    found: Problem, row: str, seeds: Sequence[int], asked: Asked, home: Path, tell: Tell
) -> Played:
    """Play one row for some seeds; what is finished is not played again."""
    results = [_one(found, row, seed, asked, home, tell) for seed in seeds]
    return Played(row, found.rows[row], tuple(result.values for result in results))


def _one(found: Problem, row: str, seed: int, asked: Asked, home: Path, tell: Tell) -> Result:
    kept, identity = home / "results.jsonl", found.identity(row, seed, asked)
    for known in finished(kept):
        if (known.row, known.seed, known.identity) == (row, seed, identity):
            return known
    tell(f"{row}, seed {seed}: begins")
    values = found.play(row, seed, asked, home, tell)
    result = Result(row=row, seed=seed, identity=identity, values=values)
    with disk_errors_told(home):
        home.mkdir(parents=True, exist_ok=True)
        added(kept, result.line())
    return result
