"""The rows of a table as they were read, before they become samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gantlet.data.dataset import Dataset
from gantlet.data.kinds import readable, sniff
from gantlet.data.settings import DataSettings
from gantlet.data.tables import is_frame, opened, read_file
from gantlet.errors import UsageError
from gantlet.spec import DataSpec
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.detect import check_cells
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.personal_column import PersonalColumn
from gantlet.tables.silent_columns import IdentifierColumn, TextColumn
from gantlet.tables.sql import is_url, open_query
from gantlet.tables.words import Kind

__all__ = ["fitting", "frame_of", "proposals_of", "rows_of", "texts_of"]


def frame_of(source: Any, settings: DataSettings, columns: Sequence[Column] = ()) -> Any:
    """The pandas DataFrame of a file, of a database's query, or of itself.

    Arguments:
        source, settings: of the data.
        columns: fitted ones; those of text are read as text, with zeros in front.

    Raises UsageError where there is no table, or one that cannot be read.
    """
    if is_frame(source):
        return source
    if is_url(source):
        with TemporaryDirectory() as folder:
            return open_query(str(source), settings.query, Path(folder)).whole()
    path = _checked(source)
    with readable(path):
        return read_file(path, settings, texts_of(columns))[0]


@contextmanager
def rows_of(source: Any, settings: DataSettings, cache: Path) -> Iterator[tuple[Dataset, Any]]:
    """The samples of a table, and within the table itself, opened once; see `opened`.

    Raises UsageError where there is no table, or one that cannot be read.
    """
    with ExitStack() as stack:
        if is_frame(source) or is_url(source):
            yield stack.enter_context(opened(source, settings, cache))
            return
        path = _checked(source)
        with readable(path):
            found = stack.enter_context(opened(path, settings, cache))
        yield found


def _checked(source: Any) -> Path:
    """The path of a file of a table; UsageError for anything else."""
    if not isinstance(source, str | Path):
        raise UsageError(
            "rows of a table",
            expected="a file of a table, the URL of a database or a pandas DataFrame",
            received=type(source).__name__,
        )
    path = Path(source).expanduser()
    with readable(path):
        if sniff(path) != "table":
            raise UsageError(f"{path}", expected="a file of a table", received=sniff(path))
    return path


def texts_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of fitted columns whose values are text, other than times."""
    return tuple(str(column.name) for column in columns if _is_text(column))


def _is_text(column: Column) -> bool:
    if isinstance(column, ChoiceColumn):
        return any(isinstance(value, str) for value in column.values)
    if isinstance(column, IdentifierColumn):
        return column.way != "number"
    return isinstance(column, PersonalColumn | TextColumn)


def fitting(table: Any, columns: Sequence[Column], like: Any) -> Any:
    """The columns of a table in the order of fitted ones, numbers as text where those are text.

    Arguments:
        table: a pandas DataFrame.
        columns: the fitted ones.
        like: the table that they were fitted to.

    Raises:
        UsageError: columns that are missing or that nobody knows, cells of another kind.
    """
    from pandas.api import types

    ours, theirs = [c.name for c in columns], list(table.columns)
    absent = [str(name) for name in ours if name not in theirs]
    foreign = [str(name) for name in theirs if name not in ours]
    if absent or foreign:
        found = [f"no column {name!r}" for name in absent[:1]]
        found += [f"a column {name!r} that it has not" for name in foreign[:1]]
        raise UsageError(
            "the held-out rows",
            expected=f"the {len(ours)} columns of the run, {', '.join(map(str, ours[:6]))}"
            + (", ..." if len(ours) > 6 else ""),
            received=" and ".join(found),
            remedy="Name the columns as the run's table does, and drop others",
        )
    made = table[ours].copy(deep=False)
    for column in columns:
        cells = made[column.name]
        if types.is_string_dtype(like[column.name].dtype) and types.is_numeric_dtype(cells.dtype):
            made[column.name] = cells.astype(object).where(cells.isna(), cells.astype(str))
        if isinstance(column, NumberColumn):
            kind: Kind = "real" if column.kind == "integer" else column.kind
            check_cells(column.name, kind, made[column.name])
    return made


def proposals_of(
    table: Any, settings: DataSettings, spec: DataSpec
) -> tuple[tuple[str, str], ...]:
    """Constraints that hold in a table and are not among the settings, each with its evidence.

    Arguments:
        table: a DataFrame or a `ColumnFile`.
        settings: with which it was opened.
        spec: of its samples.
    """
    from gantlet.tables.transform import TableTransform
    from gantlet.tables.verified import verified

    transform = TableTransform.from_json(spec.table)
    found = verified(table, transform.columns_)
    known = {*settings.constraints, *transform.design_.texts}
    return tuple((p.text, p.evidence) for p in found if p.text not in known)
