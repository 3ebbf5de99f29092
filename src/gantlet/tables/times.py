"""Dates, times of day and durations as whole numbers of the largest step that holds them all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.dtypes import made, restored

__all__ = [
    "FORMATS",
    "Clock",
    "as_numpy",
    "as_ticks",
    "clock_of",
    "date_format",
    "parsed",
    "shown",
    "time_of",
    "told_time",
    "zone_of",
]

FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
)
"""In which text tells dates: every cell must be what the format writes."""
_PRECISE = re.compile(
    r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{3}|\d{6}|\d{9}))?(Z|[+-]\d\d:\d\d)?"
)
"""Text of a second, with a fraction or an offset, as pandas and JSON write it."""
_FRACTION = re.compile(r"%([369])f")
"""In a format: so many digits of a second's fraction."""
_OFFSET = re.compile(r"([+-]\d\d):(\d\d)$")
"""At the end of a format: how far its times are ahead of UTC."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_MOST = 0.9
"""Share of cells that must tell dates for the others to be errors."""
_SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How times become whole numbers."""

    unit: str
    """Ticks of the stored times: s, ms, us or ns."""
    step: int
    """Ticks in a step."""
    local: bool = False
    """Whether steps are of the zone's own time: days begin at its midnight."""
    format: str | None = None
    """Of text; `date` for Python's dates."""


