"""Cells as text of JSON that says all of their digits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from gantlet.tables.times import as_numpy

__all__ = ["lines_of"]

_NOTHING = "null"


def lines_of(table: Any) -> Iterator[str]:
    """The rows of a DataFrame as objects of JSON, each with the end of its line.

    Numbers have the fewest digits that tell them apart in their type, times those of their unit;
    times with a zone are told in UTC, durations as ISO 8601 has them. What is missing or infinite
    is null.
    """
    names = [_ENCODER.encode(str(name)).replace("%", "%%") for name in table.columns]
    form = "{" + ",".join(f"{name}:%s" for name in names) + "}\n"
    texts = [_texts(table.iloc[:, place]) for place in range(len(names))]
    return (form % row for row in zip(*texts, strict=True))


def _texts(cells: Any) -> list[str]:
    """Of a pandas column."""
    import pandas as pd

    if isinstance(cells.dtype, pd.CategoricalDtype):
        kept = [*_texts(pd.Series(cells.dtype.categories)), _NOTHING]  # the code -1 is the last
        return [kept[code] for code in cells.cat.codes.tolist()]
    there = cells.notna().to_numpy(bool)
    held = np.full(len(cells), _NOTHING, object)
    held[there] = _of_present(cells[there])
    texts: list[str] = held.tolist()
    return texts


def _of_present(cells: Any) -> Sequence[str]:
    from pandas.api import types

    dtype = cells.dtype
    if types.is_bool_dtype(dtype):
        return ["true" if value else "false" for value in cells.tolist()]
    if types.is_integer_dtype(dtype):
        return [str(value) for value in cells.tolist()]
    if types.is_float_dtype(dtype):
        return _of_reals(cells.to_numpy(getattr(dtype, "numpy_dtype", dtype)))
    if types.is_datetime64_any_dtype(dtype):
        return [f'"{time}"' for time in _of_times(cells)]
    if types.is_timedelta64_dtype(dtype):
        return [f'"{value.isoformat()}"' for value in cells]
    return [_of_any(value) for value in cells.tolist()]


def _of_reals(x: Any) -> Sequence[str]:
    """Numbers by the fewest digits that tell them apart in their precision."""
    texts = map(repr, x.tolist()) if x.dtype == np.float64 else x.astype(str).tolist()
    finite = np.isfinite(x).tolist()
    return [text if held else _NOTHING for text, held in zip(texts, finite, strict=True)]


def _of_times(cells: Any) -> list[str]:
    """By ISO 8601 to their unit, those of a zone in UTC."""
    dtype = getattr(cells.dtype, "pyarrow_dtype", cells.dtype)
    zone = "" if getattr(dtype, "tz", None) is None else "Z"
    return [f"{text}{zone}" for text in np.datetime_as_string(as_numpy(cells, "datetime"))]


def _of_any(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return _NOTHING
    return _ENCODER.encode(value)


def _plain(value: Any) -> Any:
    """What JSON has for a value that it does not know: a number, or text."""
    import pandas as pd

    if isinstance(value, timedelta):
        return pd.Timedelta(value).isoformat()
    if isinstance(value, np.floating | Decimal):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)
