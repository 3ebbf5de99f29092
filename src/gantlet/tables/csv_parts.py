"""Separated values read part by part: into a Parquet file, with the types of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError
from gantlet.tables.columnar import ROWS, ColumnFile, columns_in
from gantlet.tables.csv_text import Shape, opened
from gantlet.tables.dtypes import EXACT, is_rounded

__all__ = ["common_of", "in_parts", "is_large", "is_wide", "kinds_of", "schema_of", "separated"]

_LARGE, _PACKED = 2**28, 8
"""Bytes of text beyond which it is read part by part, and what gzip makes of a byte."""
_MOSTLY, _DIGITS = 0.5, 19
"""Share of numbers in a column of them, and digits of one that may need 64 bits."""
_OPEN = re.compile(r"EOF inside string starting at row (\d+)")
_NUMBERS = ({"int64"}, {"int64", "float64"}, {"float64"})


def is_large(path: Path) -> bool:
    """Whether a file of text is better not read whole."""
    size = path.stat().st_size * (_PACKED if path.suffix.lower() == ".gz" else 1)
    return size > _LARGE


@contextmanager
def separated(
    path: Path,
    shape: Shape,
    missing: Sequence[str],
    *,
    rows: int | None = None,
    types: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """What pandas reads of separated values: a DataFrame, or parts of so many rows.

    Raises UsageError for text that pandas cannot part.
    """
    import pandas as pd

    with opened(path, shape.encoding) as text:
        try:
            yield pd.read_csv(
                text,
                sep=shape.delimiter,
                header=None,
                names=list(shape.names),
                skiprows=1 if shape.is_headed else 0,
                skipinitialspace=True,
                na_values=list(missing),
                low_memory=False,
                index_col=False,
                chunksize=rows,
                dtype=dict(types or {}),
            )
        except pd.errors.ParserError as error:
            raise _unparted(path, str(error)) from error


def _unparted(path: Path, said: str) -> UsageError:
    """The error for text that pandas cannot part, as in a cell whose quote is never closed."""
    quote = _OPEN.search(said)
    if quote is None:
        return UsageError(str(path), expected="separated values", received=" ".join(said.split()))
    return UsageError(
        f"{path}, row {int(quote[1]) + 1} of the file",
        expected="quotes in pairs around a cell",
        received="a quote that is open to the end of the file",
        remedy="Close it, or write it twice where it belongs to the cell",
    )


def in_parts(
    path: Path,
    shape: Shape,
    missing: Sequence[str],
    place: Path,
    rows: int = ROWS,
    texts: Sequence[str] = (),
) -> ColumnFile | None:
    """The table as a Parquet file at `place`, read twice, by so many rows at a time.

    Columns have the types that reading the whole would give them: text where any part has text,
    numbers with a fraction where any cell is missing. None where only the whole can tell (whole
    numbers beyond 63 bits, or beyond 53 where some are missing). `texts` are columns of text
    whatever their cells look like.
    """
    seen: dict[str, set[str]] = {name: set() for name in shape.names}
    with separated(path, shape, missing, rows=rows, types=dict.fromkeys(texts, "str")) as parts:
        for part in parts:
            if any(is_wide(part[name]) for name in shape.names if name not in texts):
                return None
            for name in shape.names:
                seen[name] |= kinds_of(part[name])
    types = {name: common_of(kinds) for name, kinds in seen.items()}
    if None in types.values():
        return None
    told = {name: "str" for name, dtype in types.items() if dtype == "str"}
    schema = schema_of({name: dtype or "" for name, dtype in types.items()})
    with separated(path, shape, missing, rows=rows, types=told) as parts:
        return columns_in(place, (part.astype(types) for part in parts), schema)


def is_wide(cells: Any) -> bool:
    """Whether cells may be whole numbers of 64 bits of which some are missing.

    pandas rounds them, and those beyond 63 bits it makes text, in which missing ones are what the
    file has for them.
    """
    import pandas as pd

    if is_rounded(cells):
        return True
    if not isinstance(cells.dtype, pd.StringDtype) or cells.isna().any():
        return False
    digits = cells.str.fullmatch(r"\d*")
    return bool(digits.mean() > _MOSTLY and (cells[digits].str.len() >= _DIGITS).any())


def kinds_of(cells: Any) -> set[str]:
    """The type of a part of a column, and whether it misses cells."""
    import pandas as pd

    absent = cells.isna()
    found = {"missing"} if absent.any() else set[str]()
    if absent.all():
        return found
    if cells.dtype == object:
        kind = pd.api.types.infer_dtype(cells, skipna=True)
        return found | {"bool" if kind == "boolean" else "str" if kind == "string" else kind}
    if cells.dtype == "int64" and (cells.min() <= -EXACT or cells.max() >= EXACT):
        found.add("wide")
    return found | {str(cells.dtype)}


def common_of(kinds: set[str]) -> str | None:
    """The type of a column whose parts are of these kinds; None where it cannot be told."""
    missing, held = "missing" in kinds, kinds - {"missing", "wide"}
    if not held:
        return "float64"
    if "str" in held or (held & {"bool"} and len(held) > 1):
        return "str"
    if held == {"bool"}:
        return "object" if missing else "bool"
    if missing and "wide" in kinds:
        return None
    if held in _NUMBERS:
        return "int64" if held == {"int64"} and not missing else "float64"
    return None


def schema_of(types: Mapping[str, str]) -> Any:
    """Of Arrow; what is `object` holds truth values."""
    import pandas as pd
    import pyarrow as pa

    empty = pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in types.items()})
    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    for place, dtype in enumerate(types.values()):
        if dtype == "object":
            schema = schema.set(place, pa.field(schema.names[place], pa.bool_()))
    return schema
