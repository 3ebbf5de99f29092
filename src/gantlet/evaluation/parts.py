"""Some samples of a set of data, as an evaluation looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gantlet.data.dataset import Array, Dataset, Hashes, Labels, Rows, content_hashes
from gantlet.data.split import Indices
from gantlet.tables.columnar import ColumnFile

__all__ = ["Part", "joined", "part_of", "recurs_by_chance"]


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples as they are stored, and their labels if there are any; rows also as cells."""

    x: Array | Rows
    """Shape (N, *spec.shape); of a large set, read when it is asked for."""
    y: Labels | None
    index: Indices
    """Places in the data (of generated samples: 0 to N - 1)."""
    frame: Any = None
    """Rows of a table as they were read, a pandas DataFrame; None of other samples."""

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def hashes(self) -> Hashes:
        """Of what each sample holds, (N,)."""
        return self.x.hashes if isinstance(self.x, Rows) else content_hashes(self.x)

    def first(self, n: int) -> Part:
        """The first n samples."""
        frame = None if self.frame is None else self.frame.iloc[:n]
        return Part(self.x[:n], None if self.y is None else self.y[:n], self.index[:n], frame)


def recurs_by_chance(dataset: Dataset) -> bool:
    """Whether a fresh sample may equal a training sample: rows of tables, points that recur.

    Images that are equal to the last bit are copies, however many there are (decision 21).
    """
    return dataset.spec.kind != "image" and dataset.recurs


def joined(first: Part, second: Part) -> Part:
    """The samples of both, read; labels where both have them."""
    labelled = first.y is not None and second.y is not None
    frame = None
    if first.frame is not None:
        import pandas as pd

        frame = pd.concat([first.frame, second.frame], ignore_index=True)
    return Part(
        np.concatenate([first.x[:], second.x[:]]),
        np.concatenate([first.y, second.y]) if labelled else None,
        np.concatenate([first.index, second.index]),
        frame,
    )


def part_of(dataset: Dataset, table: Any, index: Indices) -> Part:
    """The samples at `index`, not yet read; of a table its rows, which are."""
    labels = None if dataset.y is None else dataset.y[index]
    cells = None if table is None else _cells(table, index)
    return Part(dataset.rows(index), labels, index, cells)


def _cells(table: Any, index: Indices) -> Any:
    """Some rows as a pandas DataFrame; of a `ColumnFile` read a column at a time."""
    import pandas as pd

    if not isinstance(table, ColumnFile):
        return table.iloc[index].reset_index(drop=True)
    return pd.DataFrame({n: table[n].iloc[index].reset_index(drop=True) for n in table.columns})
