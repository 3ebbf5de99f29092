"""Exact copies: how many generated rows equal a training row that is there once?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.tables.records import Keys, Records, keys

__all__ = ["Copies", "copies", "fresh_copies"]


@dataclass(frozen=True)
class Copies:
    """Rows that equal a unique training row, and how many do by chance."""

    share: Estimate
    """Of the rows."""
    chance: Estimate
    """Of fresh rows of the same law: what a perfect sampler has."""


def copies(rows: Records, train: Records) -> Copies:
    """Share of rows that equal a training row which occurs once, beside that of fresh rows.

    A row that many training rows share tells of no one of them. Rows that copy come in groups by
    the training row that they copy, and groups are what is independent: with c the mean size of
    a group, the interval is Wilson's for N / c trials.

    Raises UsageError for fewer than two rows or training rows.
    """
    if min(len(rows), len(train)) < 2:
        raise UsageError(
            "exact copies",
            expected="at least 2 rows and 2 training rows",
            received=f"{len(rows)} and {len(train)}",
        )
    both = np.unique(np.concatenate([keys(rows), keys(train)]), return_inverse=True)[1]
    own, known = both[: len(rows)], both[len(rows) :]
    counts = np.bincount(known, minlength=int(both.max()) + 1)
    hits = own[counts[own] == 1]
    groups = len(np.unique(hits))
    size = len(hits) / groups if groups else 1.0
    over = wilson(groups, max(groups, round(len(rows) / size)))
    share = Estimate(len(hits) / len(rows), over.low, over.high, "Wilson over groups of copies")
    return Copies(share, fresh_copies(known))


def fresh_copies(train: Keys) -> Estimate:
    """The share of fresh rows that equal a row which occurs once among n: 2 N_2 / n.

    N_2 is the number of different rows that occur exactly twice. Each row in turn is fresh to the
    others, and equals one that is there once if it is one of a pair. Pairs are what is
    independent: Wilson's interval for n / 2 trials.

    Arguments:
        train: one value a row, equal for equal rows, (n,).

    Source: Good (1953), The Population Frequencies of Species and the Estimation of Population
    Parameters, https://doi.org/10.1093/biomet/40.3-4.237
    """
    pairs = int((np.unique(train, return_counts=True)[1] == 2).sum())
    n = len(train)
    over = wilson(pairs, max(1, n // 2))
    return Estimate(2 * pairs / n, over.low, over.high, "Wilson over pairs of equal rows")
