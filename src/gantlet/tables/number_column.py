"""Columns of numbers and of times: integers, reals, dates, durations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.spec import Head
from gantlet.tables.column import Column, Stored
from gantlet.tables.dtypes import described, made, restored, wholes_of
from gantlet.tables.numbers import Numbers, bounds, decimals_of
from gantlet.tables.times import Clock, as_ticks, clock_of, shown
from gantlet.tables.words import FEWEST, Kind

__all__ = ["NOTHING", "NumberColumn"]

Rule = Callable[[NDArray[np.float64], NDArray[np.bool_], "int | None"], "Numbers | None"]

NOTHING = Numbers(
    low=0.0,
    high=0.0,
    decimals=0,
    warp=None,
    centres=(),
    means=(),
    reaches=(),
    stds=(),
    weights=(),
    spikes=(),
    has_missing=True,
    shares=(1.0,),
)
"""Of a column with too few values to tell of any."""


@dataclass(frozen=True, kw_only=True)
class NumberColumn(Column):
    """Numbers as counts of a step from an origin, then as a mode and a place within it."""

    form: ClassVar[str] = "number"
    name: Any
    kind: Kind
    dtype: Mapping[str, Any]
    origin: int
    """Whole numbers and times are counted from here, so that large ones stay exact."""
    numbers: Numbers
    clock: Clock | None = None
    """Of times: what a step is, and in which zone or format they are told."""

    @classmethod
    def fit(cls, name: Any, kind: Kind, cells: Any, *, public: bool) -> NumberColumn:
        """From a pandas column of numbers or times, or of text that `clock_of` reads."""
        told, absent = described(cells.dtype), cells.isna().to_numpy(bool)
        clock = clock_of(cells.dropna(), kind) if kind in ("datetime", "duration") else None
        if int((~absent).sum()) < (1 if public else FEWEST):
            return cls(name=name, kind=kind, dtype=told, origin=0, numbers=NOTHING, clock=clock)
        if kind == "real":
            x = _reals(cells)
            digits = decimals_of(_floating(cells, told))
            numbers = Numbers.fit(x, absent, decimals=digits, public=public)
            return cls(name=name, kind=kind, dtype=told, origin=0, numbers=numbers)
        whole = _whole(cells, clock, absent)
        values, counts = np.unique(whole[~absent], return_counts=True)
        origin = _origin(values, counts, public)
        x = _counted(whole, absent, origin)
        numbers = Numbers.fit(x, absent, decimals=0, public=public)
        return cls(name=name, kind=kind, dtype=told, origin=origin, numbers=numbers, clock=clock)

    @classmethod
    def by(cls, name: Any, kind: Kind, cells: Any, rule: Rule) -> NumberColumn:
        """From a pandas column by another rule, with nothing else that its values tell.

        Whole numbers and times are counted from 0; digits behind the point and clocks are taken
        as they are.

        Arguments:
            rule: from values, which of them are missing, and digits to what is fitted.
        """
        told, absent = described(cells.dtype), cells.isna().to_numpy(bool)
        clock = clock_of(cells.dropna(), kind) if kind in ("datetime", "duration") else None
        if kind == "real":
            x, digits = _reals(cells), decimals_of(_floating(cells, told))
        else:
            x, digits = _counted(_whole(cells, clock, absent), absent, 0), 0
        numbers = rule(x, absent, digits) or NOTHING
        return cls(name=name, kind=kind, dtype=told, origin=0, numbers=numbers, clock=clock)

    @property
    def heads(self) -> tuple[Head, ...]:
        """A number where there are modes, a choice of the mode where there is one to make."""
        parts = [Head(name=str(self.name))] if self.numbers.means else []
        if self.numbers.width > 1:
            parts.append(Head(name=f"{self.name}/mode", width=self.numbers.width))
        return tuple(parts)

    def values(self, cells: Any) -> NDArray[np.float64]:
        """Cells as numbers, (N,): differences from the origin, times in steps, NaN for missing."""
        absent = cells.isna().to_numpy(bool)
        x = self._counts(cells, absent)
        return np.where(absent, np.nan, x)

    def _counts(self, cells: Any, absent: NDArray[np.bool_]) -> NDArray[np.float64]:
        if self.kind == "real":
            return _reals(cells)
        return _counted(_whole(cells, self.clock, absent), absent, self.origin)

    def encode(self, cells: Any) -> Stored:
        """Cells to alpha and code."""
        absent = cells.isna().to_numpy(bool)
        if not self.heads:
            return np.zeros((len(cells), 0), np.float32)
        x = self._counts(cells, absent)
        alpha, code = self.numbers.encode(x, absent)
        parts: list[NDArray[Any]] = [alpha] if self.numbers.means else []
        parts += [code] if self.numbers.width > 1 else []
        return np.stack(parts, 1).astype(np.float32)

    def decode(self, stored: Stored, first: int) -> Any:
        """Alpha and code to cells."""
        x, absent = self.counts(stored)
        if self.kind == "real":
            return restored(x, absent, self.dtype)
        if self.clock is not None:
            counts = np.rint(x).astype(np.int64) + self.origin
            return shown(counts, absent, self.clock, self.dtype)
        return restored(self._integers(x), absent, self.dtype)

    def counts(self, stored: Stored) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Real numbers, or whole ones and times as counts from the origin; which are missing."""
        n, parts = len(stored), iter(stored.astype(np.float64).T)
        alpha = next(parts) if self.numbers.means else np.zeros(n)
        code = next(parts) if self.numbers.width > 1 else np.zeros(n)
        return self.numbers.decode(alpha, np.rint(code).astype(np.int64))

    def _integers(self, x: NDArray[np.float64]) -> NDArray[Any]:
        """Counts from the origin as numbers that the type can hold."""
        name = self.dtype["name"].lower()
        if "float" in name:
            return x + self.origin
        beyond = self.origin + self.numbers.high > np.iinfo(np.int64).max  # of Python's objects
        dtype = np.dtype(
            name.partition("[")[0] if "int" in name else "uint64" if beyond else "int64"
        )
        if abs(self.origin) < 2**62 and np.abs(x).max(initial=0.0) < 2**62:
            return (np.rint(x).astype(np.int64) + self.origin).astype(dtype)
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max  # 2^53 and more: no longer exact
        return np.array([min(max(int(v) + self.origin, low), high) for v in x], dtype=dtype)

    def line(self) -> str:
        """Kind and range."""
        if not self.numbers.means and not self.numbers.spikes:
            return f"{self.kind}, too few values to tell of any"
        low, high = self.ends()
        told = f"{low:g} to {high:g}" if self.kind == "real" else f"{low} to {high}"
        parts = [f"{self.kind}, {told}"]
        modes, spikes = len(self.numbers.means), len(self.numbers.spikes)
        if modes > 1:
            parts.append(f"{modes} modes")
        if spikes:
            parts.append(f"{spikes} {'value' if spikes == 1 else 'values'} that many rows share")
        if self.numbers.has_missing and self.numbers.shares:
            parts.append(f"{self.numbers.shares[-1]:.1%} missing")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "dtype": dict(self.dtype),
            "origin": self.origin,
            "numbers": self.numbers.to_json(),
            "clock": None if self.clock is None else asdict(self.clock),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NumberColumn:
        """The inverse of `to_json`."""
        numbers = Numbers.from_json(values["numbers"])
        clock = None if values["clock"] is None else Clock(**values["clock"])
        return cls(**{**values, "numbers": numbers, "clock": clock})

    def ends(self) -> Any:
        """The smallest and the largest value that come back, as a pandas column."""
        return self.cells(np.array([self.numbers.low, self.numbers.high]))

    def cells(self, x: NDArray[np.float64]) -> Any:
        """The inverse of `values` as a pandas column of the type; x holds no missing ones."""
        absent = np.zeros(len(x), bool)
        if self.clock is not None:
            counts = np.rint(x).astype(np.int64) + self.origin
            return shown(counts, absent, self.clock, self.dtype)
        values = x if self.kind == "real" else self._integers(x)
        return restored(values, absent, self.dtype)


