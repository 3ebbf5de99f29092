"""Columns whose values are not learned: identifiers, made afresh, and free text, left out."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gantlet.errors import UsageError
from gantlet.spec import Head
from gantlet.tables.column import Column, Stored
from gantlet.tables.dtypes import described, made, restored

__all__ = ["IdentifierColumn", "TextColumn", "is_identifier"]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_COUNTED = re.compile(r"(\D*)(\d+)")
_FEWEST = 20
"""Values below which no column is taken for an identifier or for free text."""
_AMPLE, _LEAST = 1_000_000, 10_000
"""Fresh numbers that a power of ten is to have, and fewer than which are refused: training and
evaluation ask for as many rows."""
_NAMED = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index|identifier)$|Id$|ID$")


def is_identifier(name: Any, present: Any) -> bool:
    """Whether a column without its missing values tells rows apart and nothing else.

    All values differ, and are consecutive whole numbers, or whole numbers or text under a name
    such as `id`, or text of one prefix and a number, or UUIDs.
    """
    import pandas as pd

    if len(present) < _FEWEST or not present.is_unique:
        return False
    if pd.api.types.is_integer_dtype(present.dtype):
        ordered = np.sort(present.to_numpy())
        return bool((np.diff(ordered) == 1).all() or _NAMED.search(str(name)))
    if not all(isinstance(value, str) for value in present):
        return False
    return _way(list(present))[0] != "" or bool(_NAMED.search(str(name)))


def _way(values: list[str]) -> tuple[str, str]:
    """How text tells rows apart: `uuid`, `counted` with its prefix, or not at all."""
    if all(_UUID.fullmatch(value) for value in values):
        return "uuid", ""
    found = [_COUNTED.fullmatch(value) for value in values]
    prefixes = {match[1] if match else None for match in found}
    if len(prefixes) == 1 and None not in prefixes:
        return "counted", str(prefixes.pop())
    return "", ""


@dataclass(frozen=True, kw_only=True)
class IdentifierColumn(Column):
    """Unique values that are made afresh: they were in no row of the table."""

    form: ClassVar[str] = "identifier"
    name: Any
    dtype: Mapping[str, Any]
    way: str
    """number: from `start` by `step`. counted: a prefix and such a number. uuid: random ones."""
    prefix: str
    start: int
    """A power of ten above every number of the table, where its type holds it; else the next
    number above all of them, or below."""
    missing: float
    """Share of missing values."""
    width: int = 0
    """Digits of a number at least, with zeros in front."""
    step: int = 1
    """1, or -1 for numbers below those of the table."""
    kind: str = "identifier"

    @classmethod
    def fit(cls, name: Any, cells: Any) -> IdentifierColumn:
        """From a pandas column.

        Raises UsageError where its type has too few numbers that are not in the table.
        """
        import pandas as pd

        present = cells.dropna()
        missing = 1 - len(present) / max(1, len(cells))
        told = described(cells.dtype)
        if pd.api.types.is_integer_dtype(present.dtype):
            ends = (int(present.min()), int(present.max())) if len(present) else (1, 0)
            return cls.numbered(name, told, *_free(*ends, str(made(told))), missing)
        values = [str(value) for value in present]
        way, prefix = _way(values)
        way = way or "uuid"
        digits = [value[len(prefix) :] for value in values] if way == "counted" else ["0"]
        start = 10 ** len(str(max(map(int, digits), default=0)))
        return cls(
            name=name,
            dtype=told,
            way=way,
            prefix=prefix,
            start=start,
            missing=missing,
            width=_padding(digits),
        )

    @classmethod
    def numbered(
        cls, name: Any, dtype: Mapping[str, Any], start: int, step: int, missing: float
    ) -> IdentifierColumn:
        """Whole numbers from `start` by `step`; UsageError where the type has too few of them."""
        column = cls(
            name=name,
            dtype=dtype,
            way="number",
            prefix="",
            start=start,
            missing=missing,
            step=step,
        )
        column._check_room(_LEAST)
        return column

    @property
    def heads(self) -> tuple[Head, ...]:
        """Whether it is missing, where it may be."""
        return (Head(name=f"{self.name}/missing", width=2),) if self.missing else ()

    def encode(self, cells: Any) -> Stored:
        """Whether cells are missing."""
        absent: Stored = cells.isna().to_numpy(bool)[:, None].astype(np.float32)
        return absent if self.missing else absent[:, :0]

    def decode(self, stored: Stored, first: int) -> Any:
        """Fresh values for rows `first` and on."""
        absent = stored[:, 0] > 0.5 if self.missing else np.zeros(len(stored), bool)
        places = range(first, first + len(stored))
        if self.way == "uuid":
            values: Any = [_fresh(str(self.name), place) for place in places]
        elif self.way == "counted":
            values = [f"{self.prefix}{self.start + place:0{self.width}}" for place in places]
        else:
            self._check_room(first + len(stored))
            dtype = np.uint64 if _range(str(made(self.dtype)))[0] == 0 else np.int64
            values = np.array([self.start + self.step * place for place in places], dtype)
        return restored(values, absent, self.dtype)

    def _check_room(self, rows: int) -> None:
        """UsageError for more rows than the type has fresh numbers."""
        name = str(made(self.dtype))
        low, high = _range(name)
        room = high + 1 - self.start if self.step > 0 else self.start + 1 - low
        if rows > room:
            raise UsageError(
                f"fresh values of the identifier {self.name!r}",
                expected=f"at most {max(0, room):,} rows: {name} has no more numbers that are "
                "not in the table",
                received=f"{rows:,}",
                remedy="Make the column int64 or text, or have it learned as a number: "
                f"data.columns.{self.name}=integer",
            )

    def line(self) -> str:
        """What stands in its place."""
        return "identifier; generated rows have fresh ones"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "dtype": dict(self.dtype)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> IdentifierColumn:
        """The inverse of `to_json`."""
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class TextColumn(Column):
    """Free text: it may hold anything of anyone, and is left missing."""

    form: ClassVar[str] = "text"
    name: Any
    dtype: Mapping[str, Any]
    kind: str = "text"

    @classmethod
    def fit(cls, name: Any, cells: Any) -> TextColumn:
        """From a pandas column."""
        return cls(name=name, dtype=described(cells.dtype))

    @property
    def heads(self) -> tuple[Head, ...]:
        """None."""
        return ()

    def encode(self, cells: Any) -> Stored:
        """Nothing."""
        return np.zeros((len(cells), 0), np.float32)

    def decode(self, stored: Stored, first: int) -> Any:
        """Missing values."""
        return restored([None] * len(stored), np.ones(len(stored), bool), self.dtype)

    def line(self) -> str:
        """What stands in its place."""
        return "free text, which is not made up: generated rows have it missing"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "dtype": dict(self.dtype)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TextColumn:
        """The inverse of `to_json`."""
        return cls(**values)


def _padding(digits: list[str]) -> int:
    """How long numbers are that have zeros in front; 0 where none has, or they differ."""
    lengths = {len(one) for one in digits}
    is_padded = any(one[0] == "0" for one in digits) and len(lengths) == 1
    return lengths.pop() if is_padded else 0


def _free(low: int, high: int, dtype: str) -> tuple[int, int]:
    """The first number that is not from `low` to `high`, and the step to the next: upwards from a
    power of ten, or from the nearest number; downwards where the type has more numbers there."""
    least, most = _range(dtype)
    power, above = 10 ** len(str(max(high, 0))), max(high, 0) + 1
    if power + _AMPLE <= most:
        return power, 1
    if most - above >= min(_AMPLE, low - 1 - least):
        return above, 1
    return low - 1, -1


def _range(dtype: str) -> tuple[int, int]:
    """The smallest and the largest whole number of a type."""
    bits = int(re.sub(r"\D", "", dtype) or 64)
    is_signed = not dtype.lower().startswith("uint")
    return -(1 << (bits - 1)) * is_signed, (1 << (bits - is_signed)) - 1


def _fresh(name: str, place: int) -> str:
    digest = hashlib.blake2b(f"{name}\x1f{place}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
