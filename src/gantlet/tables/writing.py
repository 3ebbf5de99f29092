"""Tables into files, a part at a time: the file has its name once it is whole."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any

from gantlet.files import drafted
from gantlet.tables.json_text import lines_of

__all__ = ["DELIMITERS", "LINES", "TEXTS", "suffix_of", "write_parts"]

DELIMITERS = (",", ";", "\t", "|")
"""What may separate cells of text."""

TEXTS: Mapping[str, str] = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""What separates cells, by ending."""
LINES = (".jsonl", ".ndjson")

_Put = Callable[[Any], None]
_LEVEL = 6
"""Of compression: the default of gzip."""


def suffix_of(path: Path) -> str:
    """The ending that tells the form of a table, without `.gz`; nothing where none can."""
    names = [suffix.lower() for suffix in path.suffixes[-2:]]
    if names and names[-1] == ".gz":
        plain = names[0] if len(names) == 2 else ""
        return plain if plain in (*TEXTS, *LINES) else ""
    return names[-1] if names else ""


def write_parts(path: Path, parts: Iterable[Any]) -> int:
    """Write DataFrames of equal columns and types below one another; the number of rows.

    One part is held at a time. In Parquet each is a row group, in Feather a record batch. What is
    interrupted leaves no file of this name, and an older one as it was.

    Arguments:
        path: ends in one of the endings of `gantlet.tables.files.SUFFIXES`.
        parts: at least one.
    """
    suffix, rows = suffix_of(path), 0
    opens = _FORMS.get(suffix, _lines if suffix in LINES else _text)
    with drafted(path) as file, opens(file, path) as put:
        for part in parts:
            put(part)
            rows += len(part)
    return rows


@contextmanager
def _wrapped(file: IO[bytes], path: Path) -> Iterator[IO[str]]:
    """Text into a file, through gzip where the name says so; equal text gives equal bytes."""
    packed = path.suffix.lower() == ".gz"
    raw: Any = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) if packed else file
    text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.flush()
        text.detach()
        if packed:
            raw.close()


@contextmanager
def _text(file: IO[bytes], path: Path) -> Iterator[_Put]:
    separator, is_first = TEXTS[suffix_of(path)], chain([True], repeat(False))
    with _wrapped(file, path) as text:
        yield lambda part: part.to_csv(
            text,
            index=False,
            sep=separator,
            header=next(is_first),
            lineterminator="\n",
            quoting=_quoting(part),
        )


def _quoting(part: Any) -> int:
    """Quotes around all text where pandas would leave away some that reading needs.

    Those around a return, which ends a line, and, in a table of one column, around what others
    separate cells by.
    """
    import pandas as pd

    signs = "\r" if part.shape[1] > 1 else "\r" + "".join(DELIMITERS)
    for name in part.columns:
        kept = getattr(part[name].dtype, "categories", part[name])
        texts = pd.Series(kept if kept.dtype.kind == "O" else []).astype("str")
        for sign in signs:
            if sign in str(name) or texts.str.contains(sign, regex=False, na=False).any():
                return csv.QUOTE_NONNUMERIC
    return csv.QUOTE_MINIMAL


@contextmanager
def _lines(file: IO[bytes], path: Path) -> Iterator[_Put]:
    with _wrapped(file, path) as text:
        yield lambda part: text.writelines(lines_of(part))


@contextmanager
def _parquet(file: IO[bytes], path: Path) -> Iterator[_Put]:
    import pyarrow.parquet as pq

    with _columnar(lambda schema: pq.ParquetWriter(file, schema)) as put:
        yield put


@contextmanager
def _feather(file: IO[bytes], path: Path) -> Iterator[_Put]:
    import pyarrow as pa

    packed = pa.ipc.IpcWriteOptions(compression="lz4")
    with _columnar(lambda schema: pa.ipc.new_file(file, schema, options=packed)) as put:
        yield put


@contextmanager
def _columnar(opened: Callable[[Any], Any]) -> Iterator[_Put]:
    """Parts as tables of Arrow, all of the schema of the first."""
    import pyarrow as pa

    writer: Any = None
    schema: Any = None

    def put(part: Any) -> None:
        nonlocal writer, schema
        made = pa.Table.from_pandas(part, schema=schema, preserve_index=False)
        if writer is None:
            schema = made.schema
            writer = opened(schema)
        writer.write_table(made)

    try:
        yield put
    finally:
        if writer is not None:
            writer.close()


_FORMS: Mapping[str, Callable[[IO[bytes], Path], AbstractContextManager[_Put]]] = {
    ".parquet": _parquet,
    ".feather": _feather,
}