def _reals(cells: Any) -> NDArray[np.float64]:
    x: NDArray[np.float64] = cells.to_numpy(np.float64, na_value=np.nan)
    return x


def _floating(cells: Any, told: Mapping[str, Any]) -> NDArray[Any]:
    """Values in the precision of their type, so that 0.1 of float32 has one digit."""
    dtype = made(told)
    narrow = getattr(dtype, "numpy_dtype", dtype)
    x: NDArray[Any] = cells.dropna().to_numpy(np.float64)
    return x.astype(np.float32) if str(narrow) == "float32" else x


def _whole(cells: Any, clock: Clock | None, absent: NDArray[np.bool_]) -> NDArray[Any]:
    """Whole numbers of integers, or steps of times; 0 where a cell is missing."""
    if clock is not None:
        return as_ticks(cells, clock, absent)
    name = str(cells.dtype).lower()
    if name == "object":
        exact = wholes_of(cells.where(~absent, 0))
        return np.where(absent, 0.0, _reals(cells)) if exact is None else exact
    if not name.startswith(("int", "uint")):
        return np.where(absent, 0.0, _reals(cells))
    held = cells.fillna(0) if absent.any() else cells
    whole: NDArray[Any] = held.to_numpy(np.uint64 if name.startswith("uint64") else np.int64)
    return whole


def _origin(values: NDArray[Any], counts: NDArray[np.int64], public: bool) -> int:
    """The lower bound as a whole number."""
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    held = values[finite]
    if not len(held):
        return 0
    places = np.arange(len(held), dtype=np.float64)
    return int(held[int(bounds(places, counts[finite], public)[0])])


def _counted(whole: NDArray[Any], absent: NDArray[np.bool_], origin: int) -> NDArray[np.float64]:
    """Differences from the origin, exact up to 2^53."""
    if whole.dtype.kind == "f":
        x = whole - origin
    elif whole.dtype == np.uint64:
        base = np.uint64(max(origin, 0))
        x = np.where(
            whole >= base, (whole - base).astype(np.float64), -(base - whole).astype(np.float64)
        )
        x -= min(origin, 0)
    else:
        x = _differences(whole, origin)
    x = np.asarray(x, np.float64)
    x[absent] = 0
    return x


def _differences(whole: NDArray[np.int64], origin: int) -> NDArray[np.float64]:
    """whole - origin, also where the difference has more than 63 bits."""
    far = int(whole.max(initial=origin)) - int(whole.min(initial=origin)) >= 2**63
    if far or not -(2**62) < origin < 2**62:
        return np.array([float(int(w) - origin) for w in whole])
    return (whole - origin).astype(np.float64)
