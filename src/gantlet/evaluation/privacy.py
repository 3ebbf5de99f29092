"""Copying of rows: exact copies, distances to training rows, and what attackers find out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

from torch import Tensor

from gantlet.evaluation.copies import score_distances
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Scorer
from gantlet.evaluation.subject import Subject
from gantlet.metrics.copying import beside
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.neighbours import one_of_each
from gantlet.metrics.tables.copies import copies
from gantlet.metrics.tables.disclosure import Attack, disclosure
from gantlet.metrics.tables.gower import Ruler, nearest_rows
from gantlet.metrics.tables.membership import membership
from gantlet.metrics.tables.records import Records, joined, records
from gantlet.rng import some
from gantlet.tables.transform import TableTransform

__all__ = ["MANY", "RowReader", "score_privacy"]

MANY = 100_000
"""Training rows that distances are taken to, and that learners choose from."""
_MEMBERS, _ATTACKED = 5_000, 2_000
"""Training rows whose membership and whose hidden values are asked for."""
_CHANCE = Estimate(0.5, 0.5, 0.5, "exact: generated rows depend on neither kind")
_ATTACKS = {
    "distance": ("Members told by distance", "https://arxiv.org/abs/1909.03935"),
    "density": ("Members told by density", ""),
    "relative": ("Members told with known rows", "https://arxiv.org/abs/2302.12580"),
}
_GOOD = "https://doi.org/10.1093/biomet/40.3-4.237"


class RowReader:
    """Rows of an evaluation as the metrics see them, each side read once."""

    def __init__(self, subject: Subject) -> None:
        self.transform = TableTransform.from_json(subject.bundle.spec.table)
        self._cells = subject.train.frame
        self.side: Callable[[RowSide], Records] = cache(lambda side: self.frame(side.frame))

    def frame(self, table: Any) -> Records:
        """Rows of a pandas DataFrame that has the columns of the run."""
        return records(table, self.transform)

    def train(self, most: int | None = None) -> Records:
        """Training rows, all or some by chance."""
        n = len(self._train)
        if most is None or most >= n:
            return self._train
        return self._train.take(some("evaluation/train", n, most).numpy())

    @cached_property
    def _train(self) -> Records:
        return self.frame(self._cells)


def score_privacy(scorer: Scorer[RowSide], read: RowReader, attack: Attack | None = None) -> None:
    """Numbers of copying of rows; those that need unseen rows only where there are some.

    Arguments:
        scorer: takes the numbers and notes.
        read: the rows.
        attack: which columns are guessed from which; each from all others if none is given.
    """
    sides = scorer.sides
    made, train = read.side(sides.fake), read.train()
    found = copies(made, train)
    scorer.keep("copying", "copies", "Copies of unique rows", found.share, found.chance,
                real=len(train), made=len(made), better="lower", source=_GOOD)  # fmt: skip
    if sides.floor is None:
        scorer.notes.append(
            "Distances to training rows and attacks were not tested: there are too few unseen "
            "rows to compare with."
        )
        return
    _score_distances(scorer, read)
    asked, known = read.side(sides.reference), read.side(sides.floor)
    _score_membership(scorer, made, read.train(_MEMBERS), asked, known)
    _score_disclosure(scorer, made, read.train(_ATTACKED), joined(asked, known), attack)


def _score_distances(scorer: Scorer[RowSide], read: RowReader) -> None:
    """Distances to the nearest training row, against those of unseen real rows.

    As for other samples (`evaluation.copies`): beside those to unseen rows, and of rows that are
    near to the same training row the first.
    """
    train = read.train(MANY)
    ruler = Ruler(train)
    places = ruler.places(train)

    @cache
    def told(side: RowSide) -> Tensor:
        asked = ruler.places(read.side(side))
        other, chosen = scorer.sides.unseen(side)
        unseen = ruler.places(read.side(other).take(chosen.numpy()))
        found = nearest_rows(asked, places), nearest_rows(asked, unseen)
        return beside(*(near.distance for near in found))[one_of_each(found[0].index)]

    score_distances(scorer, told, of="rows", against=len(train), featured=False)
    if len(train) == MANY:
        scorer.notes.append(
            f"Distances are to {MANY:,} of the training rows, drawn by chance: copies of "
            "others are only found where they are exact."
        )


def _score_membership(
    scorer: Scorer[RowSide], made: Records, train: Records, asked: Records, known: Records
) -> None:
    """Attackers who have the generated rows, and one who also has real rows that took no part."""
    for name, area in membership(made, train, asked, known).items():
        title, source = _ATTACKS[name]
        scorer.keep("copying", f"member_{name}", title, area, _CHANCE, better="lower",
                    real=len(train) + len(asked), made=len(made), source=source)  # fmt: skip


def _score_disclosure(
    scorer: Scorer[RowSide],
    made: Records,
    train: Records,
    held_out: Records,
    attack: Attack | None,
) -> None:
    """Each sensitive column in turn hidden, guessed from those that are known."""
    if len(made.names) < 2:
        return
    hidden, known = (None, None) if attack is None else (attack.sensitive, attack.known)
    told = disclosure(made, train, held_out, sensitive=hidden, known=known)
    scorer.keep("copying", "guessed", "Hidden values guessed", told.train, told.held_out,
                real=len(train), made=len(made), better="lower",
                source="https://arxiv.org/abs/2211.10459")  # fmt: skip
    if attack is not None:
        scorer.notes.append(
            f"Hidden values guessed are those of {_listed(attack.sensitive)}, by an attacker who "
            f"knows {'all other columns' if known is None else _listed(known)} of a row; training "
            f"rows give away {told.gain.value:+.3f} [{told.gain.low:+.3f}, {told.gain.high:+.3f}] "
            "more than unseen ones."
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8:,} more" if len(names) > 8 else shown
