"""Tables: files and pandas DataFrames whose rows become samples."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gantlet.data.assemble import slug, stamp
from gantlet.data.dataset import Dataset
from gantlet.data.settings import DataSettings
from gantlet.data.store import stored
from gantlet.errors import UsageError
from gantlet.spec import DataSpec
from gantlet.tables.files import SUFFIXES, form_of, read_table, required
from gantlet.tables.files import open_table as read_columns
from gantlet.tables.sql import is_url, name_of, open_query, shown_url
from gantlet.tables.writing import TEXTS

__all__ = [
    "from_frame",
    "is_frame",
    "is_table",
    "is_tabular",
    "lines_of",
    "named_table",
    "open_sql",
    "open_table",
    "opened",
    "read_file",
]


def is_table(path: Path) -> bool:
    """Whether a file is one of a table, by its content, or of text by its name."""
    return form_of(path) is not None


def named_table(path: Path) -> bool:
    """Whether a name is that of a table."""
    return path.suffix.lower() in SUFFIXES


_RESIDENT = 2**26
"""Bytes of stored numbers above which they are a memory map, if there is a cache: 64 MiB."""
_OF_IMAGES = ("fit", "channels", "alpha")
"""Settings that say how images are read."""


def is_frame(source: Any) -> bool:
    """Whether it is a pandas DataFrame; pandas is not imported to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def is_tabular(source: Any) -> bool:
    """Whether rows come of it: a DataFrame, a database, or a file that is one of a table."""
    if is_frame(source) or is_url(source):
        return True
    return isinstance(source, str | Path) and is_table(Path(source).expanduser())


