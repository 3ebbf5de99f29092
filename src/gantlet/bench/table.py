"""The table of a problem: own rows over seeds, floors, and rows as others have printed them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from gantlet.bench.base import Measure, Problem, Row
from gantlet.metrics.estimate import Estimate, mean_of

__all__ = ["Line", "Played", "Table", "over_seeds", "tabled"]


@dataclass(frozen=True)
class Played:
    """A row and its measures for each seed."""

    name: str
    row: Row
    values: tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class Line:
    """One line of the table as text."""

    name: str
    cells: Sequence[str]
    remark: str


@dataclass(frozen=True)
class Table:
    """All that a problem's table shows."""

    title: str
    text: str
    columns: Sequence[str]
    """Titles of name, cells and remark."""
    lines: Sequence[Line]
    contents: Mapping[str, Any]
    """The same as numbers, for JSON."""


def over_seeds(values: Sequence[float]) -> Estimate:
    """Their mean, with Student's interval; without bounds (NaN) for a single seed."""
    if len(values) < 2:
        return Estimate(values[0], math.nan, math.nan, "one seed")
    return mean_of(torch.tensor(values, dtype=torch.float64))


def tabled(
    name: str,
    found: Problem,
    played: Sequence[Played],
    floors: Mapping[str, Mapping[str, Estimate]],
) -> Table:
    """Lay out the results of a problem."""
    trains = any("seconds" in values for row in played for values in row.values)
    costs = {"samples": Measure(title="samples seen", form=",.0f")} if trains else {}
    costs |= {"seconds": Measure(title="seconds", form=",.0f")} if trains else {}
    measures = {**found.measures, **costs}
    own = {row.name: {key: _over(row, key) for key in measures} for row in played}
    lines = [
        *(_own(row, own[row.name], measures) for row in played),
        *(_floor(title, values, measures) for title, values in floors.items()),
        *(
            Line(
                row.name,
                [row.cells.get(key, "") for key in measures],
                f"as printed: {row.source}",
            )
            for row in found.printed
        ),
    ]
    contents = {
        "problem": name,
        "source": found.source,
        "protocol": found.protocol,
        "rows": [_plain(row, own[row.name]) for row in played],
        "floors": {
            title: {key: _estimate(value) for key, value in values.items()}
            for title, values in floors.items()
        },
        "printed": [asdict(row) for row in found.printed],
    }
    columns = ["", *(measure.title for measure in measures.values()), ""]
    return Table(f"{name}: {found.line}", found.protocol, columns, lines, contents)


def _over(row: Played, key: str) -> Estimate | None:
    """None where a seed has no such number."""
    values = [seed.get(key, math.nan) for seed in row.values]
    return None if any(map(math.isnan, values)) else over_seeds(values)


def _own(
    row: Played, values: Mapping[str, Estimate | None], measures: Mapping[str, Measure]
) -> Line:
    cells = [_cell(values[key], measure) for key, measure in measures.items()]
    return Line(row.name, cells, "; ".join(filter(None, [row.row.line, row.row.theory])))


def _floor(title: str, values: Mapping[str, Estimate], measures: Mapping[str, Measure]) -> Line:
    found = [
        (values[key], measure) if key in values else None for key, measure in measures.items()
    ]
    cells = ["" if one is None else _cell(*one) for one in found]
    return Line(title, cells, next(iter(values.values())).how)


def _cell(value: Estimate | None, measure: Measure) -> str:
    """`0.02 [0.01, 0.03]`, with a word where the measure has words."""
    if value is None:
        return "undefined"
    shown = f"{measure.word(value.value)} {value.value:{measure.form}}".strip()
    if math.isnan(value.low) or value.low == value.high:
        return shown
    return f"{shown} [{value.low:{measure.form}}, {value.high:{measure.form}}]"


def _plain(row: Played, over: Mapping[str, Estimate | None]) -> dict[str, Any]:
    seeds = [{k: None if math.isnan(v) else v for k, v in one.items()} for one in row.values]
    means = {key: None if value is None else _estimate(value) for key, value in over.items()}
    return {"name": row.name, **asdict(row.row), "seeds": seeds, "over_seeds": means}


def _estimate(value: Estimate) -> dict[str, Any]:
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {**{k: None if math.isnan(v) else v for k, v in numbers.items()}, "how": value.how}
