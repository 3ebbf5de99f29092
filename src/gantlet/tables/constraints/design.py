"""All constraints of a table: which are met by construction, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.column import Column
from gantlet.tables.constraints.base import Constraint, Part, Way
from gantlet.tables.constraints.language import parsed
from gantlet.tables.constraints.predicate import Predicate

__all__ = ["Design", "Said", "check_rows"]

Said = str | Callable[[Any], Any]
"""A constraint as a person gives it: text, or a function of a DataFrame."""

_SHOWN = 5


@dataclass(frozen=True)
class Design:
    """Constraints, and how they are met.

    Each is met by construction where it has a way whose columns no earlier one owns, so that all
    columns can be restored one after the other; else by leaving out the rows that break it.
    """

    texts: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    ways: tuple[Way, ...] = ()
    """In the order in which columns are restored."""
    built: frozenset[str] = frozenset()
    """Texts of the constraints that are met by construction."""
    found: tuple[str, ...] = ()
    """Texts of those that nobody said: the table has them."""

    @classmethod
    def fit(
        cls,
        said: Sequence[Said],
        table: Any,
        columns: Sequence[Column],
        public: Callable[[Sequence[Any]], bool],
        found: Sequence[str] = (),
    ) -> Design:
        """What is said of a table, checked on it.

        Arguments:
            said: text, or functions of a DataFrame.
            table, columns: a pandas DataFrame, and its fitted columns.
            public: whether all of some columns may be stored with values of few rows.
            found: more of them, which nobody said and all rows meet.

        Raises:
            UsageError: a constraint that cannot be read, or that a row of the table breaks.
        """
        texts = tuple(one if isinstance(one, str) else Predicate.of(one).text for one in said)
        texts = (*texts, *found)
        functions = [one for one in said if not isinstance(one, str)]
        design = cls.read(texts, columns).given(functions, needed=False)
        fitted = list[Constraint]()
        for constraint in design.constraints:
            if isinstance(constraint, Predicate) and constraint.function is None:
                fitted.append(constraint)
                continue
            check_rows(constraint, table)
            fitted.append(constraint.fitted(table, public=public(constraint.reads)))
        return cls(texts, tuple(fitted), *_chosen(fitted, columns), tuple(found))

    def stored(self, table: Any) -> dict[Any, Part]:
        """What is stored of a table in place of columns that a constraint owns."""
        parts: dict[Any, Part] = {}
        for way in self.ways:
            parts |= way.stored(table)
        return parts

    @property
    def owners(self) -> Mapping[Any, Way]:
        """The way that owns a column, by its name."""
        return {name: way for way in self.ways for name in way.owns}

    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """All columns, from what is stored."""
        found = dict(cells)
        for way in self.ways:
            found |= way.restored(found)
        return found

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """Columns of rows of given and of drawn cells, the drawn ones fitted to the given."""
        found = dict(cells)
        for way in self.ways:
            found |= way.filled(found, given, drawn)
        return found

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows of a table meet all constraints."""
        met = np.ones(len(table), bool)
        for constraint in self.constraints:
            met &= constraint.holds(table)
        return met

    @property
    def open(self) -> Design:
        """Those alone that rows which are restored may break."""
        sure = [way for way in self.ways if way.is_sure]
        left = tuple(c for c in self.constraints if not any(way in sure for way in c.ways()))
        return replace(self, texts=tuple(one.text for one in left), constraints=left)

    def given(self, functions: Sequence[Callable[[Any], Any]], *, needed: bool = True) -> Design:
        """With functions of Python, each where its name stands.

        Raises UsageError for one that is not named, and if `needed` for a name without one.
        """
        left, found = list(functions), list[Constraint]()
        for constraint in self.constraints:
            if not isinstance(constraint, Predicate):
                found.append(constraint)
                continue
            named = (one for one in left if Predicate.of(one).name == constraint.name)
            mine = next(named, constraint.function)
            left = [one for one in left if one is not mine]
            found.append(replace(constraint, function=mine))
            if needed and mine is None:
                constraint.holds(None)  # raises: says how to hand it over
        if left:
            names = [c.name for c in self.constraints if isinstance(c, Predicate)]
            raise UsageError(
                f"constraint {Predicate.of(left[0]).text}",
                expected=f"one of the training: {', '.join(names) or 'there were none'}",
                remedy="Rows can be asked for by more conditions with where",
            )
        return replace(self, constraints=tuple(found))

    @property
    def lines(self) -> tuple[str, ...]:
        """How each constraint is met, for a person to read."""
        told = ("rows that break it are left out", "met by construction")
        own = (" (all rows of the table meet it; data.twins=false leaves it away)", "")
        return tuple(
            f"Constraint {c.text}: {told[c.text in self.built]}{own[c.text not in self.found]}."
            for c in self.constraints
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "texts": list(self.texts),
            "states": [c.to_json() for c in self.constraints],
            "found": list(self.found),
            "is_open": bool(self.open.constraints),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], columns: Sequence[Column]) -> Design:
        """The inverse of `to_json`."""
        read = cls.read(values["texts"], columns)
        pairs = zip(read.constraints, values["states"], strict=True)
        found = [constraint.restore(state) for constraint, state in pairs]
        said = tuple(values.get("found", ()))
        return cls(read.texts, tuple(found), *_chosen(found, columns), said)

    @classmethod
    def read(cls, texts: Sequence[str], columns: Sequence[Column]) -> Design:
        """Texts alone, not fitted to any table."""
        return cls(tuple(texts), tuple(c for text in texts for c in parsed(text, columns)))


def _chosen(
    constraints: Sequence[Constraint], columns: Sequence[Column]
) -> tuple[tuple[Way, ...], frozenset[str]]:
    """The first way of each constraint whose columns are free and that makes no circle.

    Also the texts of those that are met by construction.
    """
    ways, built = list[Way](), set[str]()
    for constraint in constraints:
        built |= {constraint.text} if constraint.is_kept_by_ranges else set()
        names = {str(column.name) for column in columns}
        names |= {name for way in ways for name in way.adds}
        owned = {name for way in ways for name in way.owns}
        for way in constraint.ways():
            free = not owned & set(way.owns) and not names & set(way.adds)
            ordered = _ordered([*ways, way]) if free else None
            if ordered is not None:
                ways, built = ordered, built | {constraint.text}
                break
    return tuple(ways), frozenset(built)


def _ordered(ways: Sequence[Way]) -> list[Way] | None:
    """Ways in an order in which each finds the columns that it needs; None if there is none."""
    left, done = list(ways), list[Way]()
    while left:
        waiting = {name for way in left for name in way.owns}
        free = next((way for way in left if not waiting & set(way.needs)), None)
        if free is None:
            return None
        left.remove(free)
        done.append(free)
    return done


def check_rows(constraint: Constraint, table: Any) -> None:
    """UsageError where a row of the table breaks it."""
    broken = np.flatnonzero(constraint.broken(table))
    if not len(broken):
        return
    unit = table.index.name or "row"
    places = [str(table.index[i]) for i in broken[:_SHOWN]]
    more = f" and {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else ""
    cells = ", ".join(f"{name}={table[name].iloc[broken[0]]}" for name in constraint.reads)
    many = "s" if len(broken) > 1 else ""
    raise UsageError(
        f"constraint {constraint.text!r}",
        expected=f"all {len(table):,} rows to meet it",
        received=f"{len(broken):,} that {'do' if many else 'does'} not: {unit}{many} "
        f"{', '.join(places)}{more}" + f" (the first has {cells})" * bool(cells),
        remedy="Mend or drop these rows, or leave the constraint away",
    )
