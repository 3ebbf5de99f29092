"""As many rows of one category of a column as of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.bundle import Bundle
from gantlet.errors import UsageError, unknown
from gantlet.rejection import MOST, check_hope, drawn_among, table_of
from gantlet.sample import Samples, ready
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.transform import TableTransform
from gantlet.training.snapshot import raw_blocks

__all__ = ["sample_balanced"]


def sample_balanced(
    bundle: Bundle,
    n: int,
    column: str,
    *,
    seed: int = 0,
    constraints: Sequence[Callable[[Any], Any]] = (),
    device: str = "auto",
) -> Samples:
    """n rows of a table in which the categories of a column take turns.

    Row i has category i % K of the K that the table has, the commonest first, so that their counts
    differ by one at most and the first 10 of 100 are the 10. The generator is asked for each; the
    other columns are as it makes them. Rows in which the column is missing do not come.

    Arguments:
        constraints: the functions among the constraints of the training.

    Raises:
        UsageError: n below 1, a run that is not on a table, a column that is not there or whose
            categories cannot be asked for, a category that hardly any row has together with the
            constraints, a function that is not at hand.
    """
    spec = bundle.spec
    transform = table_of(spec, n, f"rows balanced by {column}")
    design, told = transform.design_.given(constraints).open, _column(transform, column)
    places = transform.places(told.name)
    turns = _Turns(n, [value for value, _ in places], told.name)
    with ready(bundle, device) as (players, machine):
        y = drawn_among(spec, [classes for _, classes in places], seed)
        made = raw_blocks(bundle.game, players, spec, machine, seed=seed, count=MOST, y=y)
        for rows in (part.cpu().numpy() for part in made):
            table = transform.inverse_transform(rows)
            if turns.take(rows, table, design.holds(table)):
                break
    return Samples(turns.ordered(), None, spec, seed, turns.share)


class _Turns:
    """Rows of each category, until there are enough of all."""

    def __init__(self, n: int, values: Sequence[Any], name: Any) -> None:
        self._n, self._values, self._name = n, values, name
        self._rows: list[list[NDArray[Any]]] = [[] for _ in values]
        self._found, self._drawn = np.zeros(len(values), int), 0
        self._wanted = n // len(values) + (np.arange(len(values)) < n % len(values))

    def take(self, rows: NDArray[Any], table: Any, met: NDArray[np.bool_]) -> bool:
        """Take the rows that are right; whether that is all."""
        turn = (self._drawn + np.arange(len(rows))) % len(self._values)
        self._drawn += len(rows)
        cells = table[self._name].astype(object)
        for k, value in enumerate(self._values):
            mine = rows[met & (turn == k) & (cells == value).to_numpy(bool)]
            self._rows[k].append(mine)
            self._found[k] += len(mine)
            if self._found[k] < self._wanted[k]:
                what = f"rows balanced by {self._name}, {self._name}={value}"
                check_hope(what, int(self._found[k]), self._drawn // len(self._values))
        return bool((self._found >= self._wanted).all())

    def ordered(self) -> NDArray[Any]:
        """The rows, the categories in turn."""
        parts = [np.concatenate(part) for part in self._rows]
        made = np.empty((self._n, parts[0].shape[1]), parts[0].dtype)
        for k, part in enumerate(parts):
            made[k :: len(parts)] = part[: self._wanted[k]]
        return made

    @property
    def share(self) -> float:
        """Of the rows made that were right."""
        return float(self._found.sum() / self._drawn)


def _column(transform: TableTransform, name: str) -> Column:
    """A column whose categories can be asked for; UsageError if it is none."""
    columns = {str(column.name): column for column in transform.columns_}
    if name not in columns:
        raise unknown("column", name, columns)
    found = columns[name]
    if transform.places(found.name):
        return found
    able = [key for key, column in columns.items() if transform.places(column.name)]
    many = f" of {len(found.values):,} values" if isinstance(found, ChoiceColumn) else ""
    remedy = f"If it is one, train with data.columns.{name}=categorical"
    if transform.ledger_ is not None:
        remedy = "A private run cannot be asked for one: take rows of each with --where"
    raise UsageError(
        f"rows balanced by {name}",
        expected=f"a column of categories, at most 64: {', '.join(able) or 'there is none'}",
        received=f"{found.kind}{many}",
        remedy=remedy,
    )
