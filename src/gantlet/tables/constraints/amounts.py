"""Numbers and times as amounts that can be compared and added, and as columns again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.column import Column
from gantlet.tables.constraints.base import refused
from gantlet.tables.dtypes import made, number_of, restored
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.times import Clock, as_ticks, shown, told_time, zone_of

__all__ = ["Amounts", "Values", "amounts"]

Values = NDArray[Any]
"""int64 of whole numbers and times, float64 of others."""

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FAR = 2**61
"""Whole numbers beyond cannot be added safely."""


@dataclass(frozen=True)
class Amounts:
    """The cells of one column as numbers of one unit."""

    column: NumberColumn
    unit: str | None
    """Of times: s, ms, us or ns, counted from 1970 in UTC."""

    @property
    def dimension(self) -> str:
        """number, datetime or duration."""
        kind = self.column.kind
        return kind if kind in ("datetime", "duration") else "number"

    @property
    def step(self) -> float:
        """The smallest difference of two values; 0 of numbers with all their digits."""
        clock, numbers = self.column.clock, self.column.numbers
        if clock is not None and self.unit is not None:
            return max(1, clock.step * _UNITS[self.unit] // _UNITS[clock.unit])
        return 0.0 if numbers.decimals is None else 10.0**-numbers.decimals

    @property
    def reference(self) -> Values:
        """The column's lower bound, (1,): what stands where an amount is missing."""
        return self.read(self.column.ends())[0][:1]

    def read(self, cells: Any) -> tuple[Values, NDArray[np.bool_]]:
        """Amounts (N,), 0 where one is missing, and where that is."""
        absent = np.asarray(cells.isna(), bool)
        if self.unit is not None:
            ticks = as_ticks(cells, self._even, absent)
            return ticks, absent
        name = str(cells.dtype).lower()
        if name.startswith(("int", "uint")) and not name.startswith("uint64"):
            held = cells.fillna(0) if absent.any() else cells
            return held.to_numpy(np.int64), absent
        x = cells.to_numpy(np.float64, na_value=np.nan)
        return np.where(absent, 0.0, x), absent

    def write(
        self,
        values: Values,
        absent: NDArray[np.bool_],
        least: Values | None = None,
        most: Values | None = None,
        *,
        free: bool = False,
    ) -> Any:
        """Amounts as cells of the column: rounded as it is, in its range.

        Arguments:
            values, absent: shape (N,).
            least, most: bounds that rounding must not cross, (N,).
            free: beyond the range, too.
        """
        if self.unit is not None:
            return self._times(values, absent, least, most, free)
        decimals, numbers = self.column.numbers.decimals, self.column.numbers
        low, high = numbers.low + self.column.origin, numbers.high + self.column.origin
        x = values if decimals is None or values.dtype.kind == "i" else values.round(decimals)
        step = 10.0 ** -(decimals or 0) if decimals is not None else 0.0
        step = int(step) if x.dtype.kind == "i" else step
        x = x if least is None else np.where(x < least, x + step, x)
        x = x if most is None else np.where(x > most, x - step, x)
        x = x if decimals is None or x.dtype.kind == "i" else x.round(decimals)
        x = np.where(absent, 0, x if free else np.clip(x, low, high))
        if self.column.kind == "real" or "float" in self.column.dtype["name"].lower():
            return restored(x.astype(np.float64), absent, self.column.dtype)
        return restored(np.rint(x).astype(np.int64), absent, self.column.dtype)

    def constant(self, text: str, said: str) -> Values:
        """What a person writes as an amount, (1,); UsageError where it is none."""
        import pandas as pd

        try:
            if self.column.clock is None:
                value = number_of(text, made(self.column.dtype))
                is_whole = isinstance(value, int | np.integer) and abs(int(value)) < 2**63
                return np.array([value]).astype(np.int64 if is_whole else np.float64)
            if self.column.kind == "duration":
                return np.array([pd.Timedelta(text)], f"m8[{self.unit}]").astype(np.int64)
            moment = told_time(text, self.column.clock, self.column.ends().dtype)
            moment = moment.tz_convert(None) if moment.tzinfo is not None else moment
            return np.array([moment], f"M8[{self.unit}]").astype(np.int64)
        except ValueError as error:
            raise UsageError(
                f"constraint {said!r}",
                expected=f"a column, or a value of {self.column.name!r} such as "
                f"{self.column.ends().iloc[0]}",
                received=repr(text),
            ) from error

    @property
    def can_be_added(self) -> bool:
        """Whether sums and differences of it are exact enough: no infinities, no huge numbers."""
        numbers = self.column.numbers
        ends = np.abs([numbers.low + self.column.origin, numbers.high + self.column.origin])
        finite = bool(np.isfinite(numbers.spikes).all())
        dtype = str(self.column.dtype["name"]).lower()
        return finite and bool(ends.max() < _FAR) and not dtype.startswith("uint64")

    @property
    def _even(self) -> Clock:
        """The column's clock, counting single ticks in UTC."""
        clock = self.column.clock or Clock(unit="s", step=1)
        return replace(clock, unit=self.unit or clock.unit, step=1, local=False)

    def _times(
        self,
        values: Values,
        absent: NDArray[np.bool_],
        least: Values | None,
        most: Values | None,
        free: bool,
    ) -> Any:
        own, dtype = self.column.clock or self._even, self.column.dtype
        numbers, origin = self.column.numbers, self.column.origin
        low, high = int(np.rint(numbers.low)) + origin, int(np.rint(numbers.high)) + origin
        held = np.where(absent, 0, values).astype(np.int64)
        moments = _moments(held, self._even, self.column)
        ticks = as_ticks(moments, replace(own, format=None), absent)
        found = self.read(shown(ticks, absent, own, dtype))[0]
        ticks = ticks if least is None else ticks + (found < least)
        ticks = ticks if most is None else ticks - (found > most)
        return shown(ticks if free else np.clip(ticks, low, high), absent, own, dtype)


def amounts(columns: Sequence[Column], text: str) -> list[Amounts]:
    """Columns of numbers, or of times, as amounts of one unit.

    Raises UsageError for a column that is neither, and for numbers beside times.
    """
    for column in columns:
        if not isinstance(column, NumberColumn):
            raise refused(text, column, "a column of numbers or of times")
    numbers = [column for column in columns if isinstance(column, NumberColumn)]
    clocks = [column.clock for column in numbers if column.clock is not None]
    if clocks and len(clocks) < len(numbers):
        other = next(column for column in numbers if column.clock is None)
        raise refused(text, other, "times beside times")
    unit = max((_coarsest(clock) for clock in clocks), key=_UNITS.__getitem__, default=None)
    return [Amounts(column, unit) for column in numbers]


def _coarsest(clock: Clock) -> str:
    """The largest unit of which the clock's steps are whole numbers."""
    ticks = _UNITS[clock.unit]
    return next(
        unit for unit, per in _UNITS.items() if per >= ticks or not clock.step * per % ticks
    )


def _moments(ticks: NDArray[np.int64], clock: Clock, column: NumberColumn) -> Any:
    """Ticks of a clock as times of pandas, of the column's zone, from which steps are counted."""
    import pandas as pd

    if column.kind == "duration":
        return pd.Series(ticks.astype(f"m8[{clock.unit}]"))
    times = pd.Series(ticks.astype(f"M8[{clock.unit}]"))
    zone = zone_of(column.ends().dtype)
    return times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)
