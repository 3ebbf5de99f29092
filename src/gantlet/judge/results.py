"""How often people err: by rater and pooled, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError
from gantlet.judge.answers import Answer, Answers
from gantlet.metrics.estimate import Estimate, wilson

__all__ = ["POOLED", "Results", "Score", "results", "scored"]

POOLED = "all raters"


@dataclass(frozen=True)
class Score:
    """What a rater, or all of them together, got wrong."""

    rater: str
    answers: int
    errors: Estimate
    """Share of wrong answers, HYPE's score: 0.5 where people can only guess."""
    fooled: Estimate | None
    """Share of generated images that passed for real; None where none was answered."""
    doubted: Estimate | None
    """Share of real images that passed for generated."""


@dataclass(frozen=True)
class Results:
    """The answers to one panel, scored."""

    panel: str
    about: Mapping[str, Any]
    """Run, samples seen, weights, seed, n, source of the real images, seconds of the limit."""
    scores: Sequence[Score]
    """Of all raters together, then of each."""

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values."""
        return asdict(self)


def _share(answers: Sequence[Answer]) -> Estimate | None:
    return wilson(sum(a.wrong for a in answers), len(answers)) if answers else None


def scored(rater: str, answers: Sequence[Answer]) -> Score:
    r"""The score of at least one answer.

    errors = (fakes taken for real + reals taken for generated) / answers, with Wilson's interval.
    Pooled answers count as independent, so that the interval is that for these raters: others may
    see better or worse.

    Source: Zhou et al. (2019), HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative
    Models, https://arxiv.org/abs/1904.01121
    """
    return Score(
        rater=rater,
        answers=len(answers),
        errors=wilson(sum(a.wrong for a in answers), len(answers)),
        fooled=_share([a for a in answers if a.generated]),
        doubted=_share([a for a in answers if not a.generated]),
    )


def results(run: str | Path) -> tuple[list[Results], list[str]]:
    """The results of each panel of a run that has answers, and sentences on what was left out.

    Raises UsageError where nothing was judged yet, or the file of answers is damaged.
    """
    store = Answers.of(run)
    if not store.path.exists():
        raise UsageError(
            f"run {run} has no answers yet", remedy=f"Judge its images: gantlet judge {run}"
        )
    known, (answers, altered) = store.panels(), store.all()
    altered += sum(answer.panel not in known for answer in answers)
    found = []
    for key, about in known.items():
        mine = [answer for answer in answers if answer.panel == key]
        raters = list(dict.fromkeys(answer.rater for answer in mine))
        if mine:
            each = [scored(rater, [a for a in mine if a.rater == rater]) for rater in raters]
            found.append(Results(key, about, [scored(POOLED, mine), *each]))
    return found, [_left_out(altered, store.path)] if altered else []


def _left_out(count: int, path: Path) -> str:
    what = "1 answer was" if count == 1 else f"{count:,} answers were"
    return f"{what} altered in {path} since given, and left out."
