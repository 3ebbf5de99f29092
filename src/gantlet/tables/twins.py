"""Columns of a table that say the same in other words: `Bachelors` and 13, `yes` and 1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.language import parsed
from gantlet.tables.constraints.reading import quoted
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.words import FEWEST

__all__ = ["BREAKS", "twins"]

BREAKS = 20
"""Rows that would break a constraint by chance, at least: then all hold with odds of e^-20."""
_SAMPLE = 2_000
"""Rows that are looked at first."""


def twins(table: Any, columns: Sequence[Column], without: Collection[Any]) -> tuple[str, ...]:
    """Constraints such as `education by code`: values that follow from each other, one to one.

    Looked at are choices, and whole numbers of so few values that each is a choice of its own. In
    a group of columns each value has at least 5 rows, and so has a missing one: nothing is lost
    where they are stored as one. If a second column were drawn for each row by itself, of N rows
    with K values at least 20 would break the group: (N - K) (1 - sum p_k^2), with p_k the share of
    value k.

    Arguments:
        table: a pandas DataFrame, or a `ColumnFile`: one column is in memory at a time.
        columns: fitted to it.
        without: names of columns that are to be left alone.
    """
    able = [column for column in columns if _varies(column) and column.name not in without]
    alike = _alike(table, able, _SAMPLE)
    groups = [group for some in alike for group in _alike(table, some, None)]
    return tuple(text for text in map(_text, groups) if _is_read(text, columns))


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


def _alike(table: Any, columns: Sequence[Column], rows: int | None) -> Iterator[list[Column]]:
    """Groups of at least two columns that are one to one in the first rows; in all if None."""
    import pandas as pd

    groups: dict[bytes, list[Column]] = {}
    for column in columns if len(columns) > 1 else ():
        # Numbered in the order in which they come, values that are one to one are equal numbers.
        codes = pd.factorize(table[column.name][:rows], use_na_sentinel=True)[0]
        if rows is not None or _certain(codes):
            groups.setdefault(blake2b(codes.tobytes()).digest(), []).append(column)
    return (group for group in groups.values() if len(group) > 1)


def _certain(codes: NDArray[np.int64]) -> bool:
    counts = np.bincount(codes + 1, minlength=2)
    missing, held = int(counts[0]), counts[1:]
    share = held / max(1, held.sum())
    by_chance = (held.sum() - len(held)) * (1 - share @ share)
    rare = held.min() < FEWEST or 0 < missing < FEWEST
    return bool(by_chance >= BREAKS and not rare)
