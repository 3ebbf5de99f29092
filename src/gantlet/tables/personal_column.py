"""Columns of personal data, which are masked: generated rows have made-up values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from gantlet.errors import UsageError
from gantlet.rng import seed_of
from gantlet.spec import Head
from gantlet.tables.column import Column, Stored
from gantlet.tables.dtypes import described, restored
from gantlet.tables.personal import PERSONAL

__all__ = ["PersonalColumn"]


_NOBODY = "someone"


@lru_cache(maxsize=8)
def _maker(locale: str) -> Any:
    """Faker for a locale; UsageError without it, and for a locale that it does not know."""
    try:
        from faker import Factory
    except ImportError:
        raise UsageError(
            "columns of personal data",
            expected="Faker, of the extra `table`",
            received="no faker",
            remedy="Install it with pip install 'gantlet[table]', or leave the values away: "
            "data.columns.NAME=text",
        ) from None
    try:
        return Factory.create(locale)
    except AttributeError:
        raise UsageError(
            "data.locale",
            expected="a locale that Faker knows, such as en_US, de_DE or ja_JP",
            received=locale,
        ) from None


@dataclass(frozen=True, kw_only=True)
class PersonalColumn(Column):
    """Values that Faker makes up for each row, by (seed, column, row) alone.

    Nothing of the table's values is stored. E-mail addresses are in domains that are reserved for
    examples (RFC 2606), so that none is anyone's.

    Source: Faraglia and others, Faker, https://faker.readthedocs.io
    """

    form: ClassVar[str] = "personal"
    name: Any
    dtype: Mapping[str, Any]
    what: str
    """Key of `PERSONAL`."""
    locale: str
    distinct: bool
    """Whether no two rows share a value: then made-up e-mail addresses hold the row's number."""
    missing: float
    """Share of missing values."""
    seed: int | None = 0
    """Of what is made up; none: one word stands for all of it."""
    kind: str = "personal"

    @classmethod
    def fit(cls, name: Any, cells: Any, what: str, locale: str) -> PersonalColumn:
        """From a pandas column of text.

        Raises UsageError for cells that are no text, and where Faker or the locale is missing.
        """
        import pandas as pd

        present = cells.dropna()
        if isinstance(cells.dtype, pd.CategoricalDtype):  # each value may be a new one
            present = present.astype(cells.dtype.categories.dtype)
        if pd.api.types.infer_dtype(present) not in ("string", "empty"):
            raise UsageError(
                f"column {name!r} as {what}",
                expected="text",
                received=str(cells.dtype),
                remedy="Convert the column with astype(str), or declare another kind",
            )
        _fake(what, locale, 0)
        return cls(
            name=name,
            dtype=described(present.dtype),
            what=what,
            locale=locale,
            distinct=bool(present.is_unique),
            missing=1 - len(present) / max(1, len(cells)),
        )

    @property
    def heads(self) -> tuple[Head, ...]:
        """Whether it is missing, where it may be."""
        return (Head(name=f"{self.name}/missing", width=2),) if self.missing else ()

    def seeded(self, seed: int | None) -> PersonalColumn:
        """The column of a sample with another seed."""
        return replace(self, seed=seed)

    def encode(self, cells: Any) -> Stored:
        """Whether cells are missing."""
        absent: Stored = cells.isna().to_numpy(bool)[:, None].astype(np.float32)
        return absent if self.missing else absent[:, :0]

    def decode(self, stored: Stored, first: int) -> Any:
        """Made-up values for rows `first` and on."""
        absent = stored[:, 0] > 0.5 if self.missing else np.zeros(len(stored), bool)
        return restored([self._made(first + i) for i in range(len(stored))], absent, self.dtype)

    def _made(self, row: int) -> str:
        if self.seed is None:
            return _NOBODY
        text = _fake(self.what, self.locale, seed_of(self.seed, "personal", str(self.name), row))
        if self.distinct and self.what == "email":
            user, _, domain = text.partition("@")
            return f"{user}.{row}@{domain}"
        return text

    def line(self) -> str:
        """What it is, and what stands in its place."""
        return f"personal: {PERSONAL[self.what].line}; generated rows have made-up ones"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "dtype": dict(self.dtype)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PersonalColumn:
        """The inverse of `to_json`."""
        return cls(**values)


def _fake(what: str, locale: str, seed: int) -> str:
    """One made-up value, in one line."""
    maker = _maker(locale)
    maker.seed_instance(seed)
    return ", ".join(str(getattr(maker, PERSONAL[what].fake)()).split("\n"))
