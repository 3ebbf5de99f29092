"""What an evaluation found: numbers with floors and verdicts, as data that can be kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from gantlet.errors import UsageError, newer_format
from gantlet.metrics.estimate import Estimate

__all__ = ["FORMAT", "QUESTIONS", "Evidence", "Number", "Pair", "Question"]

FORMAT = 3
"""Of evidence.json; 2: numbers have p; 3: numbers have `of` and `where`, and tables columns."""
_OLDEST = 2
Question = Literal["fidelity", "coverage", "copying", "usefulness"]
QUESTIONS: Mapping[Question, str] = {
    "fidelity": "Does it look real?",
    "coverage": "Does it cover everything?",
    "copying": "Is it copying?",
    "usefulness": "Is it useful?",
}
"""The four questions, in the order in which they are answered."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number about generated samples, with all that is needed to judge it."""

    name: str
    """Short, for tables and JSON: `frechet`."""
    question: Question
    title: str
    """For people: `Fréchet distance`."""
    value: Estimate
    n_real: int
    n_fake: int
    extractor: str
    """Name and hash of what made features of samples, with its preprocessing; "" for none."""
    better: Literal["lower", "higher"]
    floor: Estimate | None = None
    """Held-out real data scored the same way: what a perfect sampler would get."""
    gap: Estimate | None = None
    """`value` less `floor`, where both were scored on the same samples, so that what they share
    cancels: it is what is judged then."""
    p: float | None = None
    """Probability that a perfect sampler is as far beyond the floor, adjusted for all numbers of
    the evaluation (`metrics.multiple.holm`); None before they are judged and without a floor."""
    verdict: str = ""
    """In plain words."""
    source: str = ""
    """The paper: its address."""
    of: int = 1
    """From how many alike it was picked as the surest to be worse: p is of all of them."""
    where: str = ""
    """Which of them it is: `column age`."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generated sample and the training sample nearest to it."""

    fake: int
    """Number of the generated sample."""
    real: int
    """Index of the training sample in the data."""
    distance: float
    """In the extractor's features."""
    ratio: float
    """Over the median distance of held-out samples to their nearest training sample."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that an evaluation of one run found."""

    verdict: str
    """One to three sentences in plain words: whether to trust the samples, and why."""
    numbers: Sequence[Number]
    pairs: Sequence[Pair] = ()
    """The generated samples that lie closest to training samples, closest first."""
    classes: Sequence[Mapping[str, Any]] = ()
    """A row for each class: `name`, `share` in the data, `made` among samples, `accuracy` of
    the labels asked for."""
    columns: Sequence[Mapping[str, Any]] = ()
    """A row for each column of a table: `name`, `kind`, `shape` and its `floor`, `missing` in the
    data and `made` among samples."""
    trends: Sequence[Mapping[str, Any]] = ()
    """A row for each pair of columns: `first`, `second`, `score` and its `floor`, and how they
    depend on each other in the data, `real`, and among samples, `made`."""
    notes: Sequence[str] = ()
    """What was left out, and why."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Run, seed, samples seen, source of the reference, versions, seconds."""

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values; null stands for infinity, which JSON has not."""
        stored = asdict(self)
        for number in stored["numbers"]:
            for estimate in filter(None, (number["value"], number["floor"], number["gap"])):
                estimate |= {k: None for k, v in estimate.items() if v == math.inf}
        return {"format": FORMAT, **stored}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`, lists as tuples; UsageError for another format."""
        values = dict(stored)
        found = values.pop("format")
        if found > FORMAT:
            raise newer_format("an evaluation", found, FORMAT)
        if found < _OLDEST:  # its numbers were judged one by one
            raise UsageError(
                "an evaluation",
                expected=f"format {_OLDEST} or {FORMAT}",
                received=f"format {found}",
                remedy="Evaluate the run again.",
            )
        numbers = tuple(_number(number) for number in values.pop("numbers"))
        pairs = tuple(Pair(**pair) for pair in values.pop("pairs"))
        for name in ("classes", "columns", "trends", "notes"):
            values[name] = tuple(values.get(name, ()))
        return cls(numbers=numbers, pairs=pairs, **values)


def _number(stored: Mapping[str, Any]) -> Number:
    values: dict[str, Any] = {"gap": None, **stored}
    for name in ("value", "floor", "gap"):
        held = values[name]
        values[name] = None if held is None else _estimate(held)
    return Number(**values)


def _estimate(stored: Mapping[str, Any]) -> Estimate:
    values: dict[str, Any] = {k: math.inf if v is None else v for k, v in stored.items()}
    return Estimate(**values)
