"""Tables in files: separated values, JSON lines, Parquet, Feather; read, and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError
from gantlet.tables.columnar import ColumnFile, damaged
from gantlet.tables.csv_parts import in_parts, is_large, is_wide, separated
from gantlet.tables.csv_text import Shape, shape_of
from gantlet.tables.dtypes import with_missing
from gantlet.tables.json_lines import lines_in_parts, read_lines
from gantlet.tables.writing import LINES, TEXTS, suffix_of, write_parts

__all__ = [
    "SUFFIXES",
    "check_written",
    "form_of",
    "open_table",
    "read_table",
    "required",
    "write_table",
]

SUFFIXES = (*TEXTS, *LINES, ".parquet", ".feather")
"""Endings of files of tables; those of text also with `.gz` behind them."""
_PARQUET, _OLD_FEATHER = b"PAR1", b"FEA1"
_FEATHER = (b"ARROW1", _OLD_FEATHER)
_MIXED = 0.5
"""Share of numbers from which a column that also holds words is an error."""
_COMMAS = (r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+", r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
"""Numbers with a comma for the point, or between thousands."""
_WHOLE = r" *[+-]?[0-9]+ *"
_WORDS = ("categorical", "ordinal", "text", "identifier")


def required(what: str) -> None:
    """UsageError unless pandas and pyarrow can be imported."""
    try:
        import pandas
        import pyarrow

        del pandas, pyarrow
    except ImportError as error:
        raise UsageError(
            what,
            expected="pandas and pyarrow, of the extra `table`",
            received=f"no {error.name}",
            remedy="Install them with pip install 'gantlet[table]'",
        ) from None


def form_of(path: Path) -> str | None:
    """The ending that tells how a file is read, by its content or its name; None if none does."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        head = stream.read(6)
    if head.startswith(_PARQUET):
        return ".parquet"
    if head.startswith(_FEATHER):
        return ".feather"
    suffix = suffix_of(path)
    return suffix if suffix in SUFFIXES else None


def read_table(
    path: Path,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] = (),
    columns: Mapping[str, Any] | None = None,
    texts: Sequence[str] = (),
) -> tuple[Any, tuple[str, ...]]:
    """A pandas DataFrame, and what was done to read it, in sentences.

    Arguments:
        path: the file.
        delimiter, header, encoding: of separated values; see `shape_of`.
        missing: words that mark a missing value, besides those that pandas knows.
        columns: kinds that are declared: a column of numbers and words is an error unless it is
            declared one of choices or of text.
        texts: columns of separated values that are text whatever their cells look like.

    Raises:
        UsageError: a file that cannot be read as what it is; naming the line and the column.
    """
    table, notes = open_table(
        path,
        delimiter=delimiter,
        header=header,
        encoding=encoding,
        missing=missing,
        columns=columns,
        texts=texts,
    )
    return (table.whole() if isinstance(table, ColumnFile) else table), notes


def open_table(
    path: Path,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] = (),
    columns: Mapping[str, Any] | None = None,
    texts: Sequence[str] = (),
    scratch: Path | None = None,
) -> tuple[Any, tuple[str, ...]]:
    """A table of which columns are read when they are asked for, where its form allows it.

    Arguments and errors are those of `read_table`.

    Arguments:
        scratch: folder in which separated values and JSON lines of more than 256 MiB become a
            Parquet file, part by part; they are read whole without one.

    Returns:
        A `ColumnFile` or a pandas DataFrame, and what was done to read it, in sentences.
    """
    required(str(path))
    form = form_of(path)
    if form in (".parquet", ".feather"):
        return _columnar(path, form), ()
    if form in LINES:
        return _of_lines(path, encoding, scratch), ()
    shape = shape_of(path, delimiter=delimiter, header=header, encoding=encoding)
    said = {**(columns or {}), **dict.fromkeys(texts, "text")}
    kept = [name for name in shape.padded if said.get(name) in _WORDS]
    texts = [name for name in shape.names if name in texts or name in kept]
    parted = None if scratch is None or not is_large(path) else in_parts(
        path, shape, missing, scratch / "parts.parquet", texts=texts
    )  # fmt: skip
    table = _read_text(path, shape, missing, texts) if parted is None else parted
    if shape.lines_are_rows:  # errors about cells name the line
        first = 1 + shape.is_headed
        table.index = _lines(first, len(table))
    _check_mixed(path, table, said)
    return table, tuple(_told(path, shape, table))


