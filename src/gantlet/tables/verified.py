"""Constraints of a table of any length: found in some of its rows, and verified in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.column import Column
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.constraints.base import Constraint
from gantlet.tables.constraints.combination import Combination
from gantlet.tables.constraints.language import parsed
from gantlet.tables.proposals import Proposal, proposals

__all__ = ["verified"]

_MOST = 100_000
"""Rows in which constraints are looked for."""


def verified(table: Any, columns: Sequence[Column]) -> tuple[Proposal, ...]:
    """What `proposals` finds, in a long table among rows drawn by chance; met by all rows.

    Of a `ColumnFile` one column, or a part of the rows, is in memory at a time.

    Arguments:
        table: a pandas DataFrame, or a `ColumnFile`.
        columns: fitted to it.
    """
    import pandas as pd

    places = _drawn(len(table))
    some = pd.DataFrame({name: table[name].iloc[places] for name in table.columns})
    found = proposals(some, columns)
    if len(some) == len(table) or not found:
        return found
    said = f"among {len(some):,} rows drawn by chance; none of all {len(table):,} breaks it"
    return tuple(
        replace(one, evidence=f"{one.evidence}; {said}")
        for one in _unbroken(found, table, columns)
    )


def _drawn(rows: int) -> NDArray[np.int64]:
    """At most `_MOST` places, one by chance in each of as many parts of equal length."""
    if rows <= _MOST:
        return np.arange(rows)
    draw = np.random.default_rng(0)
    return np.unique(((np.arange(_MOST) + draw.random(_MOST)) * (rows / _MOST)).astype(np.int64))


def _unbroken(
    found: Iterable[Proposal], table: Any, columns: Sequence[Column]
) -> Iterator[Proposal]:
    """Those that every row meets."""
    left = {one: [_Watch(rule) for rule in parsed(one.text, columns)] for one in found}
    names = {name for watches in left.values() for watch in watches for name in watch.rule.reads}
    ordered = [name for name in table.columns if name in names]
    parts = table.parts(ordered) if isinstance(table, ColumnFile) else [table[ordered]]
    for part in parts:
        left = {
            one: watches
            for one, watches in left.items()
            if not any(watch.is_broken(part) for watch in watches)
        }
    yield from left


class _Watch:
    """Whether rows that come part by part break a constraint."""

    def __init__(self, rule: Constraint) -> None:
        self.rule = rule
        self._seen: list[Any] = []

    def is_broken(self, part: Any) -> bool:
        """Whether some row of this part does, beside those before it."""
        if isinstance(self.rule, Combination):  # what follows must follow in all parts
            part = self._distinct(part)
        return bool(self.rule.broken(part).any())

    def _distinct(self, part: Any) -> Any:
        """The combinations of this part and of those before it."""
        import pandas as pd

        cells = part[list(self.rule.reads)].drop_duplicates().astype(object)
        self._seen = [pd.concat([*self._seen, cells], ignore_index=True).drop_duplicates()]
        return self._seen[0]
