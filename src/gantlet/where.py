"""Rows that meet conditions: asked for where the generator can be, the others left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.rejection import MOST, drawn_among, kept
from gantlet.sample import Samples, ready
from gantlet.tables.transform import TableTransform
from gantlet.tables.where import asked_classes, clauses
from gantlet.training.snapshot import blocks

__all__ = ["sample_where"]

_LOOK, _SHARE = 10_000, 0.01
"""Rows after which a smaller share that meets the conditions has the generator asked."""


def sample_where(
    bundle: Bundle,
    n: int,
    where: str,
    *,
    seed: int = 0,
    constraints: Sequence[Callable[[Any], Any]] = (),
    device: str = "auto",
) -> Samples:
    """The first n rows of a seed that meet conditions such as `sex=Male and age>=30`.

    Of the rows that the generator makes, those that meet all conditions, and the constraints of
    the table, are kept. Where fewer than 1 in 100 of the first 10,000 do, it is asked for the
    rarest category that has to be instead: then more rows meet the conditions, whose other columns
    are farther from the table's, as a model of one condition is less well trained than that of
    all. The first 10 of 100 are the 10.

    Arguments:
        constraints: the functions among the constraints of the training.

    Raises:
        UsageError: n below 1, a run that is not on a table, conditions that `clauses` refuses, or
            that fewer than 1 in 10,000 rows meet, a function that is not at hand.
    """
    spec = bundle.spec
    if n < 1 or spec.kind != "table":
        raise UsageError(
            f"rows where {where}",
            expected="at least 1, of a run on a table",
            received=f"{n}, of {spec.kind}",
        )
    transform = TableTransform.from_json(spec.table)
    design = transform.design_.given(constraints)
    wanted = clauses(where, transform)
    asked = asked_classes(wanted, transform)

    def holds(rows: NDArray[Any]) -> NDArray[np.bool_]:
        table = transform.inverse_transform(rows)
        met = [clause.holds(table) for clause in wanted]
        return np.asarray(np.logical_and.reduce([*met, design.holds(table)]), bool)

    with ready(bundle, device) as (players, machine):

        def made(y: Callable[[int, int], Tensor] | None) -> Iterator[NDArray[Any]]:
            parts = blocks(bundle.game, players, spec, machine, seed=seed, count=MOST, y=y)
            return (spec.decode(x).cpu().numpy() for x in parts)

        source = made(None)
        if asked:
            first = list(_rows(source, _LOOK))
            met = np.concatenate([holds(rows) for rows in first])
            is_common = met.mean() >= _SHARE
            source = chain(first, source) if is_common else made(drawn_among(spec, [asked], seed))
        found = kept(source, holds, n, f"rows where {where}")
    return Samples(found.rows, None, spec, seed, found.share)


def _rows(blocks: Iterator[NDArray[Any]], n: int) -> Iterator[NDArray[Any]]:
    """Blocks, until they have n rows."""
    count = 0
    while count < n:
        block = next(blocks)
        count += len(block)
        yield block
