"""Columns of a table that say the same in other words: `Bachelors` and 13, `yes` and 1."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.constraints.language import parsed
from gantlet.tables.constraints.reading import quoted
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.words import FEWEST

__all__ = ["BREAKS", "broken_by_chance", "twins"]

BREAKS = 20
"""Rows that would break a constraint by chance, at least: then all hold with odds of e^-20."""
_SAMPLE = 2_000
"""Rows that are looked at first."""


def twins(table: Any, columns: Sequence[Column], without: Collection[Any]) -> tuple[str, ...]:
    """Constraints such as `education by code`: values that follow from each other, one to one.

    Looked at are choices, and whole numbers of so few values that each is a choice of its own. In
    a group of columns each value has at least 5 rows, and so has a missing one: nothing is lost
    where they are stored as one. At least 20 rows would break the group by chance
    (`broken_by_chance`).

    Arguments:
        table: a pandas DataFrame, or a `ColumnFile`: one column is in memory at a time.
        columns: fitted to it.
        without: names of columns that are to be left alone.
    """
    able = [column for column in columns if _varies(column) and column.name not in without]
    if len(able) < 2:
        return ()
    alike = _alike(_first(table, able), able, lambda codes: True)
    groups = [group for some in alike for group in _alike(table, some, _certain)]
    return tuple(text for text in map(_text, groups) if _is_read(text, columns))


def broken_by_chance(rows: int, values: int, shares: NDArray[np.float64]) -> float:
    """Rows whose b is not that of the first row with their a, if b were drawn by itself.

        (N - A) (1 - sum_k p_k^2)

    Arguments:
        rows: N, with neither missing.
        values: A, of a.
        shares: p_k, of each value of b among the rows.
    """
    return float((rows - values) * (1 - shares @ shares))


def _text(group: Sequence[Column]) -> str:
    return f"{', '.join(map(quoted, group[:-1]))} by {quoted(group[-1])}"


def _is_read(text: str, columns: Sequence[Column]) -> bool:
    """Whether the names can be told from the signs."""
    try:
        return len(parsed(text, columns)) == 1
    except UsageError:
        return False


def _varies(column: Column) -> bool:
    if isinstance(column, ChoiceColumn):
        return column.choices.width > 1
    if isinstance(column, NumberColumn) and column.kind == "integer":
        return not column.numbers.means and column.numbers.width > 1
    return False


def _first(table: Any, columns: Sequence[Column]) -> Any:
    """Columns of the first rows, without reading the others."""
    names = [column.name for column in columns]
    if isinstance(table, ColumnFile):
        return next(table.parts(names, _SAMPLE))
    return table[names][:_SAMPLE]


def _alike(
    table: Any, columns: Sequence[Column], counts: Callable[[NDArray[np.int64]], bool]
) -> Iterator[list[Column]]:
    """Groups of at least two columns that are one to one, of those whose codes count."""
    import pandas as pd

    groups: dict[bytes, list[Column]] = {}
    for column in columns:
        # Numbered in the order in which they come, values that are one to one are equal numbers.
        codes = pd.factorize(table[column.name], use_na_sentinel=True)[0]
        if counts(codes):
            groups.setdefault(blake2b(codes.tobytes()).digest(), []).append(column)
    return (group for group in groups.values() if len(group) > 1)


def _certain(codes: NDArray[np.int64]) -> bool:
    counts = np.bincount(codes + 1, minlength=2)
    missing, held = int(counts[0]), counts[1:]
    share = held / max(1, held.sum())
    rare = held.min() < FEWEST or 0 < missing < FEWEST
    return not rare and broken_by_chance(held.sum(), len(held), share) >= BREAKS
