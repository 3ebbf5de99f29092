"""Evaluate the rows of a table: each question's scores in turn."""

from __future__ import annotations

from gantlet.evaluation.columns import score_categories, score_columns, score_ranges
from gantlet.evaluation.rows import left_out, row_sides
from gantlet.evaluation.scoring import Findings, Scorer, on_power
from gantlet.evaluation.subject import Subject

__all__ = ["score_table"]


def score_table(subject: Subject) -> Findings:
    """Scores of rows: each function adds its numbers to the scorer, and notes on what it left out.

    Raises UsageError for a table of which no column can be compared.
    """
    scorer = Scorer(row_sides(subject), "")
    scorer.notes += [*subject.notes, *on_power(scorer.sides), *left_out(subject)]
    columns, trends = score_columns(scorer)
    score_ranges(scorer)
    score_categories(scorer)
    return Findings(numbers=scorer.numbers, notes=scorer.notes, columns=columns, trends=trends)
