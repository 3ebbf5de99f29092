"""Rows of a database: what a query gives, through a SQLAlchemy URL.

Nothing is written to the database, and no password into a file or a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.dtypes import with_missing

__all__ = ["is_url", "name_of", "open_query", "recorded_url", "shown_url"]

_URL = re.compile(r"[A-Za-z][\w.+-]*://")
_READS = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^/@:]*):.*@")
_SECRET = re.compile(
    r"([?&][^=&]*(?:password|passwd|pwd|passphrase|secret|token|odbc_connect)=)[^&]*",
    re.IGNORECASE,
)
"""Parameters of drivers that hold a password, some of them among other things."""
_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?:][^?]*)(.*)", re.IGNORECASE)
_ROWS = 65_536
_SHOWN = 10


def is_url(source: object) -> bool:
    """Whether a source is the URL of a database, such as `sqlite:///people.db`."""
    return isinstance(source, str) and _URL.match(source) is not None


def shown_url(url: str) -> str:
    """The URL without its password, as it is shown."""
    return _PASSWORD.sub(r"\1@", _SECRET.sub(r"\1***", url))


def recorded_url(url: str) -> str:
    """The URL as a run keeps it: without its password, a file of SQLite by its absolute path."""
    shown = shown_url(url)
    file = _FILE.fullmatch(shown)
    if file is None or file[2].startswith("file:"):
        return shown
    return f"{file[1]}{Path(file[2]).resolve()}{file[3]}"


def name_of(url: str) -> str:
    """The name of the database."""
    return Path(re.split("[?]", shown_url(url))[0]).stem or "database"


def open_query(url: str, query: str | None, place: Path) -> ColumnFile:
    """What a query gives, read by 65,536 rows at a time into a Parquet file.

    Types are those that pandas gives the rows: whole numbers with missing ones are real.

    Arguments:
        url: of the database, `dialect+driver://user:password@host/name`.
        query: of SQL, begins with select, with, values or table.
        place: folder for the file.

    Raises:
        UsageError: no SQLAlchemy, no driver, no such database, SQL that the database refuses, no
            rows, two columns of one name, values of several types in one column.
    """
    _required(url)
    if query is None or not _READS.match(query):
        raise UsageError(
            f"{shown_url(url)}: data.query",
            expected="a query that reads rows",
            received="none" if query is None else repr(query),
            remedy=f'For example data.query="select * from TABLE". {_tables(url)}'.strip(),
        )
    found = [
        _written(part, place / f"part{i}.parquet", url)
        for i, part in enumerate(_parts(url, query))
    ]
    if not found:
        raise UsageError(
            f"{shown_url(url)}: data.query", expected="rows", received=f"none of {query!r}"
        )
    return _joined(found, place / "query.parquet", url)


def _required(url: str) -> None:
    try:
        import sqlalchemy

        del sqlalchemy
    except ImportError:
        raise UsageError(
            shown_url(url),
            expected="SQLAlchemy, of the extra `table`",
            received="no sqlalchemy",
            remedy="Install it with pip install 'gantlet[table]'",
        ) from None


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A connection that commits nothing; what goes wrong within is told without the password."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        parsed = make_url(url)
        _check_file(parsed, url)
        engine = create_engine(parsed)
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(postgresql_readonly=True)
    except ImportError as error:
        raise UsageError(
            shown_url(url),
            expected="a driver for this database",
            received=f"no {error.name}",
            remedy="Install the driver, and name it in the URL where it is another one, such as "
            "postgresql+psycopg://",
        ) from None
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise UsageError(
            shown_url(url),
            expected="a URL of SQLAlchemy, dialect+driver://user:password@host/database",
            received=_clean(error, url),
        ) from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise UsageError(
            shown_url(url),
            expected="rows of the database",
            received=_clean(getattr(error, "orig", None) or error, url),
        ) from None
    finally:
        engine.dispose()


def _check_file(parsed: Any, url: str) -> None:
    """SQLite would make a database that is not there."""
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name.startswith(("file:", ":memory:")):
        return
    if not Path(name).is_file():
        raise UsageError(
            shown_url(url),
            expected="a file of SQLite",
            received=f"no {name!r}",
            remedy="A relative path has three slashes, sqlite:///people.db; an absolute one four",
        )


def _clean(error: BaseException, url: str) -> str:
    """The first words of an error, without the password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    text = " ".join(str(error).split())[:300]
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        password = None
    for secret in filter(None, (str(password) if password else "", url)):
        text = text.replace(secret, "***")
    return shown_url(text)


def _tables(url: str) -> str:
    """The names of the tables, in a sentence; nothing where there are none."""
    from sqlalchemy import inspect

    with _connected(url) as connection:
        names = sorted(inspect(connection).get_table_names())
    more = ", ..." if len(names) > _SHOWN else ""
    return f"Tables are {', '.join(names[:_SHOWN])}{more}." if names else ""


def _parts(url: str, query: str) -> Iterator[Any]:
    """DataFrames of the rows, in their order."""
    import pandas as pd
    from sqlalchemy import text

    with _connected(url) as connection:
        if connection.dialect.name == "sqlite":  # whose driver commits what it takes for reading
            connection.exec_driver_sql("pragma query_only = on")
        # A colon in a text of the query is no name of a parameter.
        words = text(query.rstrip().rstrip(";").replace(":", "\\:"))
        result = connection.execute(words, execution_options={"stream_results": True})
        if not result.returns_rows:
            return
        names = list(result.keys())
        while rows := result.fetchmany(_ROWS):
            part = pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
            for place in range(len(names)):
                cells = part.iloc[:, place]
                if cells.dtype == "float64" and not cells.isna().all():
                    part.isetitem(place, with_missing(cells, (row[place] for row in rows)))
            yield part


def _written(part: Any, path: Path, url: str) -> Path:
    """A part as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    twice = part.columns[part.columns.duplicated()]
    if len(twice):
        raise UsageError(
            f"{shown_url(url)}: two columns of data.query are named {twice[0]!r}",
            expected="a name of its own for each column",
            remedy="Name them in the query: select a.id as a_id, ...",
        )
    try:
        table = pa.Table.from_pandas(part, preserve_index=False)
    except (pa.ArrowException, TypeError) as error:
        raise UsageError(
            f"{shown_url(url)}: data.query",
            expected="values of one type in each column",
            received=" ".join(map(str, error.args))[:200],
            remedy="Cast the column in the query: cast(x as text)",
        ) from None
    pq.write_table(table, path)
    return path


def _joined(parts: list[Path], path: Path, url: str) -> ColumnFile:
    """One file of all parts, whose types hold those of each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = [pq.read_schema(part).remove_metadata() for part in parts]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise UsageError(
            f"{shown_url(url)}: data.query",
            expected="values of one type in each column",
            received=" ".join(str(error).split())[:200],
            remedy="Cast the column in the query: cast(x as text)",
        ) from None
    for place, kind in enumerate(schema.types):
        if pa.types.is_null(kind):  # nothing at all: of any type
            schema = schema.set(place, pa.field(schema.names[place], pa.float64()))
    with pq.ParquetWriter(path, schema) as file:
        for part in parts:
            file.write_table(pq.read_table(part).cast(schema))
            part.unlink()
    return ColumnFile(path, ".parquet")
