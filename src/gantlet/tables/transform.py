"""A table as rows of stored numbers and back: a transformer as scikit-learn's are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gantlet.errors import UsageError, newer_format, unknown
from gantlet.privacy.settings import ColumnPrivacy
from gantlet.spec import Head
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column, Stored
from gantlet.tables.detect import check_cells, detected
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.private_columns import Declaration, fit_privately
from gantlet.tables.silent_columns import IdentifierColumn, TextColumn
from gantlet.tables.words import KINDS, Declared, Kind

__all__ = ["FORMS", "TableTransform"]

FORMS: Mapping[str, type[Column]] = {
    form.form: form for form in (NumberColumn, ChoiceColumn, IdentifierColumn, TextColumn)
}
"""Forms of columns, as their JSON names them."""
_FORMAT = 1


class TableTransform(TransformerMixin, BaseEstimator):
    """Columns of a pandas table to stored numbers, (N, R) in float32, and back.

    Each column becomes no, one or several typed heads (`gantlet.spec.Head`): numbers a mode and a
    place within it, choices a code. Missing values are values like others, so that their pattern
    is learned. `inverse_transform` gives the types, rounding and range of the table it was fitted
    to. Equal cells become equal numbers: nothing is drawn at random.

    What is fitted holds no row: values of fewer than 5 rows become `other`, and bounds are the
    fifth smallest and largest, unless they are declared public.

    Arguments:
        columns: kinds by column, where they are not to be detected (`gantlet.tables.KINDS`); a
            list of values is the order of an ordinal.
        public: whether all values and bounds may be stored, or the names of such columns.
        private: what bounds and values of the other columns may cost, which are then told from
            noisy counts (`fit_privately`); none: they are stored as they are.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    def __init__(
        self,
        columns: Declared | None = None,
        public: bool | Sequence[str] = False,
        private: ColumnPrivacy | None = None,
    ) -> None:
        self.columns = columns
        self.public = public
        self.private = private

    def fit(self, table: Any, y: Any = None) -> TableTransform:
        """Find out what the columns of a pandas DataFrame are.

        Raises:
            UsageError: no columns, two of one name, one without a name, a column of mixed types,
                a kind declared for a column that is not there or that its cells are not of.
        """
        _check_names(table)
        declared = dict(self.columns or {})
        for name in declared:
            if name not in map(str, table.columns):
                raise unknown("column", name, map(str, table.columns))
        said = [self._said(name, table[name], declared.get(str(name))) for name in table.columns]
        self.ledger_: Mapping[str, Any] | None = None
        if self.private is None:
            self.columns_ = tuple(_fitted(one) for one in said)
        else:
            self.columns_, self.ledger_ = fit_privately(said, self.private)
        self.rows_ = len(table)
        self.n_features_in_ = len(self.columns_)
        return self

    def transform(self, table: Any) -> Stored:
        """The stored numbers of a table that has the columns of the fitted one, (N, R).

        Raises UsageError for a column that is not there.
        """
        check_is_fitted(self)
        absent = [column.name for column in self.columns_ if column.name not in table.columns]
        if absent:
            raise unknown("column", str(absent[0]), map(str, table.columns))
        cells = (table[column.name].reset_index(drop=True) for column in self.columns_)
        parts = [c.encode(held) for c, held in zip(self.columns_, cells, strict=True)]
        rows: Stored = np.concatenate([np.zeros((len(table), 0), np.float32), *parts], 1)
        return rows

    def inverse_transform(self, rows: NDArray[Any], first: int = 0) -> Any:
        """A DataFrame of the fitted types from stored numbers, (N, R).

        Arguments:
            rows: the numbers.
            first: place of the first row among all that are made, for fresh identifiers.
        """
        import pandas as pd

        check_is_fitted(self)
        ends = (0, *accumulate(len(column.heads) for column in self.columns_))
        stored = np.asarray(rows, np.float32).reshape(len(rows), ends[-1])
        parts = {
            column.name: column.decode(stored[:, start:stop], first)
            for column, (start, stop) in zip(self.columns_, pairwise(ends), strict=True)
        }
        return pd.DataFrame(parts, columns=[column.name for column in self.columns_])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the stored numbers: `age`, `age/mode`, `sex`."""
        return np.array([head.name for head in self.heads], dtype=object)

    @property
    def heads(self) -> tuple[Head, ...]:
        """The typed parts of a row."""
        check_is_fitted(self)
        heads = (head for column in self.columns_ for head in column.heads)
        if self.ledger_ is None:
            return tuple(heads)
        return tuple(replace(head, is_condition=False) for head in heads)

    @property
    def lines(self) -> tuple[str, ...]:
        """What each column is, for a person to read."""
        check_is_fitted(self)
        return tuple(f"{column.name}: {column.line()}" for column in self.columns_)

    def classes(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Names of what a row can be asked for, `sex=Male`, and the share of each.

        One of the columns is asked for at a time, each as often as any other, its values as often
        as in the table: a sample of classes has the table's frequencies. A private table has
        none: rows that are drawn by what they have would not be drawn alike.
        """
        if self.ledger_ is not None:
            return (), ()
        asked = [
            column
            for column in self.columns_
            if isinstance(column, ChoiceColumn) and any(h.is_condition for h in column.heads)
        ]
        names = tuple(name for column in asked for name in column.class_names())
        shares = tuple(s / len(asked) for column in asked for s in column.choices.shares)
        return names, shares

    def to_json(self) -> dict[str, Any]:
        """Plain values: all that `inverse_transform` needs."""
        check_is_fitted(self)
        columns = [{"form": column.form, **column.to_json()} for column in self.columns_]
        plain = {"format": _FORMAT, "rows": self.rows_, "columns": columns}
        return plain if self.ledger_ is None else {**plain, "privacy": dict(self.ledger_)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TableTransform:
        """The inverse of `to_json`."""
        if values["format"] > _FORMAT:
            raise newer_format("the columns of a table", values["format"], _FORMAT)
        made = cls()
        held = [dict(column) for column in values["columns"]]
        made.columns_ = tuple(FORMS[column.pop("form")].from_json(column) for column in held)
        made.rows_, made.ledger_ = values["rows"], values.get("privacy")
        made.n_features_in_ = len(made.columns_)
        return made

    def _said(self, name: Any, cells: Any, said: str | Sequence[str] | None) -> Declaration:
        public = self.public if isinstance(self.public, bool) else str(name) in self.public
        order = None if said is None or isinstance(said, str) else said
        kind = _declared(name, said) or detected(name, cells, public=public)
        check_cells(name, kind, cells)
        return Declaration(name, kind, cells.reset_index(drop=True), public, order)


def _fitted(said: Declaration) -> Column:
    name, kind, cells = said.name, said.kind, said.cells
    if kind in ("integer", "real", "datetime", "duration"):
        return NumberColumn.fit(name, kind, cells, public=said.public)
    if kind == "identifier":
        return IdentifierColumn.fit(name, cells)
    if kind == "text":
        return TextColumn.fit(name, cells)
    return ChoiceColumn.fit(name, kind, cells, public=said.public, order=said.order)


def _declared(name: Any, said: str | Sequence[str] | None) -> Kind | None:
    if said is None:
        return None
    if not isinstance(said, str):
        return "ordinal"
    if said not in KINDS:
        raise unknown(f"kind of column {name!r}", said, KINDS)
    found: Kind = next(kind for kind in KINDS if kind == said)
    return found


def _check_names(table: Any) -> None:
    names = list(table.columns)
    if not names:
        raise UsageError("the table", expected="at least one column", received="none")
    for place, name in enumerate(names, start=1):
        is_none = name is None or (isinstance(name, float) and np.isnan(name))
        if is_none or isinstance(name, tuple) or not str(name).strip():
            raise UsageError(
                f"column {place} of the table",
                expected="a name: text or a number",
                received=repr(name),
                remedy="Name it, or drop it",
            )
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise UsageError(
            f"two columns are named {twice[0]!r}",
            expected="a name of its own for each column",
            remedy="Rename or drop one",
        )
