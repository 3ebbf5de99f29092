"""Which of many whole rows are nearest to rows of which some cells are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.amounts import amounts
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.partial import Partial
from gantlet.tables.personal_column import PersonalColumn

__all__ = ["candidates"]

_NEAREST, _MOST = 10, 200
_AT_ONCE = 4_000_000
"""Pairs of rows that are compared at a time."""


def candidates(
    partial: Partial,
    rows: NDArray[np.int64],
    pool: Any,
    columns: Sequence[Column],
    seed: int,
) -> NDArray[np.int64]:
    """Places of rows of the pool, in the order in which they are to be tried, (R, 200 at most).

    Nearness is the number of given choices that differ and of empty cells that stay so; among
    equals the sum of squares of differences of given numbers, as ranks in the pool. The ten
    nearest and those as near as the tenth come in an order drawn at random, then the others.

    Arguments:
        partial: rows with given cells.
        rows: which of them, (R,).
        pool: a DataFrame of P whole rows.
        columns: of both.
        seed: of the order; that of a row depends on its number and this alone.
    """
    features = [_feature(column, partial, rows, pool) for column in columns]
    known = [feature for feature in features if feature is not None]
    n, most = len(pool), min(_MOST, len(pool))
    order = np.empty((len(rows), most), np.int64)
    step = max(1, _AT_ONCE // n)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        differ = np.zeros((len(rows[part]), n), np.float32)
        away = np.zeros((len(rows[part]), n), np.float32)
        for mismatch, distance in (feature(part) for feature in known):
            differ += mismatch
            away += distance
        for i, row in enumerate(rows[part].tolist()):
            order[start + i] = _drawn(differ[i] * (len(columns) + 1) + away[i], most, (seed, row))
    return order


def _drawn(far: NDArray[np.float32], most: int, key: tuple[int, int]) -> NDArray[np.int64]:
    """The nearest in an order drawn at random, then the others by their distance."""
    draw = np.random.default_rng(key)
    edge = np.partition(far, min(_NEAREST, len(far)) - 1)[min(_NEAREST, len(far)) - 1]
    near = draw.permutation(np.flatnonzero(far <= edge))[:most]
    if len(near) == most:
        return near
    beyond = np.where(far <= edge, np.inf, far)
    left = most - len(near)
    others = np.argpartition(beyond, left - 1)[:left]
    return np.concatenate([near, others[np.argsort(beyond[others], kind="stable")]])


def _feature(column: Column, partial: Partial, rows: NDArray[np.int64], pool: Any) -> Any:
    """What gives, for some of the rows, mismatches and distances in a column, (r, P) each."""
    given, empty = partial.given[column.name][rows], partial.empty[column.name][rows]
    if not (given.any() or empty.any()):
        return None
    absent = pool[column.name].isna().to_numpy(bool)
    cells = partial.table[column.name].iloc[rows]
    if isinstance(column, ChoiceColumn):
        return _of_choices(cells, pool[column.name], given, empty, absent)
    if isinstance(column, NumberColumn):
        return _of_numbers(column, cells, pool[column.name], given, empty, absent)
    if isinstance(column, PersonalColumn):  # what is made up is near to nothing
        return lambda part: (empty[part, None] & absent, 0.0)
    return None


def _of_choices(cells: Any, made: Any, given: Any, empty: Any, absent: Any) -> Any:
    import pandas as pd

    codes, values = pd.factorize(made)  # -1 for a missing one
    own = pd.Index(values, dtype=object).get_indexer(cells.astype(object))
    own = np.where(own < 0, -2, own)  # a value that no row of the pool has

    def feature(part: slice) -> tuple[Any, Any]:
        differ = (own[part, None] != codes) & given[part, None]
        return differ | (empty[part, None] & absent), 0.0

    return feature


def _of_numbers(
    column: NumberColumn, cells: Any, made: Any, given: Any, empty: Any, absent: Any
) -> Any:
    (scale,) = amounts([column], "")
    values, own = scale.read(made)[0], scale.read(cells)[0]
    ordered = np.sort(values[~absent])
    count = max(1, len(ordered))

    def rank(x: Any) -> Any:
        ends = (np.searchsorted(ordered, x, side) for side in ("left", "right"))
        return (sum(ends) / (2 * count)).astype(np.float32)

    places, wanted = rank(values), rank(own)

    def feature(part: slice) -> tuple[Any, Any]:
        away = np.where(given[part, None], (wanted[part, None] - places) ** 2, np.float32(0))
        return (given[part, None] | empty[part, None]) & absent, away

    return feature
