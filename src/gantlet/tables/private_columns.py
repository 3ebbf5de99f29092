"""The columns of a table, fitted so that what they tell of its rows has a known cost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gantlet.errors import UsageError
from gantlet.privacy.counts import NoisyCounts
from gantlet.privacy.secret import secret_seed
from gantlet.privacy.settings import ColumnPrivacy
from gantlet.tables.choice_column import ChoiceColumn, in_order
from gantlet.tables.choices import Choices
from gantlet.tables.column import Column
from gantlet.tables.dtypes import described, number_of
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.personal_column import PersonalColumn
from gantlet.tables.private import MISSING, PrivateFit, private_numbers, public_numbers
from gantlet.tables.silent_columns import IdentifierColumn, TextColumn
from gantlet.tables.words import Kind

__all__ = ["Declaration", "delta_of", "fit_privately"]

_NUMBERS = ("integer", "real", "datetime", "duration")
_RULE = 1
"""Of fitting: another draws noise of its own, as two rules on the same noise would differ by
what rows have."""
_SILENT = ("identifier", "text", "personal")


@dataclass(frozen=True)
class Declaration:
    """What is known of a column before its values are counted."""

    name: Any
    kind: Kind
    cells: Any
    public: bool
    """Whether its bounds, its values and whether any are missing are public."""
    order: Sequence[str] | None = None
    """Every value of an ordinal, where a person has listed them, which makes them public."""
    what: str = ""
    """Of personal data: key of `PERSONAL`."""
    locale: str = "en_US"
    """In which they are made up."""

    @property
    def histograms(self) -> int:
        """Noisy counts that it takes."""
        if self.public or self.kind in _SILENT:
            return 0
        if self.kind in _NUMBERS:
            return 2 if self.kind == "real" else 3
        return 1


def delta_of(privacy: ColumnPrivacy, rows: int) -> float:
    """Delta of the run: the person's, or 1 / (10 rows)."""
    return privacy.delta or 1 / (10 * max(1, rows))


def fit_privately(
    declared: Sequence[Declaration], privacy: ColumnPrivacy
) -> tuple[tuple[Column, ...], dict[str, Any]]:
    """Columns, and what was paid for them in plain values: for the accountant and for people.

    Taken as public: names, kinds and types of columns, digits behind the point, steps and formats
    of times, the number of rows. Bounds and values of columns that are not public, and their
    missing values, are told from noisy counts alone.
    """
    rows = len(declared[0].cells)
    delta, needed = delta_of(privacy, rows), sum(one.histograms for one in declared)
    fit, ledger = None, dict[str, Any]()
    if needed:
        counts = NoisyCounts.costing(privacy.epsilon, delta, needed)
        about = [privacy.epsilon, delta, [(str(d.name), d.kind, d.public) for d in declared]]
        seed = secret_seed("columns", _RULE, about, _digest(declared))
        fit = PrivateFit(counts, np.random.default_rng(seed), rows)
        ledger = {
            "sigma": counts.spent.sigma,
            "beyond": counts.beyond,
            "spread": counts.spread,
            "threshold": counts.threshold,
        }
    ledger |= {
        "asked": {"epsilon": privacy.epsilon, "delta": privacy.delta},
        "paid": [str(d.name) for d in declared if d.histograms],
        "public": [str(d.name) for d in declared if d.public and d.kind not in _SILENT],
        "unused": [str(d.name) for d in declared if d.kind in _SILENT],
    }
    return tuple(_column(one, fit) for one in declared), ledger


def _column(said: Declaration, fit: PrivateFit | None) -> Column:
    name, kind, cells = said.name, said.kind, said.cells
    if kind == "text":
        return TextColumn.fit(name, cells)
    if kind == "identifier":
        told = described(cells.dtype)
        if "int" in str(cells.dtype).lower():
            return IdentifierColumn.numbered(name, told, 1, 1, 0.0)
        return IdentifierColumn(name=name, dtype=told, way="uuid", prefix="", start=1, missing=0.0)
    if kind == "personal":
        plain = getattr(cells.dtype, "categories", cells).dtype  # never the values
        return PersonalColumn(
            name=name,
            dtype=described(plain),
            what=said.what,
            locale=said.locale,
            distinct=False,
            missing=0.0,
        )
    if kind in _NUMBERS:
        rule = public_numbers
        if not said.public:
            rule = partial(private_numbers, fit=_paid(fit), spiked=kind != "real")
        return NumberColumn.by(name, kind, cells, rule)
    choices = _public_choices(said) if said.public else _private_choices(said, _paid(fit))
    names = [*choices.values, *([choices.other] if choices.has_other else [])]
    return ChoiceColumn(name=name, kind=kind, dtype=described(cells.dtype, names), choices=choices)


