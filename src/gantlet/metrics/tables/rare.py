"""A rare class: do generated rows of it help to recognise it among real ones?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.tables.learners import Learners, predictions
from gantlet.metrics.tables.records import Records, joined
from gantlet.metrics.tables.scores import Score, difference, f1, mean, over_draws
from gantlet.metrics.tables.target import Target, with_target

__all__ = ["Gain", "rare_gain"]


@dataclass(frozen=True)
class Gain:
    """F1 of a class on held-out real rows, with and without generated rows of it to learn from."""

    without: Estimate
    added: Estimate
    gain: Estimate
    """The second less the first, on the same rows: above 0 beyond its interval, or no gain."""

    @property
    def helps(self) -> bool:
        """Whether the gain is more than chance."""
        return self.gain.low > 0


def rare_gain(
    real: Records,
    made: Sequence[Records],
    held_out: Records,
    target: Target,
    rare: int,
    *,
    learners: Learners | None = None,
) -> Gain:
    """The gain in F1 of class `rare` by adding generated rows of it to the real training rows.

    For each draw r of generated rows the learners are trained twice, with seed r: on the real
    rows, and on these and the draw. The gain is the mean over draws, with the interval of
    `over_draws`; both are scored on the same held-out rows, so that what they share cancels.

    That a perfect sampler was at work promises no gain: more rows of a class move the learners
    towards it, and F1 falls where false alarms come faster than hits.

    Arguments:
        real: training rows.
        made: R draws of generated rows of the class, each with as many as are to be added.
        held_out: real rows.
        target: a column of choices.
        rare: the code of the class.
        learners: in place of SDGym's.

    Raises:
        UsageError: no draw, rows of other classes among them, no held-out row of the class.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN,
    https://arxiv.org/abs/1907.00503
    """
    real, held_out = with_target(real, target), with_target(held_out, target)
    truth = held_out.column(target.name) == rare
    foreign = sum(int((rows.column(target.name) != rare).sum()) for rows in made)
    if not made or foreign or not truth.any():
        raise UsageError(
            f"gain for a class of {target.name}",
            expected="draws of rows of that class alone, and held-out rows of it",
            received=f"{len(made)} draws with {foreign:,} rows of other classes, "
            f"{int(truth.sum())} held-out rows",
        )

    def scored(rows: Records, seed: int) -> Score:
        found = predictions(rows, held_out, target, seed, learners)
        return mean([f1(truth, guess == rare) for guess in found.values()])

    without = [scored(real, seed) for seed in range(len(made))]
    added = [scored(joined(real, rows), seed) for seed, rows in enumerate(made)]
    gains = [difference(a, b) for a, b in zip(added, without, strict=True)]
    return Gain(over_draws(without), over_draws(added), over_draws(gains))
