"""Copying: do samples lie nearer to the training data than unseen real ones do?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.evaluation.scoring import Scorer, Side
from gantlet.metrics.copying import (
    authenticity,
    closer,
    distance_ratio,
    near_share,
    worst_pairs,
)
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Pair
from gantlet.metrics.neighbours import Nearest, distinct, nearest, neighbour_distances

__all__ = ["PAIRS", "score_copying"]

PAIRS = 16
"""Nearest pairs that are shown."""


def score_copying(scorer: Scorer[Side]) -> list[Pair]:
    """Distances to the nearest training sample, against those of unseen real samples.

    Those of the reference are the yardstick; those of the floor are scored like generated ones.
    A sample that is made again counts once: repetition is a matter of coverage, and a thousand
    times the same neighbour would look like a thousand findings.

    Returns:
        The generated samples nearest to training samples; none where there is no floor.
    """
    sides = scorer.sides
    if sides.floor is None:
        scorer.notes.append(
            "Copying was not tested: there are too few unseen samples to compare with."
        )
        return []

    @cache
    def neighbours(side: Side) -> Nearest:
        if side is sides.matched:
            whole, n = neighbours(sides.fake), len(side)
            return Nearest(whole.index[:n], whole.distance[:n])
        return nearest(side.features, sides.train.features)

    @cache
    def once(side: Side) -> Tensor:
        return distinct(torch.from_numpy(side.x[:]).flatten(1))

    @cache
    def near(side: Side) -> Nearest:
        every, chosen = neighbours(side), once(side)
        return Nearest(every.index[chosen], every.distance[chosen])

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

    n, made = len(sides.train), len(once(sides.matched))
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
        made=made,
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
        made=made,
    )
    try:
        pairs = worst_pairs(near(sides.fake), yardstick, PAIRS)
        return [replace(pair, fake=int(once(sides.fake)[pair.fake])) for pair in pairs]
    except UsageError as error:
        scorer.notes.append(f"Nearest pairs are not shown ({error})")
        return []
