"""Scores of generated samples beside those of held-out real ones, taken in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from gantlet.data.dataset import Array, Labels, Rows
from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.evidence import Number, Question

__all__ = ["Scorer", "Side", "Sides", "recognised"]


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
class Sides:
    """The sets of samples of an evaluation, see `Subject`."""

    fake: Side
    train: Side
    reference: Side
    floor: Side | None

    @cached_property
    def matched(self) -> Side:
        """As many generated samples as the floor has: scores depend on how many there are."""
        return self.fake if self.floor is None else self.fake.first(len(self.floor))


def recognised(logits: Tensor, y: Labels) -> Estimate:
    """Share of samples whose likeliest class, by logits (N, K), is y (N,)."""
    hits = logits.argmax(1) == torch.from_numpy(y)
    return wilson(int(hits.sum()), len(hits))


@dataclass(eq=False)
class Scorer:
    """Collects numbers, and says of those that cannot be had why.

    Arguments:
        sides: what is scored.
        extractor: of the features, as numbers carry it.
    """

    sides: Sides
    extractor: str
    numbers: list[Number] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        question: Question,
        names: Sequence[tuple[str, str]],
        scores: Callable[[Side], Sequence[Estimate]],
        *,
        better: Literal["lower", "higher"],
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
            titles = ", ".join(title.lower() for _, title in names)
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
