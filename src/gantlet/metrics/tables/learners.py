"""Learners of the usual kinds, and how well they predict after training on some rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.tree import DecisionTreeClassifier

from gantlet.errors import UsageError
from gantlet.metrics.tables.features import Features
from gantlet.metrics.tables.records import Records
from gantlet.metrics.tables.scores import Score, f1, macro_f1, r2
from gantlet.metrics.tables.target import Target

__all__ = ["CLASSIFIERS", "REGRESSORS", "Learners", "predictions", "scores"]

Learners = Mapping[str, Callable[[int], Any]]
"""By name, from a seed to a learner of scikit-learn."""

CLASSIFIERS: Learners = {
    "decision tree": lambda seed: DecisionTreeClassifier(
        max_depth=15, class_weight="balanced", random_state=seed
    ),
    "AdaBoost": lambda seed: AdaBoostClassifier(random_state=seed),
    "logistic regression": lambda seed: LogisticRegression(class_weight="balanced", max_iter=50),
    "MLP": lambda seed: MLPClassifier((50,), max_iter=50, random_state=seed),
}
"""SDGym's four for two classes, with its settings, for any number of classes."""
REGRESSORS: Learners = {
    "linear regression": lambda seed: LinearRegression(),
    "MLP": lambda seed: MLPRegressor((100,), max_iter=50, random_state=seed),
}
"""SDGym's two for numbers; the target is standardised by the training rows."""


def scores(
    train: Records,
    held_out: Records,
    target: Target,
    seed: int = 0,
    learners: Learners | None = None,
) -> dict[str, Score]:
    """The score of each learner that was trained on `train`, on held-out rows.

    F1 of the rarer of two classes, the mean F1 of more that held-out rows have, R^2 of numbers.

    Arguments:
        train, held_out: with the target, see `with_target`.
        target: what is predicted from all other columns.
        seed: of the learners.
        learners: in place of those for the target's kind.

    Raises:
        UsageError: training rows that are all of one class, no held-out rows, no other column.
    """
    found = predictions(train, held_out, target, seed, learners)
    truth = held_out.column(target.name)
    if target.kind == "number":
        return {name: r2(truth, guess) for name, guess in found.items()}
    if target.kind == "binary":
        rare = target.classes[0]
        return {name: f1(truth == rare, guess == rare) for name, guess in found.items()}
    there = [code for code in target.classes if (truth == code).any()]
    return {name: macro_f1(truth, guess, there) for name, guess in found.items()}


def predictions(
    train: Records,
    held_out: Records,
    target: Target,
    seed: int = 0,
    learners: Learners | None = None,
) -> dict[str, NDArray[Any]]:
    """What each learner predicts for held-out rows, (n,); see `scores`."""
    y = train.column(target.name)
    is_number = target.kind == "number"
    fewest = 2 if is_number else len(np.unique(y))
    if fewest < 2 or min(len(train), len(held_out)) < 2:
        raise UsageError(
            f"predicting {target.name}",
            expected="rows of at least two classes to learn from, and held-out rows",
            received=f"{len(train):,} rows of {fewest} to learn from, {len(held_out):,} held out",
        )
    known = train.without(target.name)
    features = Features(known)
    seen, new = features(known), features(held_out.without(target.name))
    middle, scale = (y.mean(), y.std() or 1.0) if is_number else (0, 1)
    asked = learners or (REGRESSORS if is_number else CLASSIFIERS)
    found = {}
    for name, made in asked.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = made(seed).fit(seen, (y - middle) / scale if is_number else y)
        found[name] = model.predict(new) * scale + middle if is_number else model.predict(new)
    return found
