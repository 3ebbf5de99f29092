"""Evaluate the rows of a table: each question's scores in turn."""

from __future__ import annotations

from collections.abc import Sequence

from gantlet.evaluation.columns import score_categories, score_columns, score_ranges
from gantlet.evaluation.novel import score_novelty
from gantlet.evaluation.privacy import MANY, RowReader, score_privacy
from gantlet.evaluation.row_uses import score_detection, score_row_uses
from gantlet.evaluation.rows import left_out, row_sides, sampled
from gantlet.evaluation.scoring import Findings, Scorer, on_power
from gantlet.evaluation.subject import Subject
from gantlet.metrics.tables.disclosure import attack_on
from gantlet.metrics.tables.target import chosen_target

__all__ = ["score_table"]


def score_table(
    subject: Subject,
    target: str | None = None,
    sensitive: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
) -> Findings:
    """Scores of rows: each function adds its numbers to the scorer, and notes on what it left out.

    Arguments:
        subject: what is evaluated.
        target: the column that learners predict; chosen by a rule if none is given.
        sensitive, known: columns that are guessed, and those that the attacker knows; each column
            and all others if none are given.

    Raises:
        UsageError: a table of which no column can be compared, a target that is not there or
            that nothing can be learned of, columns of an attack that `attack_on` refuses.
    """
    read = RowReader(subject)
    if target is not None:  # before anything that takes time
        chosen_target(read.train(MANY), target)
    attack = attack_on(read.train(MANY), sensitive, known) if sensitive or known else None
    scorer = Scorer(row_sides(subject), "")
    scorer.notes += [
        *subject.notes,
        *sampled(subject),
        *on_power(scorer.sides),
        *left_out(subject),
    ]
    columns, trends = score_columns(scorer)
    score_ranges(scorer)
    score_categories(scorer)
    score_detection(scorer, read)
    score_novelty(scorer)
    score_privacy(scorer, read, attack)
    score_row_uses(scorer, read, subject.bundle, target, subject.about["seed"])
    return Findings(
        numbers=scorer.numbers,
        notes=scorer.notes,
        columns=columns,
        trends=trends,
        rows=scorer.sides,
    )
