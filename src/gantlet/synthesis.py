"""Tables from Python as scikit-learn users know it: fit on a DataFrame, sample another."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gantlet.balance import sample_balanced
from gantlet.completion import complete
from gantlet.data.tables import is_frame
from gantlet.errors import UsageError
from gantlet.run import train
from gantlet.sample import sample
from gantlet.tables.constraints import Said
from gantlet.tables.constraints.design import check_rows
from gantlet.tables.constraints.predicate import Predicate
from gantlet.where import sample_where

__all__ = ["TableSynthesizer"]


class TableSynthesizer(BaseEstimator):
    """Learns a pandas DataFrame and makes new rows of the same columns and types.

    `get_params`, `set_params` and `sklearn.base.clone` work as for any estimator.

    Arguments:
        recipe: its name; the one for tables if none is given.
        columns: kinds by column, where they are not to be detected; a list is an ordinal's order.
        public: whether bounds and values of fewer than 5 rows may be stored, or the columns of
            which they may.
        constraints: what all rows meet, one or several: text such as "end >= start", or functions
            of a DataFrame that give one truth value for each row (docs/tables-constraints.md).
        samples, minutes: when to end; as the recipe says if neither is given.
        settings: dotted keys, as `{"train.batch": 256}`.
        seed: of weights, order of rows and noise.
        out: folder of the run, which the same call goes on with and `gantlet.load` opens; none:
            nothing is kept on the disk.
        fresh: put a run that lies in `out` aside and begin anew.
        verbose: print the course of the training.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    def __init__(
        self,
        *,
        recipe: str | None = None,
        columns: Mapping[str, Any] | None = None,
        public: bool | str | Sequence[str] = False,
        constraints: Said | Sequence[Said] = (),
        samples: int | None = None,
        minutes: float | None = None,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        out: str | Path | None = None,
        fresh: bool = False,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.columns = columns
        self.public = public
        self.constraints = constraints
        self.samples = samples
        self.minutes = minutes
        self.settings = settings
        self.seed = seed
        self.out = out
        self.fresh = fresh
        self.verbose = verbose

    def fit(self, table: Any, y: Any = None) -> TableSynthesizer:
        """Train on the rows of a pandas DataFrame; `y` plays no part.

        Raises UsageError for anything else, and for what `gantlet.train` refuses.
        """
        _check_frame("TableSynthesizer.fit", table)
        public = self.public if isinstance(self.public, bool) else _listed(self.public)
        predicates = [Predicate.of(one) for one in self._functions]
        for predicate in predicates:
            check_rows(predicate, table)
        texts = [one for one in _listed(self.constraints) if isinstance(one, str)]
        texts += [predicate.text for predicate in predicates]
        own = {"data.columns": dict(self.columns or {}), "data.public": public}
        own |= {"data.constraints": texts} if texts else {}
        settings = {**own, "train.seed": self.seed, **(self.settings or {})}
        with self._folder() as folder:
            run = train(
                table,
                self.recipe,
                settings,
                out=folder,
                fresh=self.fresh,
                samples=self.samples,
                minutes=self.minutes,
                verbose=self.verbose,
            )
            self.bundle_ = run.bundle
        self.verdict_ = run.verdict
        self.feature_names_in_ = list(table.columns)
        self.n_features_in_ = len(table.columns)
        return self

    def sample(
        self,
        n: int = 1,
        *,
        where: str | None = None,
        balance: str | None = None,
        seed: int = 0,
    ) -> Any:
        """Rows 0 to n - 1 of a seed as a DataFrame; row i depends on the seed and i alone.

        Arguments:
            n: how many.
            where: what they must meet, such as "sex=Male and age>=30" (`gantlet.where`).
            balance: a column of whose categories to make as many rows each (`gantlet.balance`).
            seed: equal seeds give equal rows.

        Raises UsageError for n below 1, for conditions that cannot be met, and for `where` beside
        `balance`.
        """
        check_is_fitted(self)
        bundle, functions = self.bundle_, self._functions
        if where is not None and balance is not None:
            raise UsageError("where beside balance", expected="one of the two", received="both")
        if where is not None:
            return sample_where(bundle, n, where, seed=seed, constraints=functions).frame
        if balance is not None:
            return sample_balanced(bundle, n, balance, seed=seed, constraints=functions).frame
        return sample(bundle, n, seed=seed, constraints=functions).frame

    def complete(self, table: Any, *, seed: int = 0) -> Any:
        """Rows of which some cells are given, with the others drawn (`gantlet.completion`).

        Arguments:
            table: a DataFrame of some columns; missing cells, and the other columns, are drawn.
            seed: equal seeds give equal rows.

        Raises UsageError for what is no DataFrame, for cells that the fitted table cannot have,
        and for rows that cannot be completed within the constraints.
        """
        check_is_fitted(self)
        _check_frame("TableSynthesizer.complete", table)
        return complete(self.bundle_, table, seed=seed, constraints=self._functions)

    @property
    def _functions(self) -> list[Callable[[Any], Any]]:
        """The constraints that are functions."""
        return [one for one in _listed(self.constraints) if not isinstance(one, str)]

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        if self.out is not None:
            yield Path(self.out)
            return
        with tempfile.TemporaryDirectory() as place:
            yield Path(place) / "run"


def _listed(said: Any) -> list[Any]:
    """What may be one or several, as a list: text and functions are one."""
    return [said] if isinstance(said, str) or callable(said) else list(said)


def _check_frame(what: str, table: Any) -> None:
    """UsageError for what is no DataFrame."""
    if not is_frame(table):
        raise UsageError(
            what,
            expected="a pandas DataFrame",
            received=type(table).__name__,
            remedy="Convert it with pandas.DataFrame(x, columns=[...])",
        )