def _paid(fit: PrivateFit | None) -> PrivateFit:
    assert fit is not None  # made where a column takes counts
    return fit


def _public_choices(said: Declaration) -> Choices:
    """All values, in an order that tells nothing of their counts."""
    absent = said.cells.isna().to_numpy(bool)
    present = _plain(said.cells.dropna().unique())
    if said.order is not None:
        in_order(said.name, said.order, present)
    return Choices(
        values=tuple(_ordered(said, present)),
        other=None,
        has_other=False,
        has_missing=bool(absent.any()),
        shares=(),
    )


def _private_choices(said: Declaration, fit: PrivateFit) -> Choices:
    """Values that enough rows have; others together, where they are many beyond noise."""
    import pandas as pd

    codes, uniques = pd.factorize(said.cells, use_na_sentinel=True)
    present = _plain(uniques)
    counts = np.bincount(codes[codes >= 0], minlength=len(present)).tolist()
    rows: dict[Any, int] = dict(zip(present, counts, strict=True))
    known: list[Any] = [False, True] if said.kind == "boolean" else []
    if said.order is not None:
        in_order(said.name, said.order, present)
        found = {str(value): value for value in present}
        known = [found[text] if text in found else _typed(said, text) for text in said.order]
    counted = fit.of({**rows, (MISSING,): int((codes < 0).sum())}, public=known)
    missing = counted.pop((MISSING,), 0)
    values = _ordered(said, list(counted))
    rest = 0 if known else fit.rest({**counted, MISSING: missing})
    texts = pd.api.types.infer_dtype(present, skipna=True) in ("string", "empty")
    has_other = rest > 0 and texts
    shares = [*(counted[v] for v in values), *[rest] * has_other, *[missing] * (missing > 0)]
    total = max(1, sum(shares))
    other = "other" if "other" not in values else "other (rare)"
    return Choices(
        values=tuple(values),
        other=other if has_other else max(counted, key=lambda v: counted[v], default=None),
        has_other=has_other,
        has_missing=missing > 0,
        shares=tuple(n / total for n in shares),
    )


def _typed(said: Declaration, text: str) -> Any:
    """A listed value that no row has, of the type of the cells.

    Raises UsageError for one that the type cannot have, or writes in another way.
    """
    import pandas as pd

    cells = getattr(said.cells.dtype, "categories", said.cells)
    held = pd.api.types.infer_dtype(cells, skipna=True)
    value: Any = text
    if held == "boolean":
        value = {"True": True, "False": False}.get(text)
    elif held in ("integer", "floating", "mixed-integer-float"):
        try:
            value = _plain([number_of(text, cells.dtype)])[0]
        except ValueError:
            value = None
        value = None if held == "integer" and isinstance(value, float) else value
    if str(value) != text:
        near = "" if value is None else f", such as {str(value)!r}"
        raise UsageError(
            f"the values listed of column {said.name!r}",
            expected=f"values as a column of {cells.dtype} has them{near}",
            received=repr(text),
            remedy=f"Write data.columns.{said.name}=[...] with values of that type alone",
        )
    return value


def _ordered(said: Declaration, values: list[Any]) -> list[Any]:
    """An ordinal's own order; without one, as they come from noisy counts, or by their text."""
    if said.order is not None:
        places = {text: place for place, text in enumerate(said.order)}
        return sorted(values, key=lambda value: places[str(value)])
    categories = getattr(said.cells.dtype, "categories", None)
    if said.kind == "ordinal" and categories is not None:
        held = {value: place for place, value in enumerate(_plain(categories))}
        return sorted(values, key=lambda value: held[value])
    if said.kind == "ordinal":
        return sorted(values, key=lambda v: (str(type(v)), v))
    return sorted(values, key=str) if said.public else values


def _plain(values: Any) -> list[Any]:
    """Python's values for NumPy's."""
    return [v.item() if isinstance(v, np.generic) else v for v in values]


def _digest(declared: Sequence[Declaration]) -> str:
    """A hash of all cells."""
    import pandas as pd

    digest = hashlib.blake2b(digest_size=16)
    for one in declared:
        codes, values = pd.factorize(one.cells, use_na_sentinel=True)
        digest.update(repr((str(one.name), list(values))).encode())
        digest.update(np.ascontiguousarray(codes, np.int64).tobytes())
    return digest.hexdigest()
