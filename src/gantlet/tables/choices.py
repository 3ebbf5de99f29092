"""Values of a column as codes: the commonest first, rare ones together, many in digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.words import FEWEST, Scalar

__all__ = ["WIDEST", "Choices"]

Codes = NDArray[np.int64]

WIDEST = 64
"""Codes that one head holds; more are written as digits, each a head of its own."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How values are written as codes.

    Codes 0 ... K - 1 are the values kept, the next is `other` for rare ones, the last a missing
    value, where there are any. More than `WIDEST` codes are written as d digits in the smallest
    base that does, the highest first: 100,000 values take 141 numbers, no dense one-hot.
    """

    values: tuple[Scalar, ...]
    """Kept, in the order of their codes."""
    other: Scalar | None
    """What a rare value comes back as; none: there are none."""
    has_other: bool
    """Whether rare values have a code of their own."""
    has_missing: bool
    shares: tuple[float, ...]
    """Of each code among the rows."""

    @property
    def width(self) -> int:
        """Codes."""
        return len(self.values) + self.has_other + self.has_missing

    @property
    def digits(self) -> tuple[int, int]:
        """How many digits, and their base."""
        count = 1
        while math.ceil(self.width ** (1 / count) - 1e-9) > WIDEST:
            count += 1
        return count, max(1, math.ceil(self.width ** (1 / count) - 1e-9))

    @classmethod
    def fit(
        cls,
        values: Sequence[Any],
        counts: NDArray[np.int64],
        missing: int,
        *,
        public: bool,
        names_others: bool,
        order: Sequence[Any] | None = None,
    ) -> Choices:
        """From distinct values and how many rows have each.

        Arguments:
            values, counts: of the same length.
            missing: rows without a value.
            public: whether values of few rows may be stored.
            names_others: whether a rare value comes back as the word `other`; if not, as the
                commonest value.
            order: of the values, where they have one; else the commonest comes first.
        """
        plain = [_plain(value) for value in values]
        count = dict(zip(plain, counts.tolist(), strict=True))
        fewest = 0 if public else FEWEST
        kept = [value for value in plain if count[value] >= fewest]
        if order is None:
            kept.sort(key=lambda value: (-count[value], str(value)))
        else:
            places = {_plain(value): place for place, value in enumerate(order)}
            kept.sort(key=lambda value: places[value])
        rare = sum(n for value, n in count.items() if n < fewest)
        other: Scalar | None = None
        has_other = rare > 0 and names_others
        if rare:
            word = "other" if "other" not in kept else "other (rare)"
            other = word if names_others else max(kept, key=lambda v: count[v], default=None)
        rows = max(1, int(counts.sum()) + missing)
        shares = [*(count[value] / rows for value in kept)]
        if rare and not names_others and kept:
            shares[kept.index(other)] += rare / rows
        shares += [rare / rows] * has_other + [missing / rows] * (missing > 0)
        return cls(
            values=tuple(kept),
            other=other,
            has_other=has_other,
            has_missing=missing > 0,
            shares=tuple(shares),
        )

    def codes(self, values: Sequence[Any], absent: Sequence[bool]) -> Codes:
        """The code of each distinct value; of one never seen as of a rare one.

        Arguments:
            values: distinct values.
            absent: whether each is a missing one.
        """
        places = {value: code for code, value in enumerate(self.values)}
        common = 0 if self.other is None else places.get(self.other, 0)
        rare = len(self.values) if self.has_other else common
        last = self.width - 1 if self.has_missing else common
        return np.array(
            [
                last if gone else places.get(_plain(value), rare)
                for value, gone in zip(values, absent, strict=True)
            ],
            dtype=np.int64,
        )

    def decoded(self, codes: Codes) -> tuple[list[Any], NDArray[np.bool_]]:
        """Values by code, and which are missing."""
        table: list[Any] = [*self.values, *([self.other] * self.has_other)]
        absent = np.zeros(len(codes), bool)
        if self.has_missing:
            absent = codes >= len(table)
            table.append(None)
        if not table:
            return [None] * len(codes), np.ones(len(codes), bool)
        lookup = np.empty(len(table), object)
        lookup[:] = table
        return list(lookup[np.minimum(codes, len(table) - 1)]), absent

    def split(self, codes: Codes) -> Codes:
        """Digits of codes, (N, digits), the highest first."""
        count, base = self.digits
        powers = base ** np.arange(count - 1, -1, -1)
        return codes[:, None] // powers % base

    def joined(self, digits: Codes) -> Codes:
        """The inverse of `split`; beyond the last code, the last value kept."""
        count, base = self.digits
        codes = digits @ base ** np.arange(count - 1, -1, -1)
        last = max(0, len(self.values) + self.has_other - 1)
        return np.where(codes < self.width, codes, last)

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Choices:
        """The inverse of `to_json`."""
        held: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list | tuple) else v for k, v in values.items()
        }
        return cls(**held)


def _plain(value: Any) -> Any:
    """A number of NumPy as Python's."""
    return value.item() if isinstance(value, np.generic) else value
