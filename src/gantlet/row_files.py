"""Rows of tables into files while they are made: as many as wanted, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.labels import Label, class_of
from gantlet.rejection import MOST, Met, Rows, is_constrained, judged, law_of, passing, table_of
from gantlet.sample import check_place, computed, saving
from gantlet.tables.writing import write_parts

__all__ = ["Written", "frames", "sample_into_table"]

_AT_ONCE = 65_536
"""Rows in a part: a row group of Parquet."""


class Written(NamedTuple):
    """A file of rows."""

    path: Path
    share: float
    """Of the rows that were made, those that met the constraints."""


def frames(
    bundle: Bundle,
    n: int,
    *,
    label: Label | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Iterator[Any]:
    """The rows of `gantlet.sample.sample` as DataFrames of at most 65,536, one after the other.

    Raises:
        UsageError: see `gantlet.sample.sample`; a run that is not on a table.
    """
    shared = _frames(bundle, n, label=label, seed=seed, truncation=truncation, device=device)
    return (frame for frame, _ in shared)


def sample_into_table(
    bundle: Bundle,
    path: str | Path,
    n: int,
    *,
    label: Label | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """The rows of `gantlet.sample.sample` in a file, written while they are computed.

    Memory does not grow with n. The file has its name once it is whole. See `sample` for the
    arguments; `progress` is called with the rows written and n.

    Raises:
        UsageError: see `sample`; a run that is not on a table, a file of another form.
        RunError: the disk refuses.
    """
    path, share = Path(path), 1.0
    check_place(path, bundle.spec)

    def told() -> Iterator[Any]:
        nonlocal share
        done = 0
        for frame, met in _frames(
            bundle, n, label=label, seed=seed, truncation=truncation, device=device
        ):
            yield frame
            done, share = done + len(frame), met
            progress(done, n)

    with saving(path):
        write_parts(path, told())
    return Written(path, share)


def _frames(
    bundle: Bundle,
    n: int,
    *,
    label: Label | None,
    seed: int,
    truncation: float | None,
    device: str,
) -> Iterator[tuple[Any, float]]:
    """Parts of the rows, each with the share of right ones among all that were made so far."""
    spec, done = bundle.spec, 0
    transform, is_free = table_of(spec, n, "rows of a table"), not is_constrained(spec)
    count = n if is_free else MOST
    # Without a label each block draws its own: all at once would grow with n.
    y = None if label is None else torch.tensor(class_of(spec, label)).expand(count)
    holds, what = (_all, "rows") if is_free else law_of(spec, ())
    with computed(bundle, count, y, seed, truncation, device) as blocks:
        made = judged(_together(blocks, min(_AT_ONCE, n)), holds)
        for rows, _, drawn in passing(made, n, what):
            if len(rows):
                frame = transform.inverse_transform(rows[: n - done], done, seed)
                done += len(rows)
                yield frame, done / drawn


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
