"""Usefulness: what learners learn from generated rows, on real rows that none has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.tables.learners import Learners, scores
from gantlet.metrics.tables.records import Records, joined
from gantlet.metrics.tables.scores import mean
from gantlet.metrics.tables.target import Target, with_target
from gantlet.rng import permutation

__all__ = ["MOST", "Usefulness", "some_rows", "usefulness"]

MOST = 10_000
"""Rows that are learned from, of each kind: more would take minutes."""


@dataclass(frozen=True)
class Usefulness:
    """Mean scores of learners after training on real rows, on generated ones, and on both."""

    real: Estimate
    """The floor of the others."""
    made: Estimate
    both: Estimate
    by_learner: Mapping[str, tuple[float, float, float]]
    """The same for each learner, without intervals."""
    rows: int
    """Real rows that were learned from, and generated ones; as many of both."""
    held_out: int


def usefulness(
    real: Records,
    made: Records,
    held_out: Records,
    target: Target,
    *,
    seed: int = 0,
    learners: Learners | None = None,
    most: int = MOST,
) -> Usefulness:
    """Train on real, on as many generated and on both kinds of rows; test on held-out real ones.

    Everything that is fitted is fitted on the rows that are learned from. Intervals are those of
    chance in the held-out rows, given the models (`metrics.tables.scores`).

    Arguments:
        real, made: rows to learn from; as many of both are taken, of the real ones by chance.
        held_out: real rows that took no part in training anything.
        target: what is predicted.
        seed: of the choice of rows and of the learners.
        learners: in place of SDGym's.
        most: rows of a kind that are learned from.

    Raises:
        UsageError: too few rows, or generated ones of a single class.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN,
    https://arxiv.org/abs/1907.00503
    """
    real, made, held_out = (with_target(rows, target) for rows in (real, made, held_out))
    n = min(len(real), len(made), most)
    if n < 2:
        raise UsageError(
            f"usefulness for {target.name}",
            expected="at least 2 real and 2 generated rows that have it",
            received=f"{len(real)} and {len(made)}",
        )
    real, made = some_rows(real, n, seed), made.take(slice(n))
    found = [
        scores(rows, held_out, target, seed, learners) for rows in (real, made, joined(real, made))
    ]
    floor, own, both = (mean(list(one.values())).estimate for one in found)
    return Usefulness(
        floor,
        own,
        both,
        by_learner={
            name: (found[0][name].value, found[1][name].value, found[2][name].value)
            for name in found[0]
        },
        rows=n,
        held_out=len(held_out),
    )


def some_rows(rows: Records, n: int, seed: int = 0) -> Records:
    """n rows by chance, in their order; all if there are no more."""
    if n >= len(rows):
        return rows
    return rows.take(permutation(seed, "usefulness", 0, len(rows))[:n].sort().values.numpy())
