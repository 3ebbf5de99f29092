"""What `benchmarks.tables` measures of generated rows: usefulness, detection, conditions.

Numbers are standardised and categories made one-hots, both as the rows that train have them; a
category that these lack is all zeros. Forests, which care for no scale, have numbers as they are
and categories as codes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

__all__ = ["JUDGES", "apart", "binned", "copies", "detected", "f1", "r2"]

JUDGES: Mapping[str, Any] = {
    "tree": DecisionTreeClassifier(max_depth=15, class_weight="balanced", random_state=0),
    "adaboost": AdaBoostClassifier(random_state=0),
    "logistic": LogisticRegression(class_weight="balanced", max_iter=50),
    "mlp": MLPClassifier(hidden_layer_sizes=(50,), max_iter=50, random_state=0),
}
"""Classifiers with the settings of SDGym's evaluators of two classes."""
REGRESSORS: Mapping[str, Any] = {
    "linear": LinearRegression(),
    "mlp": MLPRegressor(hidden_layer_sizes=(100,), max_iter=50, random_state=0),
}
TREES, DETECTED = 100, 10_000
"""Of the forest that detects; rows of each kind, where there are so many."""
BINS = 10


def _kinds(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    numbers = [c for c in table if pd.api.types.is_numeric_dtype(table[c])]
    return numbers, [c for c in table if c not in numbers]


def _features(table: pd.DataFrame) -> Any:
    numbers, words = _kinds(table)
    spread = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((StandardScaler(), numbers), (spread, words))


def f1(
    train: pd.DataFrame,
    test: pd.DataFrame,
    target: str,
    positive: str,
    *,
    share: float | None = None,
) -> dict[str, float]:
    """F1 of the positive class on test rows, for each of JUDGES and their mean.

    Arguments:
        share: weights of the test rows make the positive class this share of them.
    """
    y, truth = train[target] == positive, (test[target] == positive).to_numpy()
    if y.nunique() < 2:
        return dict.fromkeys([*JUDGES, "mean"], 0.0)
    weight = np.ones(len(test))
    if share is not None:
        weight[truth] = share / (1 - share) * (~truth).sum() / truth.sum()
    features = _features(train.drop(columns=target))
    x, unseen = (
        part(rows.drop(columns=target))
        for part, rows in ((features.fit_transform, train), (features.transform, test))
    )
    found: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, judge in JUDGES.items():
            answer = clone(judge).fit(x, y).predict(unseen)
            found[name] = float(f1_score(truth, answer, sample_weight=weight, zero_division=0))
    return found | {"mean": float(np.mean(list(found.values())))}


def r2(train: pd.DataFrame, test: pd.DataFrame, target: str) -> dict[str, float]:
    """Share of the target's variance on test rows that is explained, for each of REGRESSORS.

    The target is standardised as the rows that train have it; R2 does not depend on that.
    """
    found: dict[str, float] = {}
    mean, spread = train[target].mean(), max(float(train[target].std()), 1e-9)
    y, truth = (train[target] - mean) / spread, (test[target] - mean) / spread
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, judge in REGRESSORS.items():
            model = make_pipeline(_features(train.drop(columns=target)), clone(judge))
            answer = model.fit(train.drop(columns=target), y).predict(test.drop(columns=target))
            found[name] = float(r2_score(truth, answer))
    return found | {"mean": float(np.mean(list(found.values())))}


def detected(real: pd.DataFrame, made: pd.DataFrame) -> float:
    """AUC at which a forest of TREES trees tells real from generated rows, in three folds.

    As many of each, at most DETECTED, in an order drawn for each; 0.5 is chance. Folds are cut
    from that order: a second shuffle of the same seed would undo the first, and a table in the
    order of a map would have its regions as folds.
    """
    count = min(DETECTED, len(real), len(made))
    rows = pd.concat([part.sample(count, random_state=i) for i, part in enumerate((real, made))])
    numbers, words = _kinds(rows)
    codes = OrdinalEncoder()
    x = make_column_transformer(("passthrough", numbers), (codes, words)).fit_transform(rows)
    y = np.repeat([0, 1], count)
    forest = RandomForestClassifier(TREES, random_state=0)
    chance = cross_val_predict(forest, x, y, cv=StratifiedKFold(3), method="predict_proba")[:, 1]
    return float(roc_auc_score(y, chance))


def binned(table: pd.DataFrame, by: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers as tenths of another table's, for total variation."""
    numbers, _ = _kinds(by)
    cuts = {c: np.unique(np.quantile(by[c], np.linspace(0, 1, BINS + 1)[1:-1])) for c in numbers}
    return table.assign(**{c: np.searchsorted(cuts[c], table[c], "right") for c in numbers})


def apart(a: pd.DataFrame, b: pd.DataFrame, without: tuple[str, ...] = ()) -> float:
    """Mean over columns of the total variation between two binned tables."""
    found = []
    for column in a:
        if column not in without:
            p, q = (table[column].value_counts(normalize=True) for table in (a, b))
            found.append(float(p.sub(q, fill_value=0).abs().sum() / 2))
    return float(np.mean(found))


def copies(made: pd.DataFrame, train: pd.DataFrame) -> int:
    """How many rows equal a training row in all columns."""
    return len(made.merge(train.drop_duplicates(), on=list(train)))
