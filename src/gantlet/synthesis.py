"""Tables from Python as scikit-learn users know it: fit on a DataFrame, sample another."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gantlet.data.tables import is_frame
from gantlet.errors import UsageError
from gantlet.run import train
from gantlet.sample import sample
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
        samples, minutes: when to end; as the recipe says if neither is given.
        settings: dotted keys, as `{"train.batch": 256}`.
        seed: of weights, order of rows and noise.
        out: folder of the run, which the same call goes on with and `gantlet.load` opens; none:
            nothing is kept on the disk.
        verbose: print the course of the training.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """

    def __init__(
        self,
        *,
        recipe: str | None = None,
        columns: Mapping[str, Any] | None = None,
        public: bool | Sequence[str] = False,
        samples: int | None = None,
        minutes: float | None = None,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        out: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.columns = columns
        self.public = public
        self.samples = samples
        self.minutes = minutes
        self.settings = settings
        self.seed = seed
        self.out = out
        self.verbose = verbose

    def fit(self, table: Any, y: Any = None) -> TableSynthesizer:
        """Train on the rows of a pandas DataFrame; `y` plays no part.

        Raises UsageError for anything else, and for what `gantlet.train` refuses.
        """
        if not is_frame(table):
            raise UsageError(
                "TableSynthesizer.fit",
                expected="a pandas DataFrame",
                received=type(table).__name__,
                remedy="Convert it with pandas.DataFrame(x, columns=[...])",
            )
        public = self.public if isinstance(self.public, bool) else list(self.public)
        own = {"data.columns": dict(self.columns or {}), "data.public": public}
        settings = {**own, "train.seed": self.seed, **(self.settings or {})}
        with self._folder() as folder:
            run = train(
                table,
                self.recipe,
                settings,
                out=folder,
                samples=self.samples,
                minutes=self.minutes,
                verbose=self.verbose,
            )
            self.bundle_ = run.bundle
        self.verdict_ = run.verdict
        self.feature_names_in_ = list(table.columns)
        self.n_features_in_ = len(table.columns)
        return self

    def sample(self, n: int = 1, *, where: str | None = None, seed: int = 0) -> Any:
        """Rows 0 to n - 1 of a seed as a DataFrame; row i depends on the seed and i alone.

        Arguments:
            n: how many.
            where: what they must meet, such as "sex=Male and age>=30" (`gantlet.where`).
            seed: equal seeds give equal rows.

        Raises UsageError for n below 1, and for conditions that cannot be met.
        """
        check_is_fitted(self)
        if where is not None:
            return sample_where(self.bundle_, n, where, seed=seed).frame
        return sample(self.bundle_, n, seed=seed).frame

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        if self.out is not None:
            yield Path(self.out)
            return
        with tempfile.TemporaryDirectory() as place:
            yield Path(place) / "run"
