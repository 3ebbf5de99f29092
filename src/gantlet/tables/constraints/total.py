"""One column the sum of others: `total = net + tax`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.constraints.amounts import Amounts, Values
from gantlet.tables.constraints.base import Constraint, Part, Way
from gantlet.tables.constraints.inequality import as_amounts, as_part, either

__all__ = ["Total"]

_NOISE = 1e-9
"""Of the size of the terms: what sums of floating-point numbers may be away."""


@dataclass(frozen=True, kw_only=True)
class Total(Constraint):
    """a = b + c - ..., up to the rounding of the columns.

    |a - (b + c - ...)| is at most half a step of each column, and 1e-9 of the sum of magnitudes.
    What is stored of a is a - (b + c - ...), which is 0 and takes no number where no cell is
    missing; where a term is, its lower bound stands in its place.
    """

    form: ClassVar[str] = "total"
    text: str
    total: Amounts
    terms: tuple[tuple[int, Amounts], ...]
    """Signs and columns."""

    @property
    def reads(self) -> tuple[Any, ...]:
        """The sum and its terms."""
        return (self.total.column.name, *(term.column.name for _, term in self.terms))

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows meet it."""
        total, absent = self.total.read(table[self.total.column.name])
        added, size, lost = self.added(table)
        steps = [self.total.step, *(term.step for _, term in self.terms)]
        exact = total.dtype.kind == "i" and added.dtype.kind == "i"
        slack = 0.0 if exact else sum(steps) / 2 + _NOISE * (np.abs(total) + size)
        return np.asarray((np.abs(total - added) <= slack) | absent | lost, bool)

    def ways(self) -> Sequence[Way]:
        """The sum from its terms."""
        parts = (self.total, *(term for _, term in self.terms))
        return (Residual(self),) if all(part.can_be_added for part in parts) else ()

    def added(self, cells: Any) -> tuple[Values, Values, NDArray[np.bool_]]:
        """The sum, the sum of magnitudes, and where a term is missing.

        In place of a missing term stands its lower bound.
        """
        parts = []
        for sign, term in self.terms:
            values, absent = term.read(cells[term.column.name])
            parts.append((sign * np.where(absent, term.reference, values), absent))
        added, size = np.sum([part for part, _ in parts], 0), np.sum([abs(p) for p, _ in parts], 0)
        return added, size, np.logical_or.reduce([absent for _, absent in parts])


@dataclass(frozen=True)
class Residual(Way):
    """A sum as what it is beyond its terms: nothing."""

    of: Total

    @property
    def owns(self) -> tuple[Any, ...]:
        """The sum."""
        return (self.of.total.column.name,)

    @property
    def needs(self) -> tuple[Any, ...]:
        """The terms."""
        return tuple(term.column.name for _, term in self.of.terms)

    def stored(self, table: Any) -> Mapping[Any, Part]:
        """The difference, 0 where no term is missing."""
        total, absent = self.of.total.read(table[self.of.total.column.name])
        added, _, lost = self.of.added(table)
        beyond = np.where(lost, total - added, 0)
        return {self.adds[0]: as_part(beyond, absent, self._columns)}

    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The sum."""
        beyond, absent = as_amounts(cells[self.adds[0]], self.of.total)
        added, _, lost = self.of.added(cells)
        total = added + np.where(lost, beyond, 0)
        return {self.of.total.column.name: self.of.total.write(total, absent)}

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """The sum where it is drawn; where it is given, the last of the terms that are drawn."""
        name, made = self.of.total.column.name, dict[Any, Any]()
        total, absent = self.of.total.read(cells[name])
        added, _, lost = self.of.added(cells)
        sum_of = self.of.total.write(added, absent, free=True)  # given terms may lie beyond
        made[name] = either(~given[name] & ~absent & ~lost, sum_of, cells[name])
        left = given[name] & ~lost
        for sign, term in reversed(self.of.terms):
            own = term.column.name
            values, _ = term.read(cells[own])
            solved = term.write(sign * (total - added) + values, np.zeros(len(values), bool))
            made[own] = either(left & ~given[own], solved, cells[own])
            left = left & given[own]
        return made

    @property
    def _columns(self) -> Sequence[Amounts]:
        return (self.of.total, *(term for _, term in self.of.terms))

    @property
    def adds(self) -> tuple[str, ...]:
        """The difference."""
        return (f"{self.of.total.column.name} beyond its sum",)
