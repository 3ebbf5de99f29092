"""The types of pandas columns as plain values, and columns of those types again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXACT",
    "described",
    "is_nullable",
    "is_rounded",
    "made",
    "number_of",
    "restored",
    "wholes_of",
    "with_missing",
]

EXACT = 2**53
"""Whole numbers below it are exact as floating-point ones of 64 bits."""


def described(dtype: Any, categories: Sequence[Any] | None = None) -> dict[str, Any]:
    """A pandas type as plain values; of categories those given."""
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        held = dtype.categories
        return {
            "name": "category",
            "categories": list(categories or ()),
            "of": described(held.dtype),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, pd.StringDtype):
        nan = dtype.na_value is not pd.NA
        return {"name": "string", "storage": dtype.storage, "nan": nan}
    if isinstance(dtype, pd.ArrowDtype) and str(dtype) == "string[pyarrow]":
        return {"name": "utf8[pyarrow]"}  # by the other name pandas makes a type of its own
    return {"name": str(dtype)}


def made(told: Mapping[str, Any]) -> Any:
    """The pandas type that `described` told."""
    import pandas as pd

    if told["name"] == "category":
        index = pd.Index(told["categories"], dtype=made(told["of"]))
        return pd.CategoricalDtype(index, ordered=told["ordered"])
    if told["name"] == "string":
        return pd.StringDtype(told["storage"], na_value=np.nan if told["nan"] else pd.NA)
    return pd.api.types.pandas_dtype(told["name"])


def is_nullable(told: Mapping[str, Any]) -> bool:
    """Whether a column of the type can hold missing values."""
    dtype = made(told)
    return not (isinstance(dtype, np.dtype) and dtype.kind in "biu")


def number_of(text: str, dtype: Any) -> Any:
    """A number as a person writes it, of a pandas type where that can hold it.

    Raises ValueError for what is none.
    """
    narrow, value = getattr(dtype, "numpy_dtype", dtype), float(text)
    if narrow.kind == "f":
        with np.errstate(over="ignore"):
            own = narrow.type(text)
        return own if np.isfinite(own) or not np.isfinite(value) else value
    try:
        whole = int(text)
    except ValueError:
        return value
    if narrow.kind not in "iu":
        return whole
    held = np.iinfo(narrow)
    return narrow.type(whole) if held.min <= whole <= held.max else value


def restored(
    values: Sequence[Any] | NDArray[Any], absent: NDArray[np.bool_], told: Mapping[str, Any]
) -> Any:
    """A pandas column of the type with the values, and missing ones where `absent`.

    A type that cannot hold missing values has its zero there.
    """
    import pandas as pd

    dtype = made(told)
    held = np.asarray(values, dtype=object) if isinstance(values, list) else values
    if not absent.any():
        return pd.Series(held, dtype=dtype)
    if not is_nullable(told):
        filled = np.array(held, copy=True)
        filled[absent] = 0
        return pd.Series(filled, dtype=dtype)
    marked = np.array(held, dtype=object)
    marked[absent] = None if told["name"] == "object" else pd.NA
    if told["name"] in ("float64", "float32", "float16"):
        marked[absent] = np.nan
    return pd.Series(marked, dtype=dtype)


def wholes_of(values: Iterable[Any]) -> NDArray[Any] | None:
    """Whole numbers of Python or NumPy as int64, or as uint64 where they need it; else None."""
    held: list[Any] = []
    for value in values:
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            return None
        held.append(value)
    low, high = min(held, default=0), max(held, default=0)
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.array(held, dtype=dtype)
    return None


def is_rounded(cells: Any) -> bool:
    """Whether floating-point cells may stand for whole numbers that they cannot tell apart."""
    if cells.dtype != np.float64 or not cells.isna().any():
        return False
    x = cells.dropna().to_numpy(np.float64)
    return bool((x == np.rint(x)).all() and (np.abs(x) >= EXACT).any() and np.isfinite(x).all())


def with_missing(cells: Any, values: Iterable[Any]) -> Any:
    """Cells as the whole numbers that they were read from, missing ones kept, or as they are.

    Arguments:
        cells: a pandas column.
        values: of all its cells, as they were before; those of missing ones do not count.
    """
    import pandas as pd

    absent = cells.isna().to_numpy(bool)
    whole = wholes_of(v for v, gone in zip(values, absent, strict=True) if not gone)
    if whole is None:
        return cells
    held = np.zeros(len(absent), whole.dtype)
    held[~absent] = whole
    return pd.Series(pd.arrays.IntegerArray(held, absent))
