"""A table as rows of stored numbers and back: a transformer as scikit-learn's are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from numbers import Number
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
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.constraints import Design, Said
from gantlet.tables.detect import check_cells, detected
from gantlet.tables.number_column import NumberColumn
from gantlet.tables.personal import PERSONAL, personal_type
from gantlet.tables.personal_column import PersonalColumn
from gantlet.tables.private_columns import Declaration, fit_privately
from gantlet.tables.silent_columns import IdentifierColumn, TextColumn
from gantlet.tables.twins import twins
from gantlet.tables.words import KINDS, Declared, Kind

__all__ = ["FORMS", "TableTransform"]

FORMS: Mapping[str, type[Column]] = {
    form.form: form
    for form in (NumberColumn, ChoiceColumn, IdentifierColumn, PersonalColumn, TextColumn)
}
"""Forms of columns, as their JSON names them."""
_FORMAT = 2
"""1: without constraints."""


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
            list of values is the order of an ordinal, a key of `PERSONAL` what is masked.
        public: whether all values and bounds may be stored, or the names of such columns.
        locale: of made-up personal data, as Faker names it.
        constraints: what all rows meet: text (`gantlet.tables.constraints.FORMS`), or functions
            of a DataFrame that give truth values.
        private: what bounds and values of columns that are not public may cost, which are then
            told from noisy counts (`fit_privately`); none: they are stored as they are.
        twins: whether columns that follow from each other, one to one, are stored as one
            (`gantlet.tables.twins`), unless a constraint reads them or the table is private.

    Attributes:
        columns_: what each column of the table is.
        parts_: what is stored: the same columns, or others in place of those that a constraint
            restores.
        ledger_: what was paid for the columns, of a private table.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    def __init__(
        self,
        columns: Declared | None = None,
        public: bool | Sequence[str] = False,
        locale: str = "en_US",
        constraints: Sequence[Said] = (),
        private: ColumnPrivacy | None = None,
        twins: bool = True,
    ) -> None:
        self.columns = columns
        self.public = public
        self.locale = locale
        self.constraints = constraints
        self.private = private
        self.twins = twins

    def fit(self, table: Any, y: Any = None) -> TableTransform:
        """Find out what the columns of a pandas DataFrame are.

        Raises:
            UsageError: no columns, two of one name, one without a name, a column of mixed types,
                a column declared or public that is not there, a kind that its cells are not of, a
                constraint that cannot be read or that a row breaks.
        """
        _check_names(table)
        declared = dict(self.columns or {})
        named = () if isinstance(self.public, bool) else self.public
        for name in (*declared, *named):
            if name not in map(str, table.columns):
                raise unknown("column", name, map(str, table.columns))
        self.ledger_: Mapping[str, Any] | None = None
        said = (self._said(name, table[name], declared.get(str(name))) for name in table.columns)
        if self.private is None:
            self.columns_ = tuple(_fitted(one) for one in said)
        else:
            self._check_private()
            self.columns_, self.ledger_ = fit_privately(list(said), self.private)
        self.design_, self.parts_ = Design(), self.columns_
        found = self._twins(table)
        if self.constraints or found:
            self.design_ = self._design(table, found)
            self.parts_ = self._parts(table)
        self.rows_ = len(table)
        self.n_features_in_ = len(self.columns_)
        return self

    def transform(self, table: Any) -> Stored:
        """The stored numbers of a table that has the columns of the fitted one, (N, R).

        Raises UsageError for a column that is not there.
        """
        check_is_fitted(self)
        rows: Stored = np.empty((len(table), len(self.heads)), np.float32)
        self.write(table, rows)
        return rows

    def write(self, table: Any, rows: Stored) -> None:
        """Write the stored numbers of a table into an array, (N, R), a column at a time.

        The table may be a `gantlet.tables.columnar.ColumnFile`, of which one column is in memory.
        Raises UsageError for a column that is not there.
        """
        absent = [column.name for column in self.columns_ if column.name not in table.columns]
        if absent:
            raise unknown("column", str(absent[0]), map(str, table.columns))
        held = self.design_.stored(_read(table, self.design_)) if self.design_.ways else {}
        start = 0
        for column in self.parts_:
            stop = start + len(column.heads)
            if stop > start:
                name = column.name
                cells = held[name][0] if name in held else table[name].reset_index(drop=True)
                rows[:, start:stop] = column.encode(cells)
            start = stop

    def inverse_transform(self, rows: NDArray[Any], first: int = 0, seed: int | None = 0) -> Any:
        """A DataFrame of the fitted types from stored numbers, (N, R).

        Arguments:
            rows: the numbers.
            first: place of the first row among all that are made, for fresh identifiers.
            seed: of the rows, for made-up personal data; none: one word stands for all of it.
        """
        import pandas as pd

        check_is_fitted(self)
        ends = (0, *accumulate(len(column.heads) for column in self.parts_))
        stored = np.asarray(rows, np.float32).reshape(len(rows), ends[-1])
        parts = {
            column.name: column.seeded(seed).decode(stored[:, start:stop], first)
            for column, (start, stop) in zip(self.parts_, pairwise(ends), strict=True)
        }
        parts = {**self.design_.restored(parts)}
        return pd.DataFrame(parts, columns=[column.name for column in self.columns_])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the stored numbers: `age`, `age/mode`, `sex`."""
        return np.array([head.name for head in self.heads], dtype=object)

    @property
    def heads(self) -> tuple[Head, ...]:
        """The typed parts of a row."""
        check_is_fitted(self)
        heads = (head for column in self.parts_ for head in column.heads)
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
        asked = self._asked()
        names = tuple(name for column in asked for name in column.class_names())
        shares = tuple(s / len(asked) for column in asked for s in column.choices.shares)
        return names, shares

    def places(self, name: Any) -> tuple[tuple[Any, tuple[int, ...]], ...]:
        """The classes that give a column each of its values, the commonest value first.

        Several classes where the column is stored as part of a combination; nothing for a column
        whose values cannot be asked for.
        """
        found: dict[Any, list[int]] = {}
        first, owner = 0, self.design_.owners.get(name)
        for column in self._asked():
            told: Mapping[Any, Any] = {}
            if column.name == name:
                told = {value: value for value in column.values}
            elif owner is not None and column.name in owner.adds:
                told = owner.values(name)
            for place, value in enumerate(column.values):
                if value in told:
                    found.setdefault(told[value], []).append(first + place)
            first += column.choices.width
        return tuple((value, tuple(at)) for value, at in found.items() if value is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain values: all that `inverse_transform` needs."""
        check_is_fitted(self)
        plain = {"format": 1, "rows": self.rows_, "columns": _to_json(self.columns_)}
        if self.ledger_ is not None:
            plain["privacy"] = dict(self.ledger_)
        if not self.design_.constraints:
            return plain
        parts = [column for column in self.parts_ if column not in self.columns_]
        order = [column.name for column in self.parts_]
        more = {"parts": _to_json(parts), "order": order, "constraints": self.design_.to_json()}
        return {**plain, "format": _FORMAT, **more}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TableTransform:
        """The inverse of `to_json`."""
        if values["format"] > _FORMAT:
            raise newer_format("the columns of a table", values["format"], _FORMAT)
        made = cls()
        made.columns_ = made.parts_ = _from_json(values["columns"])
        made.design_, made.ledger_ = Design(), values.get("privacy")
        if "constraints" in values:
            made.design_ = Design.from_json(values["constraints"], made.columns_)
            known = {column.name: column for column in made.columns_}
            known |= {column.name: column for column in _from_json(values["parts"])}
            made.parts_ = tuple(known[name] for name in values["order"])
        made.rows_ = values["rows"]
        made.n_features_in_ = len(made.columns_)
        return made

    def _parts(self, table: Any) -> tuple[Column, ...]:
        """What is stored: each column, or where constraints restore some, others before them."""
        stored, parts = self.design_.stored(_read(table, self.design_)), list[Column]()
        for column in self.columns_:
            way = self.design_.owners.get(column.name)
            if way is None:
                parts.append(column)
            elif column.name == way.owns[0]:
                public = self._are_public((*way.owns, *way.needs))
                for name in way.stores:
                    cells, kind = stored[name]
                    named = public or (name in way.adds and kind == "categorical")
                    said = self._said(name, cells, kind)
                    parts.append(_fitted(replace(said, public=named)))
        return tuple(parts)

    def _twins(self, table: Any) -> tuple[str, ...]:
        """What the table meets though nobody said it."""
        if not self.twins or self.private is not None:
            return ()
        texts = [one for one in self.constraints if isinstance(one, str)]
        said = Design.read(texts, self.columns_).constraints
        return twins(table, self.columns_, {name for one in said for name in one.reads})

    def _design(self, table: Any, found: Sequence[str]) -> Design:
        """The constraints, checked on the columns that they read; on all where some is said."""
        is_said = bool(self.constraints)
        held = _whole(table) if is_said else _read(table, Design.read(found, self.columns_))
        return Design.fit(self.constraints, held, self.columns_, self._are_public, found)

    def _said(self, name: Any, cells: Any, said: str | Sequence[str] | None) -> Declaration:
        public = self._are_public([name])
        order = None if said is None or isinstance(said, str) else said
        kind = _declared(name, said) or detected(name, cells, public=public)
        check_cells(name, kind, cells)
        what = None
        if kind == "personal":
            what = said if isinstance(said, str) else personal_type(name, cells.dropna())
        cells = cells.reset_index(drop=True)
        return Declaration(name, kind, cells, public, order, what or "", self.locale)

    def _check_private(self) -> None:
        """UsageError for what would tell of rows beyond the budget."""
        if self.constraints:
            raise UsageError(
                "constraints of a private table",
                expected="none: checking and fitting them would tell of its rows",
                received=", ".join(str(one) for one in self.constraints),
                remedy="Leave data.constraints away, or train with the recipe table",
            )

    def _asked(self) -> list[ChoiceColumn]:
        """What rows can be asked for by: nothing of a private table."""
        if self.ledger_ is not None:
            return []
        return [
            column
            for column in self.parts_
            if isinstance(column, ChoiceColumn) and any(h.is_condition for h in column.heads)
        ]

    def _are_public(self, names: Sequence[Any]) -> bool:
        """Whether all of some columns may be stored with values of few rows."""
        public = self.public
        return public if isinstance(public, bool) else all(str(name) in public for name in names)


def _to_json(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [{"form": column.form, **column.to_json()} for column in columns]


def _from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    held = [dict(column) for column in values]
    return tuple(FORMS[column.pop("form")].from_json(column) for column in held)


def _whole(table: Any) -> Any:
    """All columns of a table in memory, rows numbered from 0 or as errors name them."""
    return table.whole() if isinstance(table, ColumnFile) else table


def _read(table: Any, design: Design) -> Any:
    """The columns that constraints read, as a DataFrame of rows numbered from 0."""
    import pandas as pd

    names = dict.fromkeys(name for one in design.constraints for name in one.reads)
    cells = {place: table[name].reset_index(drop=True) for place, name in enumerate(names)}
    held = pd.DataFrame(cells)
    held.columns = pd.Index(list(names), dtype=object)
    return held


def _fitted(said: Declaration) -> Column:
    name, kind, cells = said.name, said.kind, said.cells
    if kind in ("integer", "real", "datetime", "duration"):
        return NumberColumn.fit(name, kind, cells, public=said.public)
    if kind == "identifier":
        return IdentifierColumn.fit(name, cells)
    if kind == "personal":
        return PersonalColumn.fit(name, cells, said.what, said.locale)
    if kind == "text":
        return TextColumn.fit(name, cells)
    return ChoiceColumn.fit(name, kind, cells, public=said.public, order=said.order)


def _declared(name: Any, said: str | Sequence[str] | None) -> Kind | None:
    if said is None:
        return None
    if not isinstance(said, str):
        return "ordinal"
    if said in PERSONAL:
        return "personal"
    known = [kind for kind in KINDS if kind != "personal"]
    if said not in known:
        raise unknown(f"kind of column {name!r}", said, [*known, *PERSONAL])
    found: Kind = next(kind for kind in KINDS if kind == said)
    return found


def _check_names(table: Any) -> None:
    names = list(table.columns)
    if not names:
        raise UsageError("the table", expected="at least one column", received="none")
    for place, name in enumerate(names, start=1):
        is_none = isinstance(name, float) and np.isnan(name)
        if is_none or not isinstance(name, str | Number) or not str(name).strip():
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
