"""Tables in files that are read a column at a time, so that they need not fit in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError
from gantlet.tables.dtypes import is_rounded

__all__ = ["ROWS", "ColumnFile", "columns_in", "damaged"]

ROWS = 65_536
"""Rows that are read or written at a time."""
_UNMADE = (TypeError, NotImplementedError)
"""What pandas raises for the name of a type that it cannot make."""


class ColumnFile:
    """A Parquet or Feather file as a table of which one column is in memory at a time.

    It has what `gantlet.tables.TableTransform` asks of a pandas DataFrame: `len`, `columns`,
    `index`, and `table[name]`, which reads. A column comes as from `pandas.read_parquet`.

    Arguments:
        path: the file.
        form: `.parquet` or `.feather`.

    Raises:
        UsageError: a file that is damaged.
    """

    def __init__(self, path: Path, form: str) -> None:
        import pandas as pd

        self._path, self._form = path, form
        with self._readable():
            empty, self._rows = self._opened()
            self._fields = [str(name) for name in empty.columns]
        self.columns = empty.columns
        self.index = pd.RangeIndex(self._rows)
        """Of the rows, by which errors about cells name them."""

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, name: Any) -> Any:
        """A column as a pandas Series."""
        place = list(self.columns).index(name)
        with self._readable():
            cells = self._read(self._fields[place])
        cells.name, cells.index = name, self.index
        return cells

    def whole(self) -> Any:
        """All columns, as a DataFrame."""
        import pandas as pd

        parts = {place: self[name] for place, name in enumerate(self.columns)}
        table = pd.DataFrame(parts, index=self.index)
        table.columns = self.columns
        return table

    def parts(self, names: Sequence[Any], rows: int = ROWS) -> Iterator[Any]:
        """Some columns, as DataFrames of at most so many rows."""
        places = [list(self.columns).index(name) for name in names]
        with self._readable():
            for part in self._parts([self._fields[place] for place in places], rows):
                cells = _as_pandas(part).iloc[:, : len(places)]
                cells.columns = names
                yield cells

    def _parts(self, fields: Sequence[str], rows: int) -> Iterator[Any]:
        """Some columns in parts, as tables of Arrow."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._form == ".parquet":
            with pq.ParquetFile(self._path) as file:
                yield from file.iter_batches(rows, columns=list(fields))
            return
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as file:
            for i in range(file.num_record_batches):
                held = file.get_batch(i).select(list(fields))
                yield from (held.slice(k, rows) for k in range(0, held.num_rows, rows))

    def _opened(self) -> tuple[Any, int]:
        """A table of no rows, and how many the file has."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._form == ".parquet":
            with pq.ParquetFile(self._path) as file:
                return _as_pandas(file.schema_arrow.empty_table()), file.metadata.num_rows
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as file:
            rows = sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))
            return _as_pandas(file.schema.empty_table()), rows

    def _read(self, field: str) -> Any:
        """One column, its file closed and its buffers given back."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyarrow import feather

        if self._form == ".parquet":
            with pq.ParquetFile(self._path) as file:
                held = file.read([field])
        else:
            held = feather.read_table(self._path, columns=[field], memory_map=True)
        cells = _as_pandas(held).iloc[:, 0]
        if is_rounded(cells) and pa.types.is_integer(held.schema.types[0]):
            exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
            cells = held.to_pandas(types_mapper=exact.get).iloc[:, 0]
        del held
        pa.default_memory_pool().release_unused()
        return cells

    @contextmanager
    def _readable(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise damaged(self._path, self._form, error) from error


def _as_pandas(held: Any) -> Any:
    """A table or a batch of Arrow as a DataFrame.

    Where the file names types of pandas that pandas cannot make of their names, such as those of
    dictionaries, their columns have the types that Arrow's give.
    """
    try:
        return held.to_pandas()
    except _UNMADE:
        told = dict(held.schema.metadata or {})
        said = json.loads(told.get(b"pandas", b'{"columns": []}'))
        for column in said["columns"]:
            if not _is_made(column["numpy_type"]):
                column["numpy_type"] = "object"
        told[b"pandas"] = json.dumps(said).encode()
        return held.replace_schema_metadata(told).to_pandas()


def _is_made(name: str) -> bool:
    """Whether pandas knows a type by this name."""
    import pandas as pd

    try:
        pd.api.types.pandas_dtype(name)
    except _UNMADE:
        return False
    return True


def columns_in(place: Path, frames: Iterable[Any], schema: Any) -> ColumnFile:
    """DataFrames below one another in a Parquet file, one in memory at a time.

    Arguments:
        place: the file.
        frames: of the columns of the schema.
        schema: of Arrow.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(place, schema) as file:
        for frame in frames:
            file.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
    return ColumnFile(place, ".parquet")


def damaged(path: Path, form: str, error: Exception) -> UsageError:
    """The error for a file that cannot be read as what it is."""
    return UsageError(
        str(path),
        expected=f"a {form[1:]} file that is whole",
        received=" ".join(str(error).split())[:200],
        remedy="Write it again, or copy it again",
    )
