"""What a column is, told by its type and its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gantlet.errors import UsageError
from gantlet.tables.personal import personal_type
from gantlet.tables.silent_columns import is_identifier
from gantlet.tables.times import date_format
from gantlet.tables.words import FEWEST, Kind

__all__ = ["check_cells", "detected"]

_TEXT_ROWS, _TEXT_SHARE, _TEXT_WORDS = 20, 0.5, 5.0
_FAR = 1e100
_NUMERIC = ("integer", "real")
_WORDS: Mapping[str, Kind] = {
    "boolean": "boolean",
    "integer": "integer",
    "floating": "real",
    "mixed-integer-float": "real",
    "datetime64": "datetime",
    "date": "datetime",
    "timedelta64": "duration",
}
"""Kinds by what pandas infers of a column of Python objects."""
_CHOICES = ("string", "empty", "boolean", "integer", "floating", "mixed-integer-float")
"""What pandas infers of objects that can be choices."""
_CONVERTED = {"datetime": "pandas.to_datetime", "timedelta": "pandas.to_timedelta"}
"""What makes pandas times of objects of Python, by what pandas infers of them."""


def detected(name: Any, cells: Any, *, public: bool) -> Kind:
    """The kind of a pandas column.

    Raises:
        UsageError: values of several types, or of one that no kind holds.
    """
    import pandas as pd

    present = cells.dropna()
    if not len(present):
        return "missing"
    grouped = isinstance(cells.dtype, pd.CategoricalDtype)
    kind = _by_type(name, present) if not grouped else "categorical"
    if kind == "categorical" and _is_text(present) and personal_type(name, present):
        return "personal"
    if grouped:
        return "ordinal" if cells.dtype.ordered else "categorical"
    enough = len(present) >= (1 if public else FEWEST) and len(present) == len(cells)
    if kind in ("boolean", "categorical") and enough and present.nunique() == 1:
        return "constant"
    return _by_values(name, present, kind)


def _by_values(name: Any, present: Any, kind: Kind) -> Kind:
    """The kind, as its values tell apart identifiers, dates and free text."""
    if kind in ("integer", "categorical") and is_identifier(name, present):
        return "identifier"
    return _of_text(name, present) if kind == "categorical" else kind


def _is_text(present: Any) -> bool:
    import pandas as pd

    held = present.cat.categories if isinstance(present.dtype, pd.CategoricalDtype) else present
    return bool(pd.api.types.infer_dtype(held, skipna=True) == "string")


def _by_type(name: Any, present: Any) -> Kind:
    from pandas.api import types

    dtype = present.dtype
    if types.is_float_dtype(dtype):
        return "integer" if _are_whole(present) else "real"
    told: Mapping[Kind, Callable[[Any], bool]] = {
        "boolean": types.is_bool_dtype,
        "integer": types.is_integer_dtype,
        "datetime": types.is_datetime64_any_dtype,
        "duration": types.is_timedelta64_dtype,
    }
    for kind, holds in told.items():
        if holds(dtype):
            return kind
    inferred = types.infer_dtype(present, skipna=True)
    if inferred in ("string", "empty"):
        return "categorical"
    if inferred not in _WORDS:
        raise _unfit(name, present, inferred)
    kind = _WORDS[inferred]
    return "integer" if kind == "real" and _are_whole(present) else kind


def _are_whole(present: Any) -> bool:
    x = present.to_numpy(np.float64)
    x = x[np.isfinite(x)]
    return bool(len(x) and (np.abs(x) < 2**53).all() and (x == np.rint(x)).all())


def _of_text(name: Any, present: Any) -> Kind:
    """categorical, datetime or free text; UsageError where a few cells among dates are none."""
    form, bad = date_format(present)
    if form is not None and len(bad):
        raise _wrong(name, f"dates as {form}", bad, "text")
    if form is not None:
        return "datetime"
    if len(present) < _TEXT_ROWS:
        return "categorical"
    distinct = present.nunique() / len(present)
    some = present.iloc[:: max(1, len(present) // 1_000)]
    words = float(np.mean([len(str(value).split()) for value in some]))
    wordy = words >= _TEXT_WORDS and distinct > _TEXT_SHARE / 5
    return "text" if distinct > _TEXT_SHARE or wordy else "categorical"


def check_cells(name: Any, kind: Kind, cells: Any) -> None:
    """UsageError where the cells are not of a kind that was declared or detected."""
    import pandas as pd
    from pandas.api import types

    present = cells.dropna()
    if not len(present):
        return
    if isinstance(cells.dtype, pd.SparseDtype):
        raise UsageError(
            f"column {name!r}",
            expected="a column that holds all its values",
            received=str(cells.dtype),
            remedy="Convert it with .sparse.to_dense()",
        )
    if kind in ("categorical", "ordinal"):
        _check_choices(name, present)
    inferred = types.infer_dtype(present)
    if kind in ("integer", "real"):
        if not types.is_numeric_dtype(present.dtype) and _WORDS.get(inferred) not in _NUMERIC:
            raise _wrong(name, f"numbers, as {kind}", present)
        if kind == "integer" and present.dtype == object:
            _check_width(name, present)
        wide = present.to_numpy(np.float64)
        far = np.isfinite(wide) & (np.abs(wide) > _FAR)
        fraction = np.isfinite(wide) & (wide != np.rint(wide)) & (kind == "integer")
        for bad, wanted in ((far, f"numbers of at most {_FAR:g}"), (fraction, "whole numbers")):
            if bad.any():
                raise _wrong(name, wanted, present[bad])
    told = _WORDS.get(inferred)
    text = inferred == "string" and date_format(present)[0] is not None
    if kind in ("datetime", "duration") and not (told == kind or (text and kind == "datetime")):
        raise _wrong(name, "dates or times" if kind == "datetime" else "durations", present)


def _check_width(name: Any, present: Any) -> None:
    """UsageError for whole numbers of Python that 64 bits do not hold."""
    whole = np.array([isinstance(value, int) for value in present], dtype=bool)
    held = present[whole]
    low, high = (-(2**63), 2**63) if (held < 0).any() else (0, 2**64)
    beyond = (held < low) | (held >= high)
    if beyond.any():
        raise _wrong(name, f"whole numbers from {low} to {high - 1}", held[beyond.to_numpy(bool)])


def _check_choices(name: Any, present: Any) -> None:
    """UsageError for choices that no file of a bundle holds, such as times and intervals."""
    import pandas as pd
    from pandas.api import types

    grouped = isinstance(present.dtype, pd.CategoricalDtype)
    held = present.dtype.categories if grouped else present
    plain = types.is_numeric_dtype(held.dtype) or types.is_bool_dtype(held.dtype)
    if not plain and types.infer_dtype(held, skipna=True) not in _CHOICES:
        raise UsageError(
            f"column {name!r}",
            expected="text, numbers or truth values as categories",
            received=f"values of type {type(held[0] if grouped else held.iloc[0]).__name__}",
            remedy="Make text of them, with .cat.rename_categories(str) or .astype(str)",
        )


def _wrong(name: Any, wanted: str, bad: Any, otherwise: str = "categorical") -> UsageError:
    more = f", and {len(bad) - 1:,} more such cells" if len(bad) > 1 else ""
    value = bad.iloc[0].item() if isinstance(bad.iloc[0], np.generic) else bad.iloc[0]
    return UsageError(
        f"column {name!r}, {bad.index.name or 'row'} {bad.index[0]}",
        expected=wanted,
        received=f"{value!r}{more}",
        remedy=f"Mend the cells, or say what the column is: data.columns.{name}={otherwise}",
    )


def _unfit(name: Any, present: Any, inferred: str) -> UsageError:
    """The error for a column of several types, or of one that no kind holds."""
    first = type(present.iloc[0])
    other = next((i for i, v in enumerate(present) if not isinstance(v, first)), 0)
    value = present.iloc[other]
    received = (
        f"{type(value).__name__} {value!r} below {first.__name__} {present.iloc[0]!r}"
        if other
        else f"values of type {first.__name__} ({inferred})"
    )
    return UsageError(
        f"column {name!r}, {present.index.name or 'row'} {present.index[other]}",
        expected="values of one type: numbers, text, truth values, times",
        received=received,
        remedy="Convert the column first, for example with "
        + _CONVERTED.get(inferred, "astype(str)"),
    )
