"""Learners on rows: do they tell generated from real ones, and what do they learn from them?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.evaluation.privacy import MANY, RowReader
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Scorer
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.tables.detection import detection
from gantlet.metrics.tables.rare import rare_gain
from gantlet.metrics.tables.records import Records, joined
from gantlet.metrics.tables.target import Target, chosen_target
from gantlet.metrics.tables.usefulness import MOST, PARTS, Usefulness, some_rows, usefulness
from gantlet.sample import sample
from gantlet.tables.choice_column import ChoiceColumn

__all__ = ["RARE", "score_detection", "score_row_uses"]

RARE = 0.1
"""Share of the training rows below which a class is rare, and more rows of it are tried."""
_DRAWS = 3
_SOURCE = "https://arxiv.org/abs/1907.00503"


def score_detection(scorer: Scorer[RowSide], read: RowReader) -> None:
    """The area under the curve of a forest that tells rows from real ones; 1/2 by chance."""
    real = read.side(scorer.sides.reference)

    def told(side: RowSide) -> Sequence[Estimate]:
        return [detection(real, read.side(side))]

    scorer.add("fidelity", [("forest", "Told apart (random forest)")], told, better="lower",
               source="https://arxiv.org/abs/1610.06545", featured=False)  # fmt: skip


def score_row_uses(
    scorer: Scorer[RowSide], read: RowReader, bundle: Bundle, name: str | None, seed: int
) -> None:
    """What learners learn from generated rows, on real rows set aside; real rows are the floor.

    Arguments:
        scorer: takes the numbers and notes.
        read: the rows.
        bundle: the generator, which may be asked for more rows of a rare class.
        name: the column to predict; chosen by a rule if none is given.
        seed: of more rows.

    Raises:
        UsageError: a named column that is not there or that nothing can be learned of.
    """
    train, floor = read.train(MANY), scorer.sides.floor
    if floor is None:
        scorer.notes.append("Usefulness was not measured: there are too few unseen rows.")
        return
    try:
        target = chosen_target(train, name)
        held_out = joined(read.side(scorer.sides.reference), read.side(floor))
        found = usefulness(train, read.side(scorer.sides.fake), held_out, target)
    except UsageError as error:
        if name is not None:
            raise
        scorer.notes.append(f"Usefulness was not measured ({error})")
        return
    for short, title, value, gap in (
        ("useful", "Trained on rows", found.made, found.made_gap),
        ("augments", "Trained on real and rows", found.both, found.both_gap),
    ):
        scorer.keep("usefulness", short, title, value, found.real, real=found.held_out,
                    made=PARTS * found.rows, better="higher", source=_SOURCE, gap=gap)  # fmt: skip
    scorer.notes.append(_on_target(target, name, found))
    few = some_rows(train, MOST)
    label = _rare_class(read, few, target)
    if label in bundle.spec.classes:
        _score_rare(scorer, few, held_out, target, label, _asked(bundle, read, few, target, seed))


def _on_target(target: Target, name: str | None, found: Usefulness) -> str:
    why = "" if name else " (chosen as the last that suits; --target names another)"
    each = "; ".join(
        f"{learner} {made:.3f} ({real:.3f})"
        for learner, (real, made, _) in found.by_learner.items()
    )
    gap = found.made_gap
    return (
        f"Usefulness is the mean {target.measure} in predicting {target.name}{why} after learning "
        f"from {found.rows:,} rows, {PARTS} times; in brackets from real rows: {each}. "
        f"Generated less real: {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]."
    )


def _counts(train: Records, target: Target) -> tuple[int, int]:
    """Training rows of the rarest and of the commonest class."""
    codes = train.column(target.name)
    return int((codes == target.classes[0]).sum()), int((codes == target.classes[-1]).sum())


def _rare_class(read: RowReader, train: Records, target: Target) -> str:
    """What rows of the rarest class are asked for by; "" where it is not rare."""
    if target.kind == "number" or _counts(train, target)[0] >= RARE * len(train):
        return ""
    column = next(c for c in read.transform.columns_ if str(c.name) == target.name)
    names = column.class_names() if isinstance(column, ChoiceColumn) else []
    return names[target.classes[0]] if names else ""


def _asked(
    bundle: Bundle, read: RowReader, train: Records, target: Target, seed: int
) -> list[Records]:
    """Draws of rows of the rarest class, each as many as make it as common as the commonest."""
    few, many = _counts(train, target)
    label = _rare_class(read, train, target)
    made = sample(bundle, _DRAWS * (many - few), label=label, seed=seed + 1)
    rows = read.frame(made.frame)
    rows = rows.take(rows.column(target.name) == target.classes[0])
    return [rows.take(part) for part in np.array_split(np.arange(len(rows)), _DRAWS)]


def _score_rare(
    scorer: Scorer[RowSide],
    train: Records,
    held_out: Records,
    target: Target,
    label: str,
    draws: Sequence[Records],
) -> None:
    """The gain in F1 of the rarest class by rows of it that the generator was asked for."""
    try:
        found = rare_gain(train, draws, held_out, target, target.classes[0])
    except UsageError as error:
        scorer.notes.append(f"The gain for {label} was not measured ({error})")
        return
    scorer.keep("usefulness", "rare_gain", f"Gain in F1 of {label}", found.gain, None,
                real=len(held_out), made=len(draws[0]), better="higher", source=_SOURCE,
                verdict="a gain" if found.helps else "no gain")  # fmt: skip
    scorer.notes.append(
        f"{label} is rare: {_counts(train, target)[0]:,} of {len(train):,} training rows. With "
        f"{len(draws[0]):,} generated rows of it to learn from, its F1 is "
        f"{found.added.value:.3f}, without {found.without.value:.3f}: "
        f"{'a gain' if found.helps else 'no gain'} beyond chance."
    )
