"""Rows of which some cells are given, completed by what the generator makes beside such cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.bundle import Bundle
from gantlet.data.frames import texts_of
from gantlet.data.tables import read_file
from gantlet.errors import UsageError
from gantlet.rejection import drawn_among
from gantlet.rng import seed_of
from gantlet.sample import ready
from gantlet.tables.constraints import Design
from gantlet.tables.nearest import candidates
from gantlet.tables.partial import Partial, loose, partial_rows
from gantlet.tables.personal_column import PersonalColumn
from gantlet.tables.silent_columns import IdentifierColumn
from gantlet.tables.transform import TableTransform
from gantlet.training.snapshot import generate

__all__ = ["complete", "read_partial"]

_POOL, _RARE_POOL, _RARE = 8_192, 2_048, 1 / 4
"""Rows from which those of one category are completed; fewer where it is rare, and tells more."""
_AT_ONCE = 4_096
"""Rows that are tried at a time where the first choice broke a constraint."""


def read_partial(path: Path, bundle: Bundle) -> Any:
    """A file of partial rows, read as the table of the run was.

    Raises UsageError as `gantlet.data.tables.read_file` does, for a path where no file is, and
    for a run that is not on a table.
    """
    _check_kind(bundle, str(path))
    if not path.is_file():
        raise UsageError(
            f"rows to be completed, {path}",
            expected="a file of a table",
            received="a folder" if path.exists() else "no such file",
            remedy="Check the path",
        )
    settings, columns = bundle.config.data, bundle.spec.table.get("columns", ())
    numbered = [column["name"] for column in columns] == [
        f"column_{i}" for i in range(1, len(columns) + 1)
    ]
    header = settings.header if settings.header is not None or numbered else True
    texts = texts_of(TableTransform.from_json(bundle.spec.table).columns_)
    return read_file(path, replace(settings, header=header, delimiter=None), texts)[0]


def complete(
    bundle: Bundle,
    table: Any,
    *,
    seed: int = 0,
    constraints: Sequence[Callable[[Any], Any]] = (),
    what: str = "the table",
    device: str = "auto",
) -> Any:
    """A DataFrame with all columns of a run's table: given cells as they are, the others drawn.

    Each row's missing cells come from one generated row that is like it in the cells given:
    approximate Bayesian computation by nearest neighbours. The generator is asked for the rarest
    category that is given, and makes 8,192 rows of it, or 2,048 where fewer than a quarter of the
    table's rows have it. Of these one is drawn, each as likely, among the 10 nearest and those as
    near as the tenth: first fewest categories that differ, then the least sum of squares of the
    differences of given numbers, as ranks among them. With more rows and fewer neighbours it would
    be a draw from the generator's conditional distribution; as it is, conditions that hardly any
    row meets are met nearly. Where the drawn cells with those given break a constraint, they are
    fitted to it, or the next row is taken.

    An empty cell of a column that is there is filled with a value wherever there is a row with
    one; a column that is not there has missing values as often as the generator makes them.
    Identifiers that are not given are fresh, personal data made up for each row, free text stays
    missing. No row of the training is at hand that could be copied.

    Arguments:
        table: a DataFrame of some columns of the run's table; its rows stay in order, with their
            index.
        seed: equal seeds give equal rows.
        constraints: the functions among the constraints of the training.
        what: the table is called, for errors.

    Raises:
        UsageError: a run that is not on a table, what `partial_rows` refuses, a row that cannot
            be completed within the constraints, a function that is not at hand.

    Source: Blum (2010), Approximate Bayesian Computation: a Nonparametric Perspective, https://arxiv.org/abs/0904.0635
    """
    _check_kind(bundle, what)
    spec = bundle.spec
    transform = TableTransform.from_json(spec.table)
    design = transform.design_.given(constraints)
    partial = partial_rows(table, transform, design, what)
    filled = _Filled(partial, transform, design, what)
    with ready(bundle, device) as (players, machine):
        for asked, share, rows in _groups(partial, transform):
            own, count = seed_of(seed, "complete", *asked), _RARE_POOL if share < _RARE else _POOL
            y = drawn_among(spec, [asked], own) if asked else None
            made = generate(bundle.game, players, spec, machine, seed=own, count=count, y=y)
            pool = transform.inverse_transform(made, seed=None)
            filled.fill(rows, pool, seed_of(seed, "draw"))
    return filled.table(seed)


def _check_kind(bundle: Bundle, what: str) -> None:
    if bundle.spec.kind != "table":
        raise UsageError(
            f"completion of {what}", expected="a run on a table", received=bundle.spec.kind
        )


def _groups(
    partial: Partial, transform: TableTransform
) -> Iterator[tuple[tuple[int, ...], float, NDArray[np.int64]]]:
    """The classes of the rarest category that is given, its share, and the rows of which it is."""
    _, shares = transform.classes()
    n = len(partial.table)
    rarest, choice = np.full(n, np.inf), np.full(n, -1)
    sets: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for column in transform.columns_:
        cells = partial.table[column.name].astype(object)
        places = transform.places(column.name)
        of_all = [sum(shares[place] for place in classes) for _, classes in places]
        for (value, classes), part in zip(places, of_all, strict=True):
            share = part / sum(of_all)
            mine = partial.given[column.name] & (cells == value).to_numpy(bool) & (share < rarest)
            rarest[mine], choice[mine] = share, len(sets)
            sets.append((classes, share))
    for number in np.unique(choice):
        yield *sets[max(0, number)], np.flatnonzero(choice == number)


class _Filled:
    """Rows that are being completed."""

    def __init__(
        self, partial: Partial, transform: TableTransform, design: Design, what: str
    ) -> None:
        self._partial, self._transform, self._design, self._what = partial, transform, design, what
        self._parts: list[Any] = []

    def fill(self, rows: NDArray[np.int64], pool: Any, seed: int) -> None:
        """Complete some rows from a pool of generated ones."""
        order = candidates(self._partial, rows, pool, self._transform.columns_, seed)
        left, start = np.arange(len(rows)), 0
        while start < order.shape[1]:
            count = 1 if start == 0 else max(1, _AT_ONCE // len(left))  # most need the first alone
            tried = order[left, start : start + count]
            places = np.repeat(rows[left], tried.shape[1])
            made = self._merged(places, pool.iloc[tried.ravel()].reset_index(drop=True))
            met = self._design.holds(made).reshape(tried.shape)
            first = np.arange(len(left)) * tried.shape[1] + met.argmax(1)
            done = met.any(1)
            self._parts.append(made.iloc[first[done]].set_axis(rows[left][done]))
            left, start = left[~done], start + count
            if not len(left):
                return
        raise UsageError(
            f"{self._what}, {self._partial.place(int(rows[left[0]]))}",
            expected=f"a row that can be completed within {', '.join(self._design.texts)}",
            received=f"none of the {order.shape[1]} generated rows that are nearest",
            remedy="Give fewer cells, or others: the model hardly ever makes such rows",
        )

    def table(self, seed: int) -> Any:
        """All rows in order, of the types of the fitted table.

        Identifiers and made-up values are of a row's own place: pools would give some twice.
        """
        import pandas as pd

        partial, columns = self._partial, self._transform.columns_
        if not self._parts:
            return self._transform.inverse_transform(np.zeros((0, len(self._transform.heads))))
        made = pd.concat(self._parts).sort_index()
        for column in columns:
            if isinstance(column, IdentifierColumn):
                made[column.name] = _fresh(column, partial)
            elif isinstance(column, PersonalColumn):
                held = partial.given[column.name] | made[column.name].isna()
                present = np.zeros((len(made), len(column.heads)), np.float32)
                made_up = column.seeded(seed).decode(present, 0)
                made[column.name] = made[column.name].where(held, made_up)
        return made.set_axis(partial.index)

    def _merged(self, rows: NDArray[np.int64], drawn: Any) -> Any:
        """Given cells, and drawn ones that are fitted to them."""
        import pandas as pd

        held = self._partial.table.iloc[rows].reset_index(drop=True)
        given = {name: own[rows] for name, own in self._partial.given.items()}
        cells = {}
        for name in drawn.columns:
            own = loose(drawn[name])
            cells[name] = held[name].where(given[name], own) if given[name].any() else own
        fitted = self._design.filled(cells, given, drawn)
        parts = {name: fitted[name].astype(drawn[name].dtype) for name in drawn.columns}
        return pd.DataFrame(parts)


def _fresh(column: IdentifierColumn, partial: Partial) -> Any:
    """Identifiers: those given, and for the other rows ones that nobody has."""
    given = partial.given[column.name]
    held = partial.table[column.name]
    taken, n = set(held[given]), len(given)
    heads = np.zeros((2 * n, len(column.heads)), np.float32)
    fresh = column.decode(heads, 0)
    free = fresh[~fresh.isin(taken)].reset_index(drop=True).iloc[:n]
    return held.where(given, free.astype(object)).astype(fresh.dtype).to_numpy()
