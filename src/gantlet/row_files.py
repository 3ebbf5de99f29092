"""Rows of tables into files while they are made: as many as wanted, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.rejection import MOST, check_hope, is_constrained
from gantlet.sample import check_place, class_of, computed, saving
from gantlet.tables.transform import TableTransform
from gantlet.tables.writing import write_parts

__all__ = ["frames", "sample_into_table"]

_BLOCKS = 64
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
    spec = bundle.spec
    if n < 1 or spec.kind != "table":
        raise UsageError(
            "rows of a table", expected="at least 1, of a run on a table",
            received=f"{n}, of {spec.kind}",
        )  # fmt: skip
    transform = TableTransform.from_json(spec.table)
    design, count = transform.design_.given(()), MOST if is_constrained(spec) else n
    what, done, drawn = f"rows that meet {', '.join(design.texts)}", 0, 0
    # Without a label each block draws its own: all at once would grow with n.
    y = None if label is None else torch.tensor(class_of(spec, label)).expand(count)
    with computed(bundle, count, y, seed, truncation, device) as parts:
        while done < n:
            rows = torch.cat(list(islice(parts, min(_BLOCKS, n - done)))).cpu().numpy()
            drawn += len(rows)
            if is_constrained(spec):
                rows = rows[design.holds(transform.inverse_transform(rows))][: n - done]
            if len(rows):
                yield transform.inverse_transform(rows, done, seed)
            done += len(rows)
            if done < n:
                check_hope(what, done, drawn)


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
