"""Constraints that hold in a table and hardly could by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.amounts import Amounts, amounts
from gantlet.tables.constraints.language import parsed
from gantlet.tables.constraints.reading import quoted
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.twins import BREAKS, broken_by_chance
from gantlet.tables.words import FEWEST

__all__ = ["Proposal", "proposals"]

_SAMPLE = 2_000
"""Rows that are looked at first."""
_SHARE = 0.05
"""Of rows that would break an inequality if its columns were independent."""
_COVERED = 0.95
"""Of rows whose combination at least 5 rows have."""
_CHOICES = 64
_MOST_VALUES = 10_000


@dataclass(frozen=True)
class Proposal:
    """A constraint that every row of a table meets."""

    text: str
    """As `data.constraints` takes it."""
    evidence: str


def proposals(table: Any, columns: Sequence[Column]) -> tuple[Proposal, ...]:
    """Constraints that all rows meet, and that at least 20 would break by chance.

    - `b by a`, of choices, and of whole numbers of at most 64 values: each value of a has one of
      b. By chance, of N rows with A values of a, (N - A) (1 - sum p_b^2) would have another one.
    - `a <= b` (or <), of numbers or of times: if values of both came together at random, 1 row in
      20 at least would break it, so that columns of other ranges or units are not compared.
    - `a = b + c` and `a = b`, of numbers: at least 20 rows have no zero among b and c.
    - `combination(a, b)`, of choices: at most half as many combinations occur as would by chance.

    Combinations of fewer than 5 rows, which would not be stored, have at most 5 % of the rows.
    What follows from others that are proposed is left out.

    Arguments:
        table: a pandas DataFrame.
        columns: fitted to it.
    """
    if len(table) < 2 * BREAKS:
        return ()
    table = table.reset_index(drop=True)
    found = [*_dependences(table, columns)]
    known = {frozenset(pair) for pair, _ in found}
    sums = [*_sums(table, columns)]
    within = {pair for names, _ in sums for pair in permutations(names, 2)}
    told = [
        *(proposal for _, proposal in found),
        *(proposal for _, proposal in sums),
        *_inequalities(table, columns, within),
        *_combinations(table, columns, known),
    ]
    return tuple(one for one in told if _holds(one.text, table, columns))


def _holds(text: str, table: Any, columns: Sequence[Column]) -> bool:
    """Whether a text says of the table what is meant, and is true."""
    return not any(one.broken(table).any() for one in parsed(text, columns))


class _Coded:
    """A column of which values can be counted."""

    def __init__(self, column: Column, table: Any) -> None:
        import pandas as pd

        self.column = column
        self.codes, values = pd.factorize(table[column.name], use_na_sentinel=True)
        self.count = len(values)
        self.shares = np.bincount(self.codes[self.codes >= 0]) / max(1, (self.codes >= 0).sum())


def _coded(table: Any, columns: Sequence[Column]) -> list[_Coded]:
    """Choices, and whole numbers of few values, that vary."""
    able = [
        _Coded(column, table)
        for column in columns
        if isinstance(column, ChoiceColumn)
        or (isinstance(column, NumberColumn) and column.kind == "integer")
    ]
    return [
        one
        for one in able
        if 1 < one.count <= (_MOST_VALUES if isinstance(one.column, ChoiceColumn) else _CHOICES)
    ]


def _dependences(
    table: Any, columns: Sequence[Column]
) -> Iterator[tuple[tuple[Any, Any], Proposal]]:
    coded = _coded(table, columns)
    holding: dict[tuple[int, int], int] = {}
    for i, j in permutations(range(len(coded)), 2):
        a, b = coded[i], coded[j]
        some = slice(0, _SAMPLE)
        if _follows(a.codes[some], b.codes[some]) and _follows(a.codes, b.codes):
            both = (a.codes >= 0) & (b.codes >= 0)
            n, counts = int(both.sum()), np.bincount(a.codes[both])
            by_chance = broken_by_chance(n, int((counts > 0).sum()), b.shares)
            covered = counts[counts >= FEWEST].sum() / max(1, n)
            if by_chance >= BREAKS and covered >= _COVERED:
                holding[i, j] = int(by_chance)
    for (i, j), by_chance in holding.items():
        twin = (j, i) in holding
        through = any(
            (i, k) in holding and (k, j) in holding and (k, i) not in holding
            for k in range(len(coded))
        )
        if through or (
            twin and j > i
        ):  # of two that follow from each other the first by the later
            continue
        a, b = coded[i], coded[j]
        words = f"{a.count:,} values of {a.column.name}, each with one of {b.column.name}"
        evidence = f"{words}{' and the reverse' * twin}; by chance {by_chance:,} rows had another"
        names = (a.column.name, b.column.name)
        yield names, Proposal(f"{quoted(b.column)} by {quoted(a.column)}", evidence)


def _follows(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """Whether each code of a comes with a single one of b; -1 is missing."""
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not len(a):
        return False
    first = np.full(a.max() + 1, -1)
    first[a[::-1]] = b[::-1]
    return bool((first[a] == b).all())


def _numbers(table: Any, columns: Sequence[Column]) -> list[tuple[Amounts, Any, Any]]:
    """Columns of numbers that vary: what they are, their amounts, and which are there."""
    found = []
    for column in columns:
        if isinstance(column, NumberColumn):
            (one,) = amounts([column], "")
            values, absent = one.read(table[column.name])
            if one.can_be_added and len(np.unique(values[~absent][:_SAMPLE])) > 1:
                found.append((one, values, ~absent))
    return found


def _inequalities(
    table: Any, columns: Sequence[Column], within: set[tuple[Any, Any]]
) -> Iterator[Proposal]:
    numbers = _numbers(table, columns)
    holding: dict[tuple[int, int], tuple[bool, int, float]] = {}
    for i, j in permutations(range(len(numbers)), 2):
        first, second = numbers[i][0], numbers[j][0]
        if first.dimension != second.dimension:
            continue
        if (first.column.name, second.column.name) in within:
            continue
        low, high = (
            one.read(table[one.column.name])[0]
            for one in amounts([first.column, second.column], "")
        )
        both = numbers[i][2] & numbers[j][2]
        low, high = low[both], high[both]
        if not len(low) or (low[:_SAMPLE] > high[:_SAMPLE]).any() or (low > high).any():
            continue
        broken = float(np.searchsorted(np.sort(high), low).mean() / len(high))
        if broken >= _SHARE and broken * len(low) >= BREAKS and (low < high).any():
            holding[i, j] = (bool((low < high).all()), len(low), broken)
    for (i, j), (strict, n, broken) in holding.items():
        if any((i, k) in holding and (k, j) in holding for k in range(len(numbers))):
            continue
        a, b = numbers[i][0].column, numbers[j][0].column
        text = f"{quoted(a)} {'<' if strict else '<='} {quoted(b)}"
        yield Proposal(
            text, f"in {n:,} rows; values put together at random break it in {broken:.0%}"
        )


def _sums(table: Any, columns: Sequence[Column]) -> Iterator[tuple[tuple[Any, ...], Proposal]]:
    """a = b, and a = b + c."""
    numbers = [one for one in _numbers(table, columns) if one[0].dimension == "number"]
    if len(numbers) < 2:
        return
    x = np.stack([values for _, values, _ in numbers], 1).astype(np.float64)
    there = np.stack([present for _, _, present in numbers], 1)
    wide = np.array([one.step for one, _, _ in numbers])
    equal: set[int] = set()
    for parts in [*combinations(range(len(numbers)), 1), *combinations(range(len(numbers)), 2)]:
        if equal & set(parts):
            continue
        rows = np.flatnonzero(there[:, parts].all(1) & (x[:, parts] != 0).all(1))
        if len(rows) < BREAKS:
            continue
        some = rows[:100]
        added = x[some][:, parts].sum(1)[:, None]
        slack = (wide + wide[list(parts)].sum()) / 2 + 1e-9 * np.abs(added)
        with np.errstate(invalid="ignore"):  # infinity less infinity is no number, and not right
            right = (np.abs(x[some] - added) <= slack) | ~there[some]
        for total in np.flatnonzero(right.all(0) & there[some].any(0)).tolist():
            if total in parts or total in equal or (len(parts) == 1 and total < parts[0]):
                continue
            terms = [numbers[i][0].column for i in parts]
            text = f"{quoted(numbers[total][0].column)} = {' + '.join(map(quoted, terms))}"
            if _holds(text, table, columns):
                equal |= {total} if len(parts) == 1 else set()
                names = (numbers[total][0].column.name, *(term.name for term in terms))
                without = "and none is 0" if len(parts) > 1 else "and it is not 0"
                evidence = f"in all {len(table):,} rows; in {len(rows):,} all are there {without}"
                yield names, Proposal(text, evidence)


def _combinations(
    table: Any, columns: Sequence[Column], known: set[frozenset[Any]]
) -> Iterator[Proposal]:
    coded = [one for one in _coded(table, columns) if isinstance(one.column, ChoiceColumn)]
    for a, b in combinations(coded, 2):
        if min(a.count, b.count) < 3 or a.count * b.count > 10**7:
            continue
        if frozenset((a.column.name, b.column.name)) in known:
            continue
        both = (a.codes >= 0) & (b.codes >= 0)
        n = int(both.sum())
        _, counts = np.unique(a.codes[both] * b.count + b.codes[both], return_counts=True)
        likely = np.outer(a.shares, b.shares)
        by_chance = float((1 - np.exp(n * np.log1p(-np.minimum(likely, 1 - 1e-12)))).sum())
        covered = counts[counts >= FEWEST].sum() / max(1, n)
        if (
            len(counts) <= by_chance / 2
            and by_chance - len(counts) >= BREAKS
            and covered >= _COVERED
        ):
            text = f"combination({quoted(a.column)}, {quoted(b.column)})"
            evidence = f"{len(counts):,} combinations in {n:,} rows; by chance {by_chance:,.0f}"
            yield Proposal(text, evidence)
