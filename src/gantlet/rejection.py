"""Rows of tables that meet what is asked of them: made in blocks, the others left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.rng import rows
from gantlet.spec import DataSpec

if TYPE_CHECKING:
    from gantlet.tables.transform import TableTransform

__all__ = [
    "MOST",
    "Holds",
    "Judged",
    "Kept",
    "Met",
    "Passed",
    "Rows",
    "check_hope",
    "drawn_among",
    "is_constrained",
    "judged",
    "kept",
    "law_of",
    "passing",
    "table_of",
]

MOST = 10**9
"""Rows that are made at most."""
_PATIENCE, _RAREST = 100_000, 1e-4
"""Rows after which a smaller share that is kept is hopeless."""


Rows = NDArray[Any]
"""Stored, (B, R)."""
Met = NDArray[np.bool_]
"""Which rows of a block are right, (B,)."""
Holds = Callable[[Rows], Met]
Judged = tuple[Rows, Met]


class Passed(NamedTuple):
    """Rows of a block that are right."""

    rows: Rows
    places: NDArray[np.int64]
    """Their places among all that were made."""
    drawn: int
    """Rows made up to the end of the block."""


class Kept(NamedTuple):
    """Rows that were kept."""

    rows: Rows
    places: NDArray[np.int64]
    """Their places among all that were made, (N,)."""
    share: float
    """Of the rows made that were right, of those that were looked at."""


def is_constrained(spec: DataSpec) -> bool:
    """Whether the rows of a table may break constraints, and have to be looked at."""
    held = spec.table.get("constraints")
    return held is not None and bool(held.get("is_open", True))


def table_of(spec: DataSpec, n: int, what: str) -> TableTransform:
    """How rows of a table are told; UsageError for n below 1 and for samples that are no rows."""
    from gantlet.tables import TableTransform

    if spec.kind != "table":
        raise UsageError(what, expected="samples of a run on a table", received=spec.kind)
    if not isinstance(n, int | np.integer) or n < 1:
        raise UsageError(what, expected="a whole number of rows, at least 1", received=repr(n))
    return TableTransform.from_json(spec.table)


def law_of(spec: DataSpec, functions: Sequence[Callable[[Any], Any]]) -> tuple[Holds, str]:
    """Which stored rows meet the constraints of a table, and in words what they are.

    Arguments:
        functions: those among the constraints of the training.

    Raises UsageError for a function that is not at hand or was not of the training, and for
    samples that are no rows.
    """
    from gantlet.tables import TableTransform

    if spec.kind != "table":
        raise UsageError(f"constraints on samples of {spec.kind}", expected="rows of a table")
    transform = TableTransform.from_json(spec.table)
    design = transform.design_.given(functions).open

    def holds(rows: Rows) -> Met:
        return design.holds(transform.inverse_transform(rows))

    return holds, f"rows that meet {', '.join(design.texts)}"


def judged(blocks: Iterable[Rows], holds: Holds) -> Iterator[Judged]:
    """Blocks of rows, each with which of them are right."""
    return ((block, holds(block)) for block in blocks)


def passing(blocks: Iterable[Judged], n: int, what: str) -> Iterator[Passed]:
    """The rows of each block that are right, until there are at least n.

    Arguments:
        blocks: rows as they are made, and which of them are right.
        n: at least 1.
        what: they are, for the error.

    Raises UsageError where after 100,000 rows fewer than 1 in 10,000 are right.
    """
    found, drawn = 0, 0
    for block, met in blocks:
        at = np.flatnonzero(met)
        found, start, drawn = found + len(at), drawn, drawn + len(block)
        yield Passed(block[at], start + at, drawn)
        if found >= n:
            return
        check_hope(what, found, drawn)


def kept(blocks: Iterable[Judged], n: int, what: str) -> Kept:
    """The first n rows that are right; see `passing`."""
    parts = list(passing(blocks, n, what))
    found = np.concatenate([part.rows for part in parts])
    places = np.concatenate([part.places for part in parts])
    return Kept(found[:n], places[:n], len(found) / parts[-1].drawn)


def check_hope(what: str, found: int, drawn: int) -> None:
    """UsageError where of many rows hardly any was right."""
    if drawn >= _PATIENCE and found < _RAREST * drawn:
        raise UsageError(
            what,
            expected=f"at least 1 row in {1 / _RAREST:,.0f} that meets it",
            received=f"{found} of {drawn:,}",
            remedy="Ask for less: the model hardly ever makes such rows",
        )


def drawn_among(
    spec: DataSpec, choices: Sequence[Sequence[int]], seed: int
) -> Callable[[int, int], Tensor]:
    """Classes for rows [start, start + count): of row i one of choices[i % K], by frequency."""
    shares = torch.tensor(spec.frequencies, dtype=torch.float64)

    def draw(start: int, count: int) -> Tensor:
        u = rows(seed, "sample/among", start, count, (), torch.rand).double()
        turn = torch.arange(start, start + count) % len(choices)
        y = torch.zeros(count, dtype=torch.int64)
        for k, classes in enumerate(choices):
            own, mine = torch.tensor(list(classes)), turn == k
            edges = shares[own].cumsum(0)
            at = torch.searchsorted(edges / edges[-1], u[mine], right=True)
            y[mine] = own[at.clamp(max=len(own) - 1)]
        return y

    return draw