def _told(path: Path, shape: Shape, table: Any) -> Iterator[str]:
    """What reading has made of separated values, in sentences."""
    import pandas as pd

    if not shape.is_headed:
        names = f"{shape.names[0]} to {shape.names[-1]}"
        yield (
            f"The first line of {path.name} holds values, so columns are named {names} "
            "(data.header=true if it holds names)."
        )
    cut = [name for name in shape.padded if not pd.api.types.is_string_dtype(table[name].dtype)]
    if cut:
        yield (
            f"Zeros in front of numbers are left away: {', '.join(cut)} "
            f"(data.columns.{cut[0]}=categorical keeps them)."
        )


def write_table(table: Any, path: Path) -> None:
    """Write a DataFrame in the form that the path's ending tells: see `SUFFIXES`.

    Raises UsageError for another ending.
    """
    check_written(path)
    write_parts(path, [table])


def check_written(path: Path) -> None:
    """UsageError for a file that no table can be written to."""
    required(str(path))
    if suffix_of(path) not in SUFFIXES:
        raise UsageError(
            f"a table as {path}",
            expected=f"a file that ends in {', '.join(SUFFIXES)}, those of text also with .gz",
        )


def _of_lines(path: Path, encoding: str, scratch: Path | None) -> Any:
    parted = None
    if scratch is not None and is_large(path):
        parted = lines_in_parts(path, encoding, scratch / "parts.parquet")
    return read_lines(path, encoding) if parted is None else parted


def _lines(first: int, count: int) -> Any:
    import pandas as pd

    return pd.RangeIndex(first, first + count, name="line")


def _read_text(path: Path, shape: Shape, missing: Sequence[str], texts: Sequence[str]) -> Any:
    import pandas as pd

    types = dict.fromkeys(texts, "str")
    try:
        with separated(path, shape, missing, types=types) as whole:
            able = [name for name in shape.names if name not in texts]
            wide = [name for name in able if is_wide(whole[name])]
        if wide:
            words = types | dict.fromkeys(wide, "str")
            with separated(path, shape, missing, types=words) as again:
                for name in wide:
                    whole[name] = _exact(again[name], whole[name])
        return whole
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: [] for name in shape.names})


def _exact(words: Any, otherwise: Any) -> Any:
    """Text of whole numbers of 64 bits as such, missing ones kept; `otherwise` for other text."""
    import pandas as pd

    if not words.dropna().str.fullmatch(_WHOLE).all():
        return otherwise
    made = with_missing(words, (None if pd.isna(word) else int(word) for word in words))
    return otherwise if made is words else made


def _check_mixed(path: Path, table: Any, columns: Mapping[str, Any]) -> None:
    """UsageError for a column in which words stand among numbers."""
    import pandas as pd

    for name in table.columns:
        said = columns.get(str(name))
        if not pd.api.types.is_string_dtype(table[name].dtype) or (
            said is not None and (said in _WORDS or not isinstance(said, str))
        ):
            continue
        present = table[name].dropna()
        numeric = pd.to_numeric(present, errors="coerce").notna()
        words = pd.api.types.infer_dtype(present) == "string"
        if words and said in (None, "integer", "real"):
            _check_points(path, name, present[~numeric], table.index.name or "row")
        if not len(present) or not _MIXED <= numeric.mean() < 1:
            continue
        bad = present[~numeric.to_numpy()]
        line = f"{table.index.name or 'row'} {bad.index[0]}"
        word = str(bad.iloc[0])
        raise UsageError(
            f"{path}, {line}, column {name!r}",
            expected=f"a number, as in {int(numeric.sum()):,} other rows",
            received=f"{word!r} (words in {len(bad):,} rows)",
            remedy=f"If it marks a missing value say data.missing=[{word!r}]; if the column is "
            f"no number, data.columns.{name}=categorical",
        )


def _check_points(path: Path, name: Any, others: Any, index: str) -> None:
    """UsageError where all cells that are no numbers are some with commas, in one of two forms."""
    if len(others) and any(others.str.fullmatch(form).all() for form in _COMMAS):
        raise UsageError(
            f"{path}, {index} {others.index[0]}, column {name!r}",
            expected="numbers with a point and no other signs, such as 1234.5",
            received=f"{others.iloc[0]!r} (commas in {len(others):,} rows)",
            remedy=f"Write them so; if they are no numbers, data.columns.{name}=categorical",
        )


def _columnar(path: Path, form: str) -> Any:
    """A file by columns; a DataFrame of one in Feather's first format, which is read whole."""
    import pandas as pd
    import pyarrow as pa

    with path.open("rb") as stream:
        old = stream.read(4) == _OLD_FEATHER
    if not old:
        return ColumnFile(path, form)
    try:
        return pd.read_feather(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path, form, error) from error
