"""Scores of generated samples beside those of held-out real ones, taken in the same way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import torch
from torch import Tensor

from gantlet.data.dataset import Array, Labels, Rows
from gantlet.errors import UsageError
from gantlet.evaluation.verdict import in_sentence
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.evidence import Number, Pair, Question
from gantlet.metrics.multiple import deviation
from gantlet.rng import some

__all__ = [
    "MANY",
    "Better",
    "Findings",
    "Picked",
    "S",
    "Scorer",
    "Set",
    "Side",
    "Sides",
    "on_power",
    "picked",
    "recognised",
]


class Set(Protocol):
    """Some samples that can be scored."""

    def __len__(self) -> int:
        """How many."""

    def first(self, n: int) -> Self:
        """The first n samples."""


Better = Literal["lower", "higher"]
S = TypeVar("S", bound=Set)

MANY = 1_000
"""Samples a side from which faults of a few hundredths show."""


@dataclass(frozen=True, eq=False)
class Side:
    """Some samples and what the extractor says of them."""

    x: Array | Rows
    y: Labels | None
    features: Tensor
    """Shape (N, D)."""
    logits: Tensor | None
    """Shape (N, K), of a classifier."""

    def __len__(self) -> int:
        return len(self.x)

    def first(self, n: int) -> Side:
        """The first n samples."""
        y, logits = self.y, self.logits
        return Side(
            self.x[:n],
            None if y is None else y[:n],
            self.features[:n],
            None if logits is None else logits[:n],
        )


@dataclass(frozen=True, eq=False)
class Sides(Generic[S]):
    """The sets of samples of an evaluation, see `Subject`."""

    fake: S
    train: S
    reference: S
    floor: S | None

    @cached_property
    def matched(self) -> S:
        """As many generated samples as the floor has: scores depend on how many there are."""
        return self.fake if self.floor is None else self.fake.first(len(self.floor))

    def unseen(self, side: S) -> tuple[S, Tensor]:
        """Unseen real samples that `side` does not hold, and places of as many for every side.

        They are of the floor beside the reference, and of the reference beside all others; no more
        than training samples, so that what lies off the data is no nearer to the fewer of both.
        """
        assert self.floor is not None
        other = self.floor if side is self.reference else self.reference
        n = min(len(self.floor), len(self.reference), len(self.train))
        return other, some("copying/unseen", len(other), n)


def picked(
    values: Mapping[str, Estimate],
    floors: Mapping[str, Estimate],
    better: Better = "higher",
) -> Picked | None:
    """Of scores by what they are of, the one that is the surest to be worse than its floor."""
    found = {
        name: deviation(values[name], floors[name], better) for name in values if name in floors
    }
    known = [name for name in found if not math.isnan(found[name])]
    if not known:
        return None
    worst = max(known, key=found.__getitem__)
    return Picked(values[worst], floors[worst], len(known), worst)


def recognised(logits: Tensor, y: Labels) -> Estimate:
    """Share of samples whose likeliest class, by logits (N, K), is y (N,)."""
    hits = logits.argmax(1) == torch.from_numpy(y)
    return wilson(int(hits.sum()), len(hits))


def on_power(sides: Sides[S]) -> list[str]:
    """What so few samples cannot tell, as a sentence; nothing where they are many or untold."""
    n = len(sides.matched)
    if sides.floor is None or n >= MANY:
        return []
    return [
        f"{n:,} samples a side show large faults alone: as real data means that no fault of that "
        "size was found. More held-out samples (--data) show smaller ones."
    ]


@dataclass(frozen=True)
class Picked:
    """One of several things that are scored alike: the one whose score is the surest to be bad."""

    value: Estimate
    floor: Estimate
    of: int
    """How many there are."""
    where: str
    """Which it is, in words: `column age`."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the scores of one kind of data come to, before they are judged; see `Evidence`."""

    numbers: Sequence[Number]
    notes: Sequence[str]
    extractor: str = ""
    pairs: Sequence[Pair] = ()
    classes: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    trends: Sequence[Mapping[str, Any]] = ()
    rows: Sides[Any] | None = None
    """Of a table: the sets that were scored."""


@dataclass(eq=False)
class Scorer(Generic[S]):
    """Collects numbers, and says of those that cannot be had why.

    Arguments:
        sides: what is scored.
        extractor: of the features, as numbers carry it.
    """

    sides: Sides[S]
    extractor: str
    numbers: list[Number] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        question: Question,
        names: Sequence[tuple[str, str]],
        scores: Callable[[S], Sequence[Estimate]],
        *,
        better: Better,
        source: str,
        featured: bool = True,
        against: int | None = None,
        made: int | None = None,
    ) -> None:
        """Score generated samples, and the floor in the same way; keep the numbers.

        Arguments:
            question: that the numbers answer.
            names: name and title of each number.
            scores: the numbers of one side; a UsageError leaves them out with a note.
            better: lower or higher.
            source: address of the paper.
            featured: whether they rest on features.
            against: real samples that take part; those of the reference if none are given.
            made: generated samples that take part; all that are scored if none are given.
        """
        fake, floor = self.sides.matched, self.sides.floor
        try:
            found = scores(fake)
            floors = [None] * len(found) if floor is None else scores(floor)
        except UsageError as error:
            titles = ", ".join(in_sentence(title) for _, title in names)
            self.notes.append(f"Left out: {titles} ({error})")
            return
        for (name, title), value, base in zip(names, found, floors, strict=True):
            number = Number(
                name=name,
                question=question,
                title=title,
                value=value,
                floor=base,
                n_real=len(self.sides.reference) if against is None else against,
                n_fake=len(fake) if made is None else made,
                extractor=self.extractor if featured else "",
                better=better,
                source=source,
            )
            self.numbers.append(number)

    def keep(
        self,
        question: Question,
        name: str,
        title: str,
        value: Estimate,
        floor: Estimate | None,
        *,
        real: int,
        made: int,
        better: Better,
        source: str = "",
        gap: Estimate | None = None,
        verdict: str = "",
        of: int = 1,
        where: str = "",
    ) -> None:
        """Keep a number without features that was scored elsewhere; see `Number`."""
        number = Number(
            name=name,
            question=question,
            title=title,
            value=value,
            floor=floor,
            n_real=real,
            n_fake=made,
            extractor="",
            better=better,
            source=source,
            gap=gap,
            verdict=verdict,
            of=of,
            where=where,
        )
        self.numbers.append(number)

    def add_picked(
        self,
        question: Question,
        name: str,
        title: str,
        picked: Picked | None,
        *,
        better: Better = "higher",
        source: str = "",
        against: int | None = None,
    ) -> None:
        """Keep the worst of several things that are scored alike; None where there is none."""
        if picked is None:
            return
        self.keep(
            question,
            name,
            title,
            picked.value,
            picked.floor,
            real=len(self.sides.reference) if against is None else against,
            made=len(self.sides.matched),
            better=better,
            source=source,
            of=picked.of,
            where=picked.where,
        )
