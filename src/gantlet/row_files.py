"""Rows of tables into files while they are made: as many as wanted, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.rejection import MOST, Rows, is_constrained, judged, law_of, passing, table_of
from gantlet.sample import check_place, class_of, computed, saving
from gantlet.tables.writing import write_parts

__all__ = ["frames", "sample_into_table"]

_BLOCKS = 32
"""Blocks of samples in a part: 65,536 rows, a row group of Parquet."""


def frames(
    bundle: Bundle,
    n: int,
    *,
    label: str | int | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Iterator[Any]:
    """The rows of `gantlet.sample.sample` as DataFrames of at most 65,536, one after the other.

    Raises:
        UsageError: see `gantlet.sample.sample`; a run that is not on a table.
    """
    spec, done = bundle.spec, 0
    transform, is_free = table_of(spec, n, "rows of a table"), not is_constrained(spec)
    count = n if is_free else MOST
    # Without a label each block draws its own: all at once would grow with n.
    y = None if label is None else torch.tensor(class_of(spec, label)).expand(count)
    with computed(bundle, count, y, seed, truncation, device) as parts:
        found = _together(parts, min(_BLOCKS, n))
        if not is_free:
            holds, what = law_of(spec, ())
            found = (part.rows for part in passing(judged(found, holds), n, what))
        for rows in found:
            if len(rows):
                yield transform.inverse_transform(rows[: n - done], done, seed)
            done += len(rows)


def _together(parts: Iterator[Tensor], count: int) -> Iterator[Rows]:
    """So many blocks in one."""
    while held := list(islice(parts, count)):
        yield torch.cat(held).cpu().numpy()


def sample_into_table(
    bundle: Bundle,
    path: str | Path,
    n: int,
    *,
    label: str | int | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """The rows of `gantlet.sample.sample` in a file, written while they are computed.

    Memory does not grow with n. The file has its name once it is whole. See `sample` for the
    arguments; `progress` is called with the rows written and n.

    Raises:
        UsageError: see `sample`; a run that is not on a table, a file of another form.
        RunError: the disk refuses.
    """
    path = Path(path)
    check_place(path, bundle.spec)

    def told() -> Iterator[Any]:
        done = 0
        for frame in frames(
            bundle, n, label=label, seed=seed, truncation=truncation, device=device
        ):
            yield frame
            done += len(frame)
            progress(done, n)

    with saving(path):
        write_parts(path, told())
    return path
