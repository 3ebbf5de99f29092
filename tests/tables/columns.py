"""Hypothesis strategies for pandas tables of every type, with odd names and missing cells."""

from __future__ import annotations

import datetime as dt
import string

import numpy as np
import pandas as pd
from hypothesis import strategies as st

__all__ = ["tables"]

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
_INTS = ("int8", "uint8", "int16", "int64", "uint64")
_NULLABLE = ("Int8", "UInt16", "Int64", "UInt64")
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
_MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
_DAYS = st.dates(dt.date(1, 1, 2), dt.date(9999, 12, 30))


def _range(dtype):
    info = np.iinfo(dtype.lower())
    return st.one_of(st.integers(-3 if info.min else 0, 3), st.integers(info.min, info.max))


def _values(dtype):
    """Cells of a type, and whether it holds missing ones."""
    if dtype in _INTS:
        return _range(dtype), False
    if dtype in _NULLABLE:
        return _range(dtype), True
    infinities = st.sampled_from([np.inf, -np.inf])
    few = st.sampled_from([0.0, 1.5, -2.25])
    return {
        "float64": (st.one_of(few, infinities, st.floats(-1e12, 1e12)), True),
        "float32": (st.one_of(few, st.floats(-1e6, 1e6, width=32)), True),
        "Float64": (st.one_of(few, st.floats(-100, 100).map(lambda x: round(x, 2))), True),
        "bool": (st.booleans(), False),
        "boolean": (st.booleans(), True),
        "str": (_TEXT, True),
        "object": (_TEXT, True),
        "string": (_TEXT, True),
        "category": (st.sampled_from(["", "a", "ß", "日本", "a,b\n"]), True),
        "ordered": (st.sampled_from(["low", "mid", "high"]), True),
        "datetime64[us]": (_MOMENTS, True),
        "datetime64[ns]": (_MOMENTS, True),
        "datetime64[s]": (_DAYS.map(lambda d: dt.datetime(d.year, d.month, d.day)), True),
        "zoned": (_MOMENTS, True),
        "timedelta64[us]": (st.timedeltas(dt.timedelta(-9_999), dt.timedelta(9_999)), True),
        "date": (_DAYS, True),
        "iso": (_DAYS.map(str), True),
        "absent": (st.none(), True),
    }[dtype]


TYPES = (
    *_INTS,
    *_NULLABLE,
    *("float64", "float32", "Float64", "bool", "boolean", "str", "object", "string"),
    *("category", "ordered", "datetime64[us]", "datetime64[ns]", "datetime64[s]", "zoned"),
    *("timedelta64[us]", "date", "iso", "absent"),
)


def _series(dtype, cells, zone):
    if dtype == "category":
        return pd.Series(pd.Categorical(cells, ["", "a", "ß", "日本", "a,b\n", "never"]))
    if dtype == "ordered":
        return pd.Series(pd.Categorical(cells, ["low", "mid", "high"], ordered=True))
    if dtype == "zoned":
        return pd.Series(cells, dtype="datetime64[us]").dt.tz_localize("UTC").dt.tz_convert(zone)
    if dtype in ("date", "object", "absent"):
        return pd.Series(cells, dtype=object)
    return pd.Series(cells, dtype="str" if dtype == "iso" else dtype)


@st.composite
def tables(draw, most=12):
    """A table of 0 to `most` rows and up to four columns."""
    n = draw(st.integers(0, most))
    letters = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)
    name = st.one_of(st.sampled_from([*string.printable[:80], "a=b", "x y", "日本"]), letters)
    names = draw(st.lists(name.filter(lambda s: s.strip()), min_size=1, max_size=4, unique=True))
    parts = {}
    for name in names:
        dtype = draw(st.sampled_from(TYPES))
        values, holds_missing = _values(dtype)
        cell = st.one_of(values, values, st.none()) if holds_missing else values
        parts[name] = _series(dtype, draw(st.lists(cell, min_size=n, max_size=n)), draw(_zone()))
    return pd.DataFrame(parts, columns=names)


def _zone():
    return st.sampled_from(_ZONES)
