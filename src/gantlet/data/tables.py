"""Tables: files and pandas DataFrames whose rows become samples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gantlet.data.assemble import slug
from gantlet.data.dataset import Dataset
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError
from gantlet.spec import DataSpec
from gantlet.tables.files import SUFFIXES, form_of, read_table, required

__all__ = ["from_frame", "is_frame", "is_table", "lines_of", "named_table", "open_table"]


def is_table(path: Path) -> bool:
    """Whether a file is one of a table, by its content, or of text by its name."""
    return form_of(path) is not None


def named_table(path: Path) -> bool:
    """Whether a name is that of a table."""
    return path.suffix.lower() in SUFFIXES


_OF_IMAGES = ("fit", "channels", "alpha")
"""Settings that say how images are read."""


def is_frame(source: Any) -> bool:
    """Whether it is a pandas DataFrame; pandas is not imported to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def open_table(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """The rows of a file."""
    table, notes = read_table(
        path,
        delimiter=settings.delimiter,
        header=settings.header,
        encoding=settings.encoding,
        missing=settings.missing,
        columns=settings.columns,
    )
    stem = path.name.split(".")[0] or path.stem
    try:
        return from_frame(table, name=slug(stem), settings=settings, notes=notes)
    except UsageError as error:
        raise UsageError(
            f"{path}: {error.what}",
            expected=error.expected,
            received=error.received,
            remedy=error.remedy,
        ) from None


def from_frame(
    table: Any, *, name: str, settings: DataSettings, notes: Sequence[str] = ()
) -> Dataset:
    """The rows of a pandas DataFrame, as `gantlet.tables.TableTransform` writes them.

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
    transform = TableTransform(settings.columns, settings.public, settings.private).fit(table)
    raw = transform.transform(table)
    if not raw.shape[1]:
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
    return Dataset(spec, np.ascontiguousarray(raw), None, name, (*notes, _summary(transform)))


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