def open_table(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The rows of a file; of Parquet, Feather and long text one column is in memory at a time."""
    with opened(path, settings, cache) as (data, _):
        return data


def open_sql(url: str, settings: DataSettings, cache: Path | None) -> Dataset:
    """The rows that `settings.query` gives of a database."""
    with opened(url, settings, cache) as (data, _):
        return data


@contextmanager
def opened(
    source: Any, settings: DataSettings, cache: Path | None
) -> Iterator[tuple[Dataset, Any]]:
    """The rows of a table, and within the table: a DataFrame, or a `ColumnFile` where it can be.

    Arguments:
        source: a DataFrame, the URL of a database, or a file.
        settings: of the data.
        cache: folder for what long text and queries become, and for the stored rows.
    """
    if is_frame(source):
        yield from_frame(source, name="table", settings=settings), source
        return
    with scratch(cache) as place, TemporaryDirectory(dir=place) as folder:
        if is_url(source):
            yield _of_query(str(source), settings, cache, Path(folder))
        else:
            yield _of_file(Path(source).expanduser(), settings, cache, place)


def _of_query(
    url: str, settings: DataSettings, cache: Path | None, place: Path
) -> tuple[Dataset, Any]:
    required(shown_url(url))
    table = open_query(url, settings.query, place)
    return from_frame(table, name=slug(name_of(url)), settings=settings, cache=cache), table


def _of_file(
    path: Path, settings: DataSettings, cache: Path | None, place: Path | None
) -> tuple[Dataset, Any]:
    table, notes = read_columns(path, scratch=place, **_reading(settings))
    stem = path.name.split(".")[0] or path.stem
    try:
        data = from_frame(
            table,
            name=slug(stem),
            settings=settings,
            notes=notes,
            cache=cache,
            key=stamp(path),
        )
    except UsageError as error:
        raise UsageError(
            f"{path}: {error.what}",
            expected=error.expected,
            received=error.received,
            remedy=f"{error.remedy}{_unparted(path, table)}",
        ) from None
    return data, table


def _unparted(path: Path, table: Any) -> str:
    """What else may be wrong with separated values of one column."""
    if len(table.columns) > 1 or form_of(path) not in TEXTS:
        return ""
    return (
        ". Or cells are separated by something else than a comma, semicolon, tab or bar: say "
        "data.delimiter"
    )


@contextmanager
def scratch(cache: Path | None) -> Iterator[Path | None]:
    """A folder in the cache that goes when it is no longer used; none without a cache."""
    if cache is None:
        yield None
        return
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache) as place:
        yield Path(place)


def read_file(
    path: Path, settings: DataSettings, texts: Sequence[str] = ()
) -> tuple[Any, tuple[str, ...]]:
    """A file as a pandas DataFrame, and what was done to read it; see `read_table`."""
    return read_table(path, texts=texts, **_reading(settings))


def _reading(settings: DataSettings) -> dict[str, Any]:
    """How a file of a table is read: arguments of `read_table`."""
    return {
        "delimiter": settings.delimiter,
        "header": settings.header,
        "encoding": settings.encoding,
        "missing": settings.missing,
        "columns": settings.columns,
    }


def from_frame(
    table: Any,
    *,
    name: str,
    settings: DataSettings,
    notes: Sequence[str] = (),
    cache: Path | None = None,
    key: str = "",
) -> Dataset:
    """The rows of a pandas DataFrame, as `gantlet.tables.TableTransform` writes them.

    Arguments:
        table: a DataFrame, or a `ColumnFile`.
        name, settings, notes: of the data.
        cache: folder for stored numbers of more than 64 MiB.
        key: tells the content, so that they need not be written again.

    Raises:
        UsageError: fewer than 2 rows, nothing that varies from row to row, settings of
            images, or what `fit` refuses.
    """
    required(f"the table {name!r}")
    _check_of_images(settings)
    from gantlet.tables.transform import TableTransform

    if len(table) < 2:
        raise UsageError(
            f"the table {name!r}",
            expected="at least 2 rows",
            received=str(len(table)),
            remedy="Give more data: some hundreds of rows at least for useful training",
        )
    wanted = TableTransform(
        settings.columns,
        settings.public,
        settings.locale,
        settings.constraints,
        settings.private,
        settings.twins,
    )
    transform = wanted.fit(table)
    if not transform.heads:
        raise UsageError(
            f"the table {name!r}",
            expected="a column whose values can be learned",
            received="; ".join(transform.lines),
            remedy="Say what a column is, as in data.columns.NAME=categorical; values of fewer "
            "than 5 rows are not kept unless data.public=true",
        )
    names, shares = transform.classes()
    spec = DataSpec(
        kind="table",
        shape=(sum(head.width for head in transform.heads),),
        dtype="float32",
        low=-1.0,
        high=1.0,
        classes=names,
        frequencies=shares,
        heads=transform.heads,
        table=transform.to_json(),
    )
    raw = stored(
        (len(table), len(transform.heads)),
        "float32",
        lambda rows: transform.write(table, rows),
        cache=cache,
        step="table",
        key=f"{key} {json.dumps(transform.to_json(), sort_keys=True)}" if key else "",
        resident=_RESIDENT if cache else None,
    )
    told = (*notes, _summary(transform), *transform.design_.lines)
    return Dataset(spec, raw, None, name, told)


def _check_of_images(settings: DataSettings) -> None:
    plain = DataSettings()
    wrong = {
        "flip": settings.flip,
        "labels": settings.labels is not True,
        "size": settings.size is not None,
        **{key: getattr(settings, key) != getattr(plain, key) for key in _OF_IMAGES},
    }
    for key, is_set in wrong.items():
        if is_set:
            raise UsageError(
                f"data.{key}",
                expected="nothing: rows of a table have no sides, and every category is a class",
                received=str(getattr(settings, key)),
                remedy=f"Leave data.{key} away",
            )


def lines_of(spec: DataSpec) -> tuple[str, ...]:
    """What each column of a table is, for a person to read."""
    from gantlet.tables.transform import TableTransform

    return TableTransform.from_json(spec.table).lines


def _summary(transform: Any) -> str:
    kinds = [column.kind for column in transform.columns_]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"{len(kinds)} columns: {told} (gantlet doctor shows each)."
