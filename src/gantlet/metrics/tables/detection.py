"""Whether a forest can tell generated rows from real ones."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from gantlet.errors import UsageError
from gantlet.metrics.auc import auc, auc_error
from gantlet.metrics.estimate import Estimate, normal
from gantlet.metrics.tables.features import Features
from gantlet.metrics.tables.records import Records, joined
from gantlet.metrics.tables.usefulness import some_rows

__all__ = ["detection"]

_FOLDS, _TREES, _FEWEST = 3, 100, 10


def detection(real: Records, made: Records, *, seed: int = 0, most: int = 10_000) -> Estimate:
    r"""Area under the curve of a random forest of 100 trees that tells generated from real rows.

    Three folds: each is scored by a forest that was trained on the two others, features too. The
    area is the mean of the three; 1/2 where rows cannot be told apart, 1 where each can.

    With v_k DeLong's variance of fold k given its forest, that of the mean is taken as
    2/9 \sum_k v_k, twice that of folds that are independent: what two folds have in common by
    chance raises or lowers the area of both, as each has a part in the training of the other. For
    K folds whose areas are sums of such symmetric agreements of pairs the factor is 2 exactly.

    Arguments:
        real, made: rows; as many of both are taken, of the real ones by chance.
        seed: of the choice of rows, the folds and the forests.
        most: rows of either kind.

    Raises:
        UsageError: fewer than 10 rows of either kind, or no column.

    Source: Lopez-Paz and Oquab (2017), Revisiting Classifier Two-Sample Tests,
    https://arxiv.org/abs/1610.06545
    """
    n = min(len(real), len(made), most)
    if n < _FEWEST:
        raise UsageError(
            "rows to tell apart",
            expected=f"at least {_FEWEST} of either kind",
            received=f"{len(real)} and {len(made)}",
        )
    rows = joined(some_rows(real, n, seed), made.take(slice(n)))
    is_made = np.arange(2 * n) >= n
    found = []
    for learned, judged in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(
        is_made, is_made
    ):
        seen = rows.take(learned)
        features = Features(seen)
        forest = RandomForestClassifier(_TREES, random_state=seed)
        forest.fit(features(seen), is_made[learned])
        score = torch.from_numpy(forest.predict_proba(features(rows.take(judged)))[:, 1])
        told = torch.from_numpy(is_made[judged])
        found.append((score[told], score[~told]))
    areas = [auc_error(high, low) for high, low in found]
    error = math.sqrt(2 * sum(e**2 for _, e in areas)) / _FOLDS
    if not error:
        return auc(*(torch.cat(side) for side in zip(*found, strict=True)))
    middle = normal(sum(a for a, _ in areas) / _FOLDS, error, "DeLong over 3 folds")
    return Estimate(middle.value, max(0.0, middle.low), min(1.0, middle.high), middle.how)
