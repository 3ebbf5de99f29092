"""Copying: do samples lie nearer to the training data than unseen real ones do?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.evaluation.scoring import Better, S, Scorer, Side
from gantlet.metrics.copying import (
    authenticity,
    beside,
    closer,
    distance_ratio,
    near_share,
    worst_pairs,
)
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Pair
from gantlet.metrics.neighbours import (
    Nearest,
    distinct,
    nearest,
    neighbour_distances,
    one_of_each,
)

__all__ = ["PAIRS", "score_copying", "score_distances"]

PAIRS = 16
"""Nearest pairs that are shown."""
_FEWEST = 20
"""Samples near to different ones below which intervals of means and orders mean little."""
_SOURCE = "https://arxiv.org/abs/2004.05675"


def score_copying(scorer: Scorer[Side]) -> list[Pair]:
    """Distances to the nearest training sample, against those of unseen real samples.

    All but authenticity, which no verdict rests on, are told beside the distance to an unseen
    sample (`metrics.copying.beside`): a generator that collapsed to the middle of the data is near
    to all of them, and copies none. Samples near to the same training sample count once:
    repetition is a matter of coverage, and a thousand times the same neighbour would look like a
    thousand findings.

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
    def both(side: Side) -> tuple[Nearest, Tensor]:
        known, (other, places) = neighbours(side), sides.unseen(side)
        unseen = nearest(side.features, other.features[places])
        apart = one_of_each(known.index)
        told = beside(known.distance[apart], unseen.distance[apart])
        return Nearest(known.index[apart], known.distance[apart]), told

    def authentic(side: Side) -> Sequence[Estimate]:
        found, _ = both(side)
        gaps = neighbour_distances(sides.train.features, 1, found.index)[:, 0]
        return [
            authenticity(
                Nearest(torch.arange(len(gaps), device=gaps.device), found.distance), gaps
            )
        ]

    scorer.add(
        "copying",
        [("authenticity", "Authenticity")],
        authentic,
        better="higher",
        source="https://arxiv.org/abs/2102.08921",
        against=len(sides.train),
        made=len(both(sides.matched)[1]),
    )
    score_distances(scorer, lambda side: both(side)[1], of="data", against=len(sides.train))
    return _pairs(scorer, neighbours)


def score_distances(
    scorer: Scorer[S],
    told: Callable[[S], Tensor],
    *,
    of: str,
    against: int,
    featured: bool = True,
) -> None:
    """Numbers of distances to training samples; those of the reference are the yardstick.

    Arguments:
        scorer: takes the numbers; its sides have a floor.
        told: what `metrics.copying.beside` gives for samples of a side near to different ones.
        of: `data` or `rows`.
        against: training samples that distances are taken to.
        featured: whether they are distances of features.
    """
    sides = scorer.sides
    assert sides.floor is not None
    yardstick, made = told(sides.reference), len(told(sides.matched))

    def add(name: str, title: str, better: Better, score: Callable[[Tensor], Estimate]) -> None:
        scorer.add(
            "copying",
            [(name, title)],
            lambda side: [score(told(side))],
            better=better,
            source=_SOURCE,
            featured=featured,
            against=against,
            made=made,
        )

    if min(made, len(told(sides.floor)), len(yardstick)) < _FEWEST:
        scorer.notes.append(
            f"Mean and order of distances to training {of} were not compared: it takes {_FEWEST} "
            f"samples a side that are near to different ones, and {made} generated ones are."
        )
    else:
        title = "Distance over unseen " + ("data's" if of == "data" else "rows'")
        add("distance_ratio", title, "higher", lambda d: distance_ratio(d, yardstick))
        add("closer", f"Nearer than unseen {of}", "lower", lambda d: closer(d, yardstick).share)
    add("near", "Among the nearest 5 %", "lower", lambda d: near_share(d, yardstick))


def _pairs(scorer: Scorer[Side], neighbours: Callable[[Side], Nearest]) -> list[Pair]:
    """The generated samples nearest to training samples, each once."""
    fake, reference = scorer.sides.fake, scorer.sides.reference
    once = distinct(torch.from_numpy(fake.x[:]).flatten(1))
    every = neighbours(fake)
    near = Nearest(every.index[once], every.distance[once])
    try:
        pairs = worst_pairs(near, neighbours(reference).distance, PAIRS)
        return [replace(pair, fake=int(once[pair.fake])) for pair in pairs]
    except UsageError as error:
        scorer.notes.append(f"Nearest pairs are not shown ({error})")
        return []
