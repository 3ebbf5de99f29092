"""Rows that meet conditions: asked for where the generator can be, the others left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.rejection import MOST, Judged, Met, Rows, drawn_among, judged, kept, table_of
from gantlet.sample import Samples, ready
from gantlet.tables.where import asked_classes, clauses
from gantlet.training.snapshot import raw_blocks

__all__ = ["judged_where", "sample_where"]

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
    what = f"rows where {where}"
    table_of(bundle.spec, n, what)
    with judged_where(bundle, where, seed=seed, constraints=constraints, device=device) as source:
        found = kept(source, n, what)
    return Samples(found.rows, None, bundle.spec, seed, found.share)


@contextmanager
def judged_where(
    bundle: Bundle,
    where: str,
    *,
    seed: int = 0,
    constraints: Sequence[Callable[[Any], Any]] = (),
    device: str = "auto",
) -> Iterator[Iterator[Judged]]:
    """Blocks of rows without end, and which of them `sample_where` keeps.

    Each block is computed when it is asked for. Arguments and errors are those of `sample_where`.
    """
    spec = bundle.spec
    transform = table_of(spec, 1, f"rows where {where}")
    design = transform.design_.given(constraints).open
    wanted = clauses(where, transform)
    asked = asked_classes(wanted, transform)

    def holds(rows: Rows) -> Met:
        table = transform.inverse_transform(rows)
        met = [clause.holds(table) for clause in wanted]
        return np.asarray(np.logical_and.reduce([*met, design.holds(table)]), bool)

    with ready(bundle, device) as (players, machine):

        def made(y: Callable[[int, int], Tensor] | None) -> Iterator[Judged]:
            parts = raw_blocks(bundle.game, players, spec, machine, seed=seed, count=MOST, y=y)
            return judged((part.cpu().numpy() for part in parts), holds)

        source = made(None)
        if asked:
            first = list(_looked_at(source))
            is_common = np.concatenate([met for _, met in first]).mean() >= _SHARE
            source = chain(first, source) if is_common else made(drawn_among(spec, [asked], seed))
        yield source


def _looked_at(source: Iterator[Judged]) -> Iterator[Judged]:
    """Blocks of rows, until they have `_LOOK`."""
    count = 0
    while count < _LOOK:
        rows, met = next(source)
        count += len(rows)
        yield rows, met
