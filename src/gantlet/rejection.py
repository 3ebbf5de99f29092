"""Rows of tables that meet what is asked of them: made in blocks, the others left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.rng import rows
from gantlet.spec import DataSpec

__all__ = ["MOST", "Kept", "check_hope", "drawn_among", "is_constrained", "kept", "lawful"]

MOST = 10**9
"""Rows that are made at most."""
_PATIENCE, _RAREST = 100_000, 1e-4
"""Rows after which a smaller share that is kept is hopeless."""


class Kept(NamedTuple):
    """Rows that were kept."""

    rows: NDArray[Any]
    """Stored, (N, R)."""
    places: NDArray[np.int64]
    """Their places among all that were made, (N,)."""
    share: float
    """Of the rows made that were kept, of those that were looked at."""


def is_constrained(spec: DataSpec) -> bool:
    """Whether the rows of a table have to meet constraints."""
    return "constraints" in spec.table


def kept(
    blocks: Iterable[NDArray[Any]],
    holds: Callable[[NDArray[Any]], NDArray[np.bool_]],
    n: int,
    what: str,
) -> Kept:
    """The first n rows that are right.

    Arguments:
        blocks: stored rows as they are made, (B, R).
        holds: which rows of a block are right, (B,).
        n: at least 1.
        what: they are, for the error.

    Raises UsageError where after 100,000 rows fewer than 1 in 10,000 are right.
    """
    parts, places, found, drawn = list[Any](), list[Any](), 0, 0
    for block in blocks:
        met = np.flatnonzero(holds(block))
        parts.append(block[met])
        places.append(drawn + met)
        found, drawn = found + len(met), drawn + len(block)
        if found >= n:
            break
        check_hope(what, found, drawn)
    return Kept(np.concatenate(parts)[:n], np.concatenate(places)[:n], found / drawn)


def lawful(
    spec: DataSpec,
    n: int,
    blocks: Iterable[NDArray[Any]],
    functions: Sequence[Callable[[Any], Any]],
) -> Kept:
    """The first n rows that meet the constraints of a table.

    Arguments:
        blocks: stored rows as they are made.
        functions: those among the constraints of the training.

    Raises UsageError as `kept` does, for a function that is not at hand or was not of the
    training, and for samples that are no rows.
    """
    from gantlet.tables import TableTransform

    if spec.kind != "table":
        raise UsageError(f"constraints on samples of {spec.kind}", expected="rows of a table")
    transform = TableTransform.from_json(spec.table)
    design = transform.design_.given(functions)

    def holds(rows: NDArray[Any]) -> NDArray[np.bool_]:
        return design.holds(transform.inverse_transform(rows))

    return kept(blocks, holds, n, f"rows that meet {', '.join(design.texts)}")


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
