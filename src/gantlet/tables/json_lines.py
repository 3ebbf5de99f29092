"""Objects of JSON, one a line, as a table: read whole, or part by part into a Parquet file."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from gantlet.errors import UsageError
from gantlet.tables.columnar import ROWS, ColumnFile, columns_in
from gantlet.tables.csv_parts import common_of, kinds_of, schema_of
from gantlet.tables.csv_text import opened
from gantlet.tables.dtypes import is_rounded, with_missing

__all__ = ["lines_in_parts", "read_lines"]

_NOTHING = "null"
"""Kind of a column that has null in each row: pandas has another type for it than for a column
that some row leaves out."""


def read_lines(path: Path, encoding: str) -> Any:
    """The table as a pandas DataFrame; its index has the lines.

    Raises UsageError for a line that is no object, naming it.
    """
    numbers = array("q")
    table = _frame(list(_objects(path, encoding, numbers)))
    table.index = _lines(numbers)
    return table


def lines_in_parts(path: Path, encoding: str, place: Path, rows: int = ROWS) -> ColumnFile | None:
    """The table as a Parquet file at `place`, read twice, by so many rows at a time.

    Columns have the types that reading the whole would give them. None where only the whole has
    one: numbers beside texts or truth values, lists, numbers beyond 64 bits.
    """
    import pyarrow as pa

    seen: dict[str, set[str]] = {}
    numbers, before = array("q"), 0
    for part in _parts(_objects(path, encoding, numbers), rows):
        frame = _frame(part)
        for name in frame.columns:
            seen.setdefault(name, {"missing"} if before else set())
        for name, kinds in seen.items():
            kinds.update(_kinds(frame[name]) if name in frame.columns else {"missing"})
        before += len(part)
    types = {name: _common(kinds) for name, kinds in seen.items()}
    if not types or None in types.values():
        return None
    known = {name: "object" if dtype == _NOTHING else str(dtype) for name, dtype in types.items()}
    schema = schema_of(known)
    for i, dtype in enumerate(types.values()):
        if dtype == _NOTHING:
            schema = schema.set(i, pa.field(schema.names[i], pa.null()))
    parts = _parts(_objects(path, encoding), rows)
    frames = (_frame(part, list(types)).astype(known) for part in parts)
    table = columns_in(place, frames, schema)
    table.index = _lines(numbers)
    return table


def _objects(
    path: Path, encoding: str, numbers: array[int] | None = None
) -> Iterator[dict[str, Any]]:
    """The objects, and their lines into `numbers`; blank lines are none."""
    with opened(path, encoding) as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise _no_object(path, number, str(error)) from error
            if not isinstance(row, dict):
                raise _no_object(path, number, type(row).__name__)
            if numbers is not None:
                numbers.append(number)
            yield row


def _parts(rows: Iterator[dict[str, Any]], most: int) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, most)):
        yield part


def _frame(rows: list[dict[str, Any]], names: Sequence[str] | None = None) -> Any:
    """Rows as a DataFrame, in which whole numbers beside missing ones keep each digit."""
    import pandas as pd

    frame = pd.DataFrame.from_records(rows, columns=names)
    for name in frame.columns:
        if is_rounded(frame[name]):
            frame[name] = with_missing(frame[name], [row.get(name) for row in rows])
    return frame


def _kinds(cells: Any) -> set[str]:
    """As of separated values; null in each row is a kind of its own."""
    nothing = cells.dtype == object and cells.isna().all()
    return {"missing", _NOTHING} if nothing else kinds_of(cells) | {"some"}


def _common(kinds: set[str]) -> str | None:
    """The type of a column; None where texts, truth values and numbers stand side by side."""
    if kinds == {"missing", _NOTHING}:
        return _NOTHING
    held = kinds - {_NOTHING, "some"}
    alone = held - {"missing", "wide"}
    mixed = len(alone) > 1 and bool(alone & {"str", "bool"})
    return None if mixed or alone - _PLAIN else common_of(held)


_PLAIN = {"str", "bool", "int64", "float64"}


def _lines(numbers: array[int]) -> Any:
    """The lines as an index, by which errors about cells name them."""
    import pandas as pd

    if not numbers or numbers[-1] == len(numbers):
        return pd.RangeIndex(1, 1 + len(numbers), name="line")
    return pd.Index(np.frombuffer(numbers, np.int64), name="line")


def _no_object(path: Path, line: int, received: str) -> UsageError:
    return UsageError(
        f"{path}, line {line}",
        expected='an object of JSON on each line, such as {"age": 39}',
        received=received,
    )
