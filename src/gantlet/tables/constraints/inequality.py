"""One column not above another: `end >= start`, `0 <= age`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.constraints.amounts import Amounts, Values
from gantlet.tables.constraints.base import Constraint, Part, Way

__all__ = ["Inequality", "as_amounts", "as_part", "either"]

_FAR = 2**61


@dataclass(frozen=True, kw_only=True)
class Inequality(Constraint):
    """low <= high, or low < high, of two columns or of a column and a value.

    Of two columns one is stored as its distance from the other, d = high - low, and restored as
    high = low + max(d, 0), or low = high - max(d, 0); strictly with the smallest step in place of
    0. Where the other is missing, d counts from its lower bound. A value bounds a column whose
    range is stored in any case.
    """

    form: ClassVar[str] = "inequality"
    text: str
    low: Amounts | None
    """The smaller column; none: a value."""
    high: Amounts | None
    """The larger column; none: a value."""
    value: float | int = 0
    """In place of the one that is none."""
    strict: bool = False

    @property
    def reads(self) -> tuple[Any, ...]:
        """The columns among the two."""
        return tuple(side.column.name for side in (self.low, self.high) if side is not None)

    @property
    def is_kept_by_ranges(self) -> bool:
        """With a value on one side."""
        return self.low is None or self.high is None

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows meet it."""
        (low, no_low), (high, no_high) = (self._side(s, table) for s in (self.low, self.high))
        met = low < high if self.strict else low <= high
        return np.asarray(met | no_low | no_high, bool)

    def ways(self) -> Sequence[Way]:
        """The larger from the smaller, or the smaller from the larger."""
        low, high = self.low, self.high
        if low is None or high is None or not (low.can_be_added and high.can_be_added):
            return ()
        return (
            Distance(own=high, other=low, sign=1, strict=self.strict),
            Distance(own=low, other=high, sign=-1, strict=self.strict),
        )

    def _side(self, side: Amounts | None, table: Any) -> tuple[Any, Any]:
        if side is None:
            return self.value, np.zeros(len(table), bool)
        return side.read(table[side.column.name])


@dataclass(frozen=True, kw_only=True)
class Distance(Way):
    """A column as what it is above another (sign 1), or below it (sign -1)."""

    own: Amounts
    other: Amounts
    sign: int
    strict: bool

    @property
    def owns(self) -> tuple[Any, ...]:
        """One of the two."""
        return (self.own.column.name,)

    @property
    def needs(self) -> tuple[Any, ...]:
        """The other."""
        return (self.other.column.name,)

    def stored(self, table: Any) -> Mapping[Any, Part]:
        """The distance, missing where the column is."""
        own, absent = self.own.read(table[self.own.column.name])
        other, _ = self._other(table[self.other.column.name])
        distance = self.sign * (own - other)
        return {self.adds[0]: as_part(distance, absent, (self.own, self.other))}

    def restored(self, cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The column: the other and the distance, which is at least 0, or the smallest step."""
        distance, absent = as_amounts(cells[self.adds[0]], self.own)
        other, lost = self._other(cells[self.other.column.name])
        return {
            self.own.column.name: self._from(self.own, self.sign, other, lost, distance, absent)
        }

    def filled(
        self, cells: Mapping[Any, Any], given: Mapping[Any, NDArray[np.bool_]], drawn: Any
    ) -> Mapping[Any, Any]:
        """The drawn one of the two, at the distance that the drawn rows have."""
        (own, no_own), (other, lost) = (
            a.read(cells[a.column.name]) for a in (self.own, self.other)
        )
        (far, no_far), (near, no_near) = (
            a.read(drawn[a.column.name]) for a in (self.own, self.other)
        )
        distance = self.sign * (far - near)
        mine, others = self.own.column.name, self.other.column.name
        first = self._fit(self.own, self.sign, other, lost, distance, no_far)
        second = self._fit(self.other, -self.sign, own, no_own, distance, no_near)
        known = ~no_far & ~no_near
        return {
            mine: either(given[others] & ~given[mine] & known & ~lost, first, cells[mine]),
            others: either(given[mine] & ~given[others] & known & ~no_own, second, cells[others]),
        }

    @property
    def adds(self) -> tuple[str, ...]:
        """The distance."""
        high, low = (self.own, self.other) if self.sign > 0 else (self.other, self.own)
        return (f"{high.column.name} - {low.column.name}",)

    def _other(self, cells: Any) -> tuple[Values, NDArray[np.bool_]]:
        other, lost = self.other.read(cells)
        return np.where(lost, self.other.reference, other), lost

    def _fit(self, side: Amounts, sign: int, other: Values, lost: Any, *drawn: Any) -> Any:
        """`_from`, beyond the column's range where a given cell leaves no other room."""
        bounded, bound = self._from(side, sign, other, lost, *drawn), self._bound(other, sign)
        short = ~lost & (sign * side.read(bounded)[0] < sign * bound)
        return either(short, self._from(side, sign, other, lost, *drawn, free=True), bounded)

    def _from(
        self,
        side: Amounts,
        sign: int,
        other: Values,
        lost: NDArray[np.bool_],
        distance: Values,
        absent: NDArray[np.bool_],
        *,
        free: bool = False,
    ) -> Any:
        """A side of the two from the other; where that is `lost` there is no bound to keep."""
        bound = np.where(lost, -sign * _FAR, self._bound(other, sign))
        values = other + sign * distance
        if sign > 0:
            return side.write(np.maximum(values, bound), absent, least=bound, free=free)
        return side.write(np.minimum(values, bound), absent, most=bound, free=free)

    def _bound(self, other: Values, sign: int) -> Values:
        """What the other allows: itself, or strictly half a step beyond it."""
        if not self.strict:
            return other
        if other.dtype.kind == "i":
            return other + sign
        step = min(self.own.step, self.other.step)
        beyond: Values = (
            np.nextafter(other, sign * np.inf) if step == 0 else other + sign * step / 2
        )
        return beyond


def as_part(values: Values, absent: NDArray[np.bool_], of: Sequence[Amounts]) -> Part:
    """Differences or sums of amounts as a column to be stored: numbers, or durations."""
    import pandas as pd

    unit = of[0].unit
    if unit is not None:
        cells = pd.Series(np.asarray(values, np.int64).astype(f"m8[{unit}]"))
        return cells.mask(absent), "duration"
    digits = [one.column.numbers.decimals for one in of]
    known = [digit for digit in digits if digit is not None]
    exact = values.round(max(known)) if len(known) == len(digits) and known else values
    whole = all(one.column.kind == "integer" for one in of)
    if whole:
        return pd.Series(np.rint(exact).astype(np.int64)).astype("Int64").mask(absent), "integer"
    return pd.Series(np.asarray(exact, np.float64)).mask(absent), "real"


def as_amounts(cells: Any, of: Amounts) -> tuple[Values, NDArray[np.bool_]]:
    """The inverse of `as_part`."""
    absent = np.asarray(cells.isna(), bool)
    if of.unit is not None:
        plain = cells.to_numpy().astype(f"m8[{of.unit}]").astype(np.int64)
        return np.where(absent, 0, plain), absent
    if str(cells.dtype) == "Int64":
        return cells.fillna(0).to_numpy(np.int64), absent
    return np.where(absent, 0.0, cells.to_numpy(np.float64)), absent


def either(chosen: NDArray[np.bool_], yes: Any, no: Any) -> Any:
    """Cells of one column or the other."""
    return no if not chosen.any() else no.where(~chosen, yes)
