"""What rows tell of those that trained, for `benchmarks.tables`: membership and exact copies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gantlet.metrics.tables.copies import copies
from gantlet.metrics.tables.membership import membership
from gantlet.metrics.tables.records import records
from gantlet.tables import TableTransform

__all__ = ["ATTACKS", "leaks"]

ATTACKS = {
    "distance": "told by distance",
    "density": "told by density",
    "relative": "told with known rows",
}
"""Attackers of `gantlet.metrics.tables.membership`, as the page names them."""


def leaks(made: pd.DataFrame, train: pd.DataFrame, held: pd.DataFrame) -> dict[str, float]:
    """Each attacker's area under the curve, and shares of exact copies of unique training rows.

    All rows pass through one transform of the training rows, whoever made them. Asked for are half
    of the rows held out and as many that trained, drawn by a fixed order; the last attacker
    has the other half. `copies` is of the rows, `held_copies` of those held out.
    """
    transform = TableTransform().fit(train)
    rows, trained, others = (records(table, transform) for table in (made, train, held))
    order = np.random.default_rng(0).permutation
    half = min(len(held) // 2, len(train))
    asked, known = np.split(order(len(held)), [half])
    members = trained.take(order(len(train))[:half])
    told = membership(rows, members, others.take(asked), others.take(known))
    return {
        **{name: told[name].value for name in ATTACKS},
        "copies": copies(rows, trained).share.value,
        "held_copies": copies(others, trained).share.value,
    }
