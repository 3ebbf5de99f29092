"""Usefulness: what learners learn from generated rows, on real rows that none has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.tables.learners import Learners, scores
from gantlet.metrics.tables.records import Records, joined
from gantlet.metrics.tables.scores import Score, difference, mean, over_draws
from gantlet.metrics.tables.target import Target, with_target
from gantlet.rng import permutation

__all__ = ["MOST", "PARTS", "Usefulness", "some_rows", "usefulness"]

MOST, PARTS = 10_000, 5
"""Rows that are learned from, of each kind, as more would take minutes; and in how many parts."""


@dataclass(frozen=True)
class Usefulness:
    """Mean scores of learners after training on real rows, on generated ones, and on both."""

    real: Estimate
    """The floor of the others."""
    made: Estimate
    made_gap: Estimate
    """`made` less `real`, on the same held-out rows."""
    both: Estimate
    both_gap: Estimate
    by_learner: Mapping[str, tuple[float, float, float]]
    """Real, generated and both for each learner, without intervals."""
    rows: int
    """That one learner learned from, of either kind."""
    held_out: int


def usefulness(
    real: Records,
    made: Records,
    held_out: Records,
    target: Target,
    *,
    seed: int = 0,
    learners: Learners | None = None,
    parts: int = PARTS,
    most: int = MOST,
) -> Usefulness:
    """Train on real, on as many generated and on both kinds of rows; test on held-out real ones.

    Rows are learned from in parts that have none in common, by learners of their own, and scores
    are means over the parts: how far they differ tells what the choice of training rows does,
    which a perfect sampler differs by, too (`metrics.tables.scores.over_draws`). One part gives
    the protocol of the paper, with intervals given the models. Everything that is fitted is
    fitted on the rows that are learned from.

    Arguments:
        real, made: rows to learn from; as many of both are taken, of the real ones by chance.
        held_out: real rows that took no part in training anything.
        target: what is predicted.
        seed: of the choice of rows; part r has learners of seed r.
        learners: in place of SDGym's.
        parts: into which the rows are divided.
        most: rows of a kind that are learned from, in all parts together.

    Raises:
        UsageError: too few rows, or generated ones of a single class.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN,
    https://arxiv.org/abs/1907.00503
    """
    real, made, held_out = (with_target(rows, target) for rows in (real, made, held_out))
    n = min(len(real), len(made), most) // parts
    if n < 2:
        raise UsageError(
            f"usefulness for {target.name}",
            expected=f"at least {2 * parts} real and as many generated rows that have it",
            received=f"{len(real)} and {len(made)}",
        )
    real = some_rows(real, n * parts, seed)
    found: list[list[Mapping[str, Score]]] = []
    for part in range(parts):
        own = [rows.take(slice(part * n, (part + 1) * n)) for rows in (real, made)]
        kinds = [*own, joined(*own)]
        found.append([scores(rows, held_out, target, part, learners) for rows in kinds])
    means = [[mean(list(kind.values())) for kind in part] for part in found]
    floors, alone, both = (list(kind) for kind in zip(*means, strict=True))
    return Usefulness(
        real=over_draws(floors),
        made=over_draws(alone),
        made_gap=over_draws(_gaps(alone, floors)),
        both=over_draws(both),
        both_gap=over_draws(_gaps(both, floors)),
        by_learner={name: _each(found, name) for name in found[0][0]},
        rows=n,
        held_out=len(held_out),
    )


def _gaps(scores: Sequence[Score], floors: Sequence[Score]) -> list[Score]:
    return [difference(a, b) for a, b in zip(scores, floors, strict=True)]


def _each(found: Sequence[Sequence[Mapping[str, Score]]], name: str) -> tuple[float, float, float]:
    """A learner's mean over parts for real, generated and both."""
    real, made, both = (fmean(part[kind][name].value for part in found) for kind in range(3))
    return real, made, both


def some_rows(rows: Records, n: int, seed: int = 0) -> Records:
    """n rows by chance, in an order by chance; all if there are no more."""
    return rows.take(permutation(seed, "usefulness", 0, len(rows))[:n].numpy())
