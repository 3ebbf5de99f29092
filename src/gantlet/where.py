"""Rows that meet conditions: asked for where the generator can be, the others left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.rejection import MOST, drawn_among, kept
from gantlet.sample import Samples, ready
from gantlet.tables.transform import TableTransform
from gantlet.tables.where import asked_classes, clauses
from gantlet.training.snapshot import blocks

__all__ = ["sample_where"]


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

    The generator is asked for the rarest category that has to be; of the rows that it makes, those
    that meet all conditions, and the constraints of the table, are kept. The other columns are as
    the generator makes them, and the first 10 of 100 are the 10.

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

    y = drawn_among(spec, [asked], seed) if asked else None
    with ready(bundle, device) as (players, machine):
        made = blocks(bundle.game, players, spec, machine, seed=seed, count=MOST, y=y)
        found = kept((spec.decode(x).cpu().numpy() for x in made), holds, n, f"rows where {where}")
    return Samples(found.rows, None, spec, found.share)
