"""Copying: do samples lie nearer to the training data than unseen real ones do?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

from gantlet.errors import UsageError
from gantlet.evaluation.scoring import Scorer, Side
from gantlet.metrics.copying import (
    authenticity,
    closer,
    distance_ratio,
    near_share,
    twin_share,
    worst_pairs,
)
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Pair
from gantlet.metrics.neighbours import Nearest, identical, nearest, neighbour_distances

__all__ = ["PAIRS", "score_copying"]

PAIRS = 16
"""Nearest pairs that are shown."""


def score_copying(scorer: Scorer) -> list[Pair]:
    """Distances to the nearest training sample, against those of real samples set aside.

    Half of the samples set aside is the yardstick, the other half, scored like the generated
    ones, the floor.

    Returns:
        The generated samples nearest to training samples; none where nothing was set aside.
    """
    sides = scorer.sides
    if sides.floor is None:
        scorer.notes.append(
            "Copying was not tested: without samples set aside there is nothing to compare with."
        )
        return []

    @cache
    def near(side: Side) -> Nearest:
        if side is sides.matched:
            whole, n = near(sides.fake), len(side)
            return Nearest(whole.index[:n], whole.distance[:n])
        return nearest(side.features, sides.train.features)

    yardstick = near(sides.reference).distance

    def distances(side: Side) -> Sequence[Estimate]:
        found = near(side)
        asked, place = found.index.unique(return_inverse=True)
        gaps = neighbour_distances(sides.train.features, 1, asked)[:, 0]
        return [
            distance_ratio(found.distance, yardstick),
            authenticity(Nearest(place, found.distance), gaps),
        ]

    def nearer(side: Side) -> Sequence[Estimate]:
        d = near(side).distance
        return [closer(d, yardstick).share, near_share(d, yardstick)]

    n = len(sides.train)
    scorer.add(
        "copying",
        [
            ("distance_ratio", "Distance over unseen data's"),
            ("authenticity", "Authenticity"),
        ],
        distances,
        better="higher",
        source="https://arxiv.org/abs/2102.08921",
        against=n,
    )
    scorer.add(
        "copying",
        [
            ("closer", "Nearer than unseen data"),
            ("near", "Among the nearest 5 %"),
        ],
        nearer,
        better="lower",
        source="https://arxiv.org/abs/2004.05675",
        against=n,
    )
    scorer.add(
        "copying",
        [("duplicates", "Exact duplicates")],
        lambda side: [twin_share(identical(torch.from_numpy(side.x[:]).flatten(1)))],
        better="lower",
        source="",
        featured=False,
        against=0,
    )
    try:
        return worst_pairs(near(sides.fake), yardstick, PAIRS)
    except UsageError as error:
        scorer.notes.append(f"Nearest pairs are not shown ({error})")
        return []
