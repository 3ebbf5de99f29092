"""Rows of tables into files while they are made: as many as wanted, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.labels import Label, class_of
from gantlet.rejection import (
    MOST,
    Judged,
    Met,
    Passed,
    Rows,
    is_constrained,
    judged,
    law_of,
    passing,
    table_of,
)
from gantlet.sample import check_place, computed, saving
from gantlet.tables.writing import write_parts
from gantlet.where import judged_where

__all__ = ["Written", "frames", "sample_into_table"]

_AT_ONCE = 65_536
"""Rows in a part: a row group of Parquet."""


class Written(NamedTuple):
    """A file of rows."""

    path: Path
    share: float
    """Of the rows that were made, those that met what was asked."""


def frames(
    bundle: Bundle,
    n: int,
    *,
    label: Label | None = None,
    where: str | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Iterator[Any]:
    """The rows of `gantlet.sample.sample` as DataFrames of about 65,536, one after the other.

    Arguments:
        where: what rows must meet; they are those of `gantlet.where.sample_where` then.

    Raises:
        UsageError: see `sample` and `sample_where`; a run that is not on a table, a label or a
            truncation beside `where`.
    """
    shared = _frames(bundle, n, label, where, seed, truncation, device)
    return (frame for frame, _ in shared)


def sample_into_table(
    bundle: Bundle,
    path: str | Path,
    n: int,
    *,
    label: Label | None = None,
    where: str | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """The rows of `frames` in a file, written while they are computed.

    Memory does not grow with n. The file has its name once it is whole. See `sample` and `frames`
    for the arguments; `progress` is called with the rows written and n.

    Raises:
        UsageError: see `frames`; a file of another form.
        RunError: the disk refuses.
    """
    path, share = Path(path), 1.0
    check_place(path, bundle.spec)

    def told() -> Iterator[Any]:
        nonlocal share
        done = 0
        for frame, met in _frames(bundle, n, label, where, seed, truncation, device):
            yield frame
            done, share = done + len(frame), met
            progress(done, n)

    with saving(path):
        write_parts(path, told())
    return Written(path, share)


def _frames(
    bundle: Bundle,
    n: int,
    label: Label | None,
    where: str | None,
    seed: int,
    truncation: float | None,
    device: str,
) -> Iterator[tuple[Any, float]]:
    """Parts of the rows, each with the share of right ones among all that were made so far."""
    spec = bundle.spec
    transform = table_of(spec, n, "rows of a table" if where is None else f"rows where {where}")
    if where is None:
        source = _judged(bundle, n, label, seed, truncation, device)
    else:
        _check_alone(where, label, truncation)
        source = _asked(bundle, where, seed, device)
    done = 0
    with source as (made, what):
        for rows, drawn in _parts(passing(made, n, what), min(_AT_ONCE, n)):
            frame = transform.inverse_transform(rows[: n - done], done, seed)
            done += len(rows)
            yield frame, done / drawn


@contextmanager
def _judged(
    bundle: Bundle,
    n: int,
    label: Label | None,
    seed: int,
    truncation: float | None,
    device: str,
) -> Iterator[tuple[Iterator[Judged], str]]:
    """Rows as the generator makes them, which of them are right, and what these are in words."""
    spec, is_free = bundle.spec, not is_constrained(bundle.spec)
    count = n if is_free else MOST
    # Without a label each block draws its own: all at once would grow with n.
    y = None if label is None else torch.tensor(class_of(spec, label)).expand(count)
    holds, what = (_all, "rows") if is_free else law_of(spec, ())
    with computed(bundle, count, y, seed, truncation, device) as blocks:
        yield judged(_together(blocks, min(_AT_ONCE, n)), holds), what


@contextmanager
def _asked(
    bundle: Bundle, where: str, seed: int, device: str
) -> Iterator[tuple[Iterator[Judged], str]]:
    with judged_where(bundle, where, seed=seed, device=device) as made:
        yield made, f"rows where {where}"


def _check_alone(where: str, label: Label | None, truncation: float | None) -> None:
    """UsageError for what says of rows otherwise which to make."""
    for name, value in (("label", label), ("truncation", truncation)):
        if value is not None:
            raise UsageError(
                f"{name} {value} beside where {where}", expected="one of the two", received="both"
            )


def _parts(passed: Iterable[Passed], count: int) -> Iterator[tuple[Rows, int]]:
    """Right rows in parts of so many or a block's more, and the rows drawn up to there."""
    held, rows, drawn = list[Rows](), 0, 0
    for block in passed:
        held.append(block.rows)
        rows, drawn = rows + len(block.rows), block.drawn
        if rows >= count:
            yield np.concatenate(held), drawn
            held, rows = [], 0
    if rows:
        yield np.concatenate(held), drawn


def _all(rows: Rows) -> Met:
    return np.ones(len(rows), bool)


def _together(blocks: Iterable[Tensor], count: int) -> Iterator[Rows]:
    """Blocks in parts of so many rows, or a few more."""
    held, rows = list[Tensor](), 0
    for block in blocks:
        held.append(block)
        rows += len(block)
        if rows >= count:
            yield torch.cat(held).cpu().numpy()
            held, rows = [], 0
    if held:
        yield torch.cat(held).cpu().numpy()
