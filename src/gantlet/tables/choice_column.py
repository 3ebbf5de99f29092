"""Columns of choices: categories, ordered ones, truth values, and a single value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.spec import Head
from gantlet.tables.choices import WIDEST, Choices
from gantlet.tables.column import Column, Stored
from gantlet.tables.dtypes import described, restored
from gantlet.tables.words import Kind

__all__ = ["ChoiceColumn", "in_order"]


@dataclass(frozen=True, kw_only=True)
class ChoiceColumn(Column):
    """Choices by their codes. A single code needs no head: it comes back by itself."""

    form: ClassVar[str] = "choice"
    name: Any
    kind: Kind
    dtype: Mapping[str, Any]
    choices: Choices

    @classmethod
    def fit(
        cls, name: Any, kind: Kind, cells: Any, *, public: bool, order: Sequence[str] | None = None
    ) -> ChoiceColumn:
        """From a pandas column.

        Arguments:
            name, kind, cells: of the column.
            public: whether values of few rows may be stored.
            order: of an ordinal; that of its pandas categories if none is given.
        """
        import pandas as pd

        codes, values = pd.factorize(cells, use_na_sentinel=True)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        categories = list(cells.dtype.categories) if _is_category(cells) else None
        if kind == "ordinal":
            found = sorted(values, key=lambda v: (str(type(v)), v))
            order = order and in_order(name, order, found)
            order = order or categories or found
        choices = Choices.fit(
            list(values),
            counts,
            int((codes < 0).sum()),
            public=public,
            names_others=_holds_text(cells),
            order=order,
        )
        if categories is not None:
            categories = _held(categories, choices, set(values))
        return cls(name=name, kind=kind, dtype=described(cells.dtype, categories), choices=choices)

    @property
    def heads(self) -> tuple[Head, ...]:
        """A choice, or one for each digit of many codes."""
        choices, name = self.choices, str(self.name)
        if choices.width < 2:
            return ()
        if choices.width <= WIDEST:
            return (Head(name=name, width=choices.width, is_condition=True),)
        count, base = choices.digits
        return tuple(Head(name=f"{name}/digit {i + 1}", width=base) for i in range(count))

    def encode(self, cells: Any) -> Stored:
        """Cells to codes, or to their digits."""
        import pandas as pd

        if not self.heads:
            return np.zeros((len(cells), 0), np.float32)
        codes, values = pd.factorize(cells, use_na_sentinel=True)
        places = self.choices.codes([*values, None], [*[False] * len(values), True])
        found = places[codes]  # the sentinel -1 is the last
        split = self.choices.split(found) if len(self.heads) > 1 else found[:, None]
        return split.astype(np.float32)

    def decode(self, stored: Stored, first: int) -> Any:
        """Codes to cells."""
        import pandas as pd

        codes = self.codes(stored).clip(0, len(self._cells) - 1)
        return pd.Series(self._cells.array.take(codes), dtype=self._cells.dtype)

    def codes(self, stored: Stored) -> NDArray[np.int64]:
        """Stored numbers to codes of `choices`, (N,)."""
        codes = np.rint(stored).astype(np.int64)
        if not self.heads:
            return np.zeros(len(stored), np.int64)
        return self.choices.joined(codes) if len(self.heads) > 1 else codes[:, 0]

    @cached_property
    def _cells(self) -> Any:
        """What each code comes back as, as a pandas column of the type."""
        values, absent = self.choices.decoded(np.arange(max(1, self.choices.width)))
        return restored(values, absent, self.dtype)

    def line(self) -> str:
        """Kind, number of categories, the commonest; shares where they are known."""
        choices = self.choices
        if self.kind == "missing" or not choices.values:
            return "missing" if self.kind == "missing" else f"{self.kind}, all values rare"
        if self.kind == "constant":
            return f"constant, {choices.values[0]!r}"
        first = choices.values[:3]
        shares = [f" {share:.0%}" for share in choices.shares[: len(first)]] or [""] * len(first)
        shown = ", ".join(f"{value}{share}" for value, share in zip(first, shares, strict=True))
        more = ", ..." if len(choices.values) > 3 else ""
        parts = [f"{self.kind}, {len(choices.values):,} values ({shown}{more})"]
        if choices.has_other:
            parts.append(f"rare ones become {choices.other!r}")
        if choices.has_missing and choices.shares:
            parts.append(f"{choices.shares[-1]:.1%} missing")
        return "; ".join(parts)

    @property
    def values(self) -> list[Any]:
        """The values that come back, in the order of their codes."""
        return [*self.choices.values, *([self.choices.other] * self.choices.has_other)]

    def class_names(self) -> list[str]:
        """What each code is called where a row is asked for by it: `sex=Male`."""
        choices = self.choices
        return [
            *(f"{self.name}={value}" for value in self.values),
            *([f"{self.name} missing"] * choices.has_missing),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "dtype": dict(self.dtype),
            "choices": self.choices.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ChoiceColumn:
        """The inverse of `to_json`."""
        return cls(**{**values, "choices": Choices.from_json(values["choices"])})


def in_order(name: Any, order: Sequence[Any], found: Sequence[Any]) -> list[Any]:
    """The values that are there, as the column has them, in a declared order.

    Raises UsageError for one that the order has not.
    """
    places = {str(value): place for place, value in enumerate(order)}
    absent = [value for value in found if str(value) not in places]
    if absent:
        raise UsageError(
            f"the order of column {name!r}",
            expected=f"every value that it has, such as {absent[0]!r}",
            received=", ".join(map(str, order)),
            remedy="Add it to the list",
        )
    return sorted(found, key=lambda value: places[str(value)])


def _is_category(cells: Any) -> bool:
    import pandas as pd

    return isinstance(cells.dtype, pd.CategoricalDtype)


def _holds_text(cells: Any) -> bool:
    """Whether the column can hold the word `other`."""
    import pandas as pd

    values = cells.dtype.categories if _is_category(cells) else cells
    return pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")


def _held(categories: list[Any], choices: Choices, used: set[Any]) -> list[Any]:
    """Categories of pandas without those of too few rows; those of no row stay."""
    kept = set(choices.values)
    left = [c for c in categories if c in kept or c not in used]
    more = choices.has_other and choices.other not in left
    return [*left, choices.other] if more else left