def date_format(cells: Any) -> tuple[str | None, Any]:
    """The format in which text tells dates, or None; and the cells, few, that it does not tell.

    `cells` are text, without missing ones and not empty. A format that tells fewer than nine in
    ten is none.
    """
    some = cells.iloc[:: max(1, len(cells) // 100)]
    for form in _forms(str(some.iloc[0])):
        if _told(some, form).mean() >= _MOST:
            told = _told(cells, form)
            return (form, cells[~told]) if told.mean() >= _MOST else (None, cells[:0])
    return None, cells[:0]


def _forms(cell: str) -> tuple[str, ...]:
    """Formats that may tell a column of which one cell is known."""
    match = _PRECISE.fullmatch(cell)
    if match is None:
        return FORMATS
    fraction = f".%{len(match[2])}f" if match[2] else ""
    return (f"%Y-%m-%d{match[1]}%H:%M:%S{fraction}{match[3] or ''}",)


def _told(cells: Any, form: str) -> NDArray[np.bool_]:
    """Which cells are what the format writes of the time that it reads."""
    import pandas as pd

    width = len(_written(pd.Series(pd.to_datetime([0])), form).iloc[0])
    if len(str(cells.iloc[0])) != width or not str(cells.iloc[0])[-1:].isalnum():
        return np.zeros(len(cells), bool)
    told: NDArray[np.bool_] = (_written(parsed(cells, form), form) == cells).to_numpy(bool)
    return told


def _written(times: Any, form: str) -> Any:
    """Times as text, missing where one is missing."""
    match, times = _FRACTION.search(form), times + _ahead(form)
    if match is None:
        return times.dt.strftime(form)
    nanoseconds = (times.dt.microsecond * 1_000 + times.dt.nanosecond).fillna(0).astype(np.int64)
    fraction = (nanoseconds // 10 ** (9 - int(match[1]))).astype("str").str.zfill(int(match[1]))
    return times.dt.strftime(form[: match.start()]) + fraction + form[match.end() :]


def clock_of(cells: Any, kind: str) -> Clock:
    """The clock of times, dates of Python or text that tells dates; `cells` without missing."""
    import pandas as pd

    form = None
    if kind == "datetime" and not pd.api.types.is_datetime64_any_dtype(cells.dtype):
        is_date = len(cells) > 0 and not isinstance(cells.iloc[0], str)
        form = "date" if is_date else (date_format(cells)[0] if len(cells) else FORMATS[0])
        cells = parsed(cells, form or "ISO8601")
    unit = np.datetime_data(as_numpy(cells, kind).dtype)[0]
    ticks = as_numpy(cells, kind).astype(np.int64)
    step = _step(ticks, unit)
    zoned = kind == "datetime" and getattr(cells.dtype, "tz", None) is not None
    if zoned:
        own = _step(as_numpy(cells.dt.tz_localize(None), kind).astype(np.int64), unit)
        if own > step:
            return Clock(unit=unit, step=own, local=True)
    return Clock(unit=unit, step=step, format=form)


def as_ticks(cells: Any, clock: Clock, absent: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Times as numbers of steps; 0 where one is missing."""
    if clock.format is not None:
        cells = parsed(cells, clock.format)
    if clock.local:
        cells = cells.dt.tz_localize(None)
    kind = "duration" if str(cells.dtype).startswith(("timedelta", "duration")) else "datetime"
    plain = as_numpy(cells, kind)
    plain = plain.astype(f"{plain.dtype.kind}8[{clock.unit}]")
    ticks = plain.astype(np.int64) // clock.step
    return np.where(absent, 0, ticks)


def shown(
    counts: NDArray[np.int64],
    absent: NDArray[np.bool_],
    clock: Clock,
    told: Mapping[str, Any],
) -> Any:
    """Numbers of steps as a pandas column of the type."""
    import pandas as pd

    ticks = np.where(absent, 0, counts) * clock.step
    if clock.format is not None:
        times = pd.Series(ticks.astype(f"M8[{clock.unit}]"))
        if clock.format == "date":
            return restored(list(times.dt.date), absent, told)
        return restored(list(_written(times, clock.format)), absent, told)
    dtype = made(told)
    if str(dtype).startswith(("timedelta", "duration")):
        column = pd.Series(ticks.astype(f"m8[{clock.unit}]"))
    else:
        column = pd.Series(ticks.astype(f"M8[{clock.unit}]"))
        zone = getattr(dtype, "tz", None)
        if clock.local:
            summer = np.ones(len(column), bool)
            column = column.dt.tz_localize(zone, ambiguous=summer, nonexistent="shift_forward")
        elif zone is not None:
            column = column.dt.tz_localize("UTC").dt.tz_convert(zone)
    column = column.astype(dtype)
    column[absent] = pd.NaT
    return column


def parsed(cells: Any, form: str) -> Any:
    """Text, of an offset in UTC, or dates of Python as times, NaT for missing ones."""
    import pandas as pd

    if form == "date":
        told = [pd.NaT if gone else cell for cell, gone in zip(cells, cells.isna(), strict=True)]
        return pd.Series(pd.to_datetime(told)).astype("datetime64[us]")
    plain = _FRACTION.sub("%f", form)
    local = pd.to_datetime(cells, format=plain, errors="coerce").dt.tz_localize(None)
    return local - _ahead(form)


def _ahead(form: str) -> Any:
    """The offset of a format from UTC."""
    import pandas as pd

    match = _OFFSET.search(form)
    hours, minutes = (match[1], f"{match[1][0]}{match[2]}") if match else ("0", "0")
    return pd.Timedelta(hours=int(hours), minutes=int(minutes)).as_unit("s")


def time_of(text: str, form: str) -> Any:
    """One time as a person writes it: in a column's format, or by year, month and day.

    Raises ValueError for what is neither, or has an offset that the format has not.
    """
    import pandas as pd

    exact = parsed(pd.Series([text]), form).iloc[0]
    if not pd.isna(exact) or not _ISO.match(text):
        return exact
    time = pd.Timestamp(text)
    if time.tzinfo is not None:
        raise ValueError(text)
    return time - _ahead(form)


def told_time(text: str, clock: Clock, dtype: Any) -> Any:
    """One time as a person writes it, in a column's zone; of a column of text without its offset.

    Raises ValueError for what is none, has an offset where the column has no zone, or is not once
    in the zone and has no offset.
    """
    import pandas as pd

    zone = zone_of(dtype)
    if clock.format not in (None, "date"):
        time = time_of(text, str(clock.format))
    else:
        time = pd.Timestamp(text)
        if zone is None and time.tzinfo is not None:
            raise ValueError(text)
        if zone is not None and time.tzinfo is None:
            time = time.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    if pd.isna(time):
        raise ValueError(text)
    return time


def zone_of(dtype: Any) -> Any:
    """The zone of a pandas type of times; None: it has none."""
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def as_numpy(cells: Any, kind: str) -> NDArray[Any]:
    """Times as NumPy's, those with a zone in UTC."""
    own = getattr(cells.dtype, "pyarrow_dtype", cells.dtype)
    zoned = zone_of(cells.dtype) is not None
    if str(own).startswith(("date32", "date64")):  # as Python's dates, Arrow's would be objects
        cells = cells.astype("timestamp[s][pyarrow]")
    plain: NDArray[Any] = cells.to_numpy(dtype=f"M8[{own.unit}]" if zoned else None)
    if plain.dtype.kind not in "mM":
        plain = plain.astype("m8[ns]" if kind == "duration" else "M8[ns]")
    return plain


def _step(ticks: NDArray[np.int64], unit: str) -> int:
    """Ticks in the largest of day, hour, minute, ... of which all times are whole numbers."""
    second = _SECONDS[unit]
    steps = [86_400 * second, 3_600 * second, 60 * second, second]
    steps += [second // 10**k for k in (3, 6, 9) if second >= 10**k]
    return next((step for step in steps if not (ticks % step).any()), 1)
