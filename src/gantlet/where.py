"""Rows that meet conditions: asked for where the generator can be, the others left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.sample import Samples, ready
from gantlet.tables.transform import TableTransform
from gantlet.tables.where import asked_class, clauses
from gantlet.training.snapshot import blocks

__all__ = ["sample_where"]

_PATIENCE, _RAREST = 100_000, 1e-4
"""Rows after which a smaller share that meets the conditions is hopeless."""
_LOOK, _SHARE = 10_000, 0.01
"""Rows after which a smaller share that meets the conditions has the generator asked."""
_MOST = 10**9


def sample_where(
    bundle: Bundle,
    n: int,
    where: str,
    *,
    seed: int = 0,
    device: str = "auto",
) -> Samples:
    """The first n rows of a seed that meet conditions such as `sex=Male and age>=30`.

    Of the rows that the generator makes, those that meet all conditions are kept. Where fewer than
    1 in 100 of the first 10,000 do, it is asked for the rarest category that has to be instead:
    then more rows meet the conditions, whose other columns are farther from the table's, as a
    model of one condition is less well trained than that of all. All rows meet the conditions, and
    the first 10 of 100 are the 10.

    Raises:
        UsageError: n below 1, a run that is not on a table, conditions that `clauses` refuses, or
            that fewer than 1 in 10,000 rows meet.
    """
    spec = bundle.spec
    if n < 1 or spec.kind != "table":
        raise UsageError(
            f"rows where {where}",
            expected="at least 1, of a run on a table",
            received=f"{n}, of {spec.kind}",
        )
    transform = TableTransform.from_json(spec.table)
    wanted = clauses(where, transform)
    asked = asked_class(wanted, transform)
    with ready(bundle, device) as (players, machine):

        def made(y: torch.Tensor | None) -> Iterator[tuple[np.ndarray, int]]:
            """Rows that meet the conditions, and of how many they are."""
            for x in blocks(bundle.game, players, spec, machine, seed=seed, count=_MOST, y=y):
                rows = spec.decode(x).cpu().numpy()
                table = transform.inverse_transform(rows)
                met = np.logical_and.reduce([clause.holds(table) for clause in wanted])
                yield rows[met], len(rows)

        kept, found, drawn = list[np.ndarray](), 0, 0
        source = made(None)
        while found < n or (asked is not None and drawn < _LOOK):
            rows, count = next(source)
            kept.append(rows)
            found, drawn = found + len(rows), drawn + count
            if asked is not None and drawn >= _LOOK:
                if found < _SHARE * drawn:
                    source = made(torch.tensor(asked).expand(_MOST))
                    kept, found, drawn = [], 0, 0
                asked = None
            if drawn >= _PATIENCE and found < _RAREST * drawn:
                raise UsageError(
                    f"rows where {where}",
                    expected=f"at least 1 row in {1 / _RAREST:,.0f} that meets it",
                    received=f"{found} of {drawn:,}",
                    remedy="Ask for less: the model hardly ever makes such rows",
                )
    return Samples(np.concatenate(kept)[:n], None, spec, seed)
