"""Membership inference: can it be told from generated rows who was trained on?

An attacker gives rows a score, and what counts is how well it orders training rows before
held-out ones: the area under its curve. A sampler that is perfect draws independently of both,
so that the area is 1/2 on average, however many rows it made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gantlet.metrics.auc import cautious_auc
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.tables.gower import Ruler, some_nearest
from gantlet.metrics.tables.records import Records

__all__ = ["ATTACKS", "density", "distance", "membership", "relative"]


def distance(near: Tensor) -> Tensor:
    """Distance to the nearest generated row, from those to the k nearest, (N, k) -> (N,).

    Source: Chen et al. (2020), GAN-Leaks: A Taxonomy of Membership Inference Attacks against
    Generative Models, https://arxiv.org/abs/1909.03935
    """
    return near[:, 0]


def density(near: Tensor) -> Tensor:
    """Distance to the nearest generated row over that to the k-th, (N, k) -> (N,).

    Small where generated rows are denser at the row itself than around it, which a sampler that
    learns rows by heart makes them; rows that are rare everywhere do not count as strange. 0 / 0
    is 1: a row that recurs tells of no one.
    """
    first, last = near[:, 0], near[:, -1]
    return torch.where(last > 0, first / last, torch.ones_like(first))


ATTACKS: Mapping[str, Callable[[Tensor], Tensor]] = {"distance": distance, "density": density}
"""Attackers that have nothing but generated rows; low scores for those taken for members."""


def relative(near: Tensor, known: Tensor) -> Tensor:
    """Distance to the nearest generated row over that to the nearest of known real rows, (N,).

    The attacker also has real rows of the same law that took no part in training. 0 / 0 is 1.

    Arguments:
        near: distances to the nearest generated rows, (N, k).
        known: distances to the nearest known rows, (N,).

    Source: van Breugel et al. (2023), Membership Inference Attacks against Synthetic Data through
    Overfitting Detection, https://arxiv.org/abs/2302.12580
    """
    first = near[:, 0]
    ratio = first / known.to(first)
    return torch.where(ratio.isnan(), torch.ones_like(ratio), ratio)


def membership(
    made: Records, train: Records, held_out: Records, known: Records | None = None
) -> dict[str, Estimate]:
    """How well each attacker tells training rows from held-out ones: 1/2 is by chance, 1 always.

    Distances are Gower's with ranks among generated rows, k = sqrt(M) of M generated rows.
    Intervals are those of `metrics.auc.cautious_auc`, given the generated rows.

    Arguments:
        made: generated rows, all that the attacker has.
        train, held_out: rows whose membership is asked for; any number of each.
        known: real rows that were neither trained on nor asked for; none: no attack by `relative`.

    Raises:
        UsageError: fewer than two rows of a kind.
    """
    ruler = Ruler(made)
    places, k = ruler.places(made), max(1, math.isqrt(len(made)))
    asked = [ruler.places(rows) for rows in (train, held_out)]
    near = [some_nearest(rows, places, k) for rows in asked]
    scores = {name: [attack(d) for d in near] for name, attack in ATTACKS.items()}
    if known is not None:
        theirs = ruler.places(known)
        beside = [some_nearest(rows, theirs, 1)[:, 0] for rows in asked]
        scores["relative"] = [relative(d, e) for d, e in zip(near, beside, strict=True)]
    return {name: cautious_auc(others, members) for name, (members, others) in scores.items()}
