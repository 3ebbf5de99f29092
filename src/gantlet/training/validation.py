"""A look while a run trains: which checkpoint is best, is there still a gain, does it copy?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gantlet.config import Validation
from gantlet.data.dataset import Dataset
from gantlet.data.split import Split, spared
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.extractors import EXTRACTORS, Extractor, Material, Training
from gantlet.metrics.prdc import prdc
from gantlet.rng import some
from gantlet.training.copying import (
    FEWEST,
    Closeness,
    CopyWatch,
    against_one_another,
    against_unseen,
)
from gantlet.training.machine import Machine
from gantlet.training.snapshot import generate

__all__ = ["Course", "Look", "Validator", "beyond", "quality"]

_SEED = 2
"""Of the samples looked at: neither those of the grid nor those of health."""
_FEWEST = 24
"""Samples below which the four shares are not estimated (see `prdc`)."""
_STEPS = 100
"""Of training the extractor `embedded`: a ninth of what an evaluation takes. Ranks of checkpoints
agree as well, and it costs about a hundredth of a training."""


def quality(real: Tensor, fake: Tensor) -> Estimate:
    r"""Precision times coverage of features (N, D) and (M, D), from 0 to 1.

    The share of samples that look real times the share of the data that is covered: neither junk
    nor a few good samples score high. A perfect sampler has about 0.97 times its precision.

    With p and c the two shares, the interval reaches as far below as the root of
    (c (p - p_low))^2 + (p (c - c_low))^2, and above likewise.

    Raises UsageError as `prdc` does.
    """
    shares = prdc(real, fake)
    p, c = shares.precision, shares.coverage
    below = math.hypot(c.value * (p.value - p.low), p.value * (c.value - c.low))
    above = math.hypot(c.value * (p.high - p.value), p.value * (c.high - c.value))
    value = p.value * c.value
    return Estimate(value, value - below, value + above, "of precision and of coverage")


def beyond(better: Estimate, other: Estimate) -> bool:
    """Whether a quality is higher by more than noise: the two intervals do not meet.

    Looks compare with the same real samples and from the same latents, so that they differ by
    less chance than their intervals hold.
    """
    return better.low > other.high


@dataclass(frozen=True)
class Look:
    """What one look at a generator has found."""

    quality: Estimate
    closeness: Closeness | None = None
    """None where copying is not watched."""

    @property
    def copies(self) -> bool:
        """Whether it lies nearer to training samples than chance would have it."""
        return self.closeness is not None and self.closeness.copies

    @property
    def row(self) -> dict[str, float]:
        """For the log."""
        found, near = self.quality, self.closeness
        numbers = {
            "validation": found.value,
            "validation_low": found.low,
            "validation_high": found.high,
        }
        return (
            numbers
            if near is None
            else {**numbers, "copying": near.share, "copying_bound": near.bound}
        )


@dataclass(frozen=True)
class Course:
    """How quality has gone: all that the choice of the best and the end of a run depend on."""

    best: str | None = None
    """Name of the best checkpoint."""
    top: Estimate | None = None
    """Its quality."""
    mark: Estimate | None = None
    """Quality at the last gain beyond noise: small gains add up to one."""
    last: Estimate | None = None
    """Quality at the last look."""
    idle: int = 0
    """Looks since the last gain beyond noise."""
    copies: bool = False
    """Whether the last look found copying."""
    every: int = 1
    """Ticks from one look to the next, at least, since looks took too much of the time."""

    def after(self, name: str, look: Look) -> Course:
        """The course after a look at the checkpoint `name`; one that copies is never the best."""
        found = look.quality
        if look.copies:
            return replace(self, last=found, idle=self.idle + 1, copies=True)
        gained = self.mark is None or beyond(found, self.mark)
        course = replace(
            self,
            mark=found if gained else self.mark,
            last=found,
            idle=0 if gained else self.idle + 1,
            copies=False,
        )
        if self.top is None or found.value > self.top.value:
            course = replace(course, best=name, top=found)
        return course

    def is_idle(self, patience: int | None) -> bool:
        """Whether that many looks have brought no gain beyond noise."""
        return patience is not None and self.idle >= patience

    @property
    def has_fallen(self) -> bool:
        """Whether the last copies, or is worse than the best by more than noise."""
        if self.top is None or self.last is None:
            return False
        return self.copies or beyond(self.top, self.last)

    def told(self, seen: int) -> str:
        """The sentence on a bundle that holds the best generator, which had seen so much."""
        top, last = (0.0 if look is None else look.value for look in (self.top, self.last))
        why = f"higher beyond noise than the last one's {last:.2f}"
        if self.copies:
            why = f"the best of those that do not copy, as the last one does ({last:.2f})"
        return (
            f"The bundle holds the generator at {seen:,} samples, whose quality in validation was "
            f"{top:.2f}, {why}; the last checkpoint is kept too."
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Course:
        """The inverse of `dataclasses.asdict`; keys of other versions count for nothing."""
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        looks = {k: Estimate(**v) for k, v in known.items() if isinstance(v, Mapping)}
        return cls(**{**known, **looks})


class Validator:
    """Compares samples of the averaged players with real ones, always the same.

    They are a part of the samples set aside that no evaluation uses (`spared`), or training
    samples where too few are set aside for that.

    Arguments:
        dataset, split: the data, and which of it is trained on.
        settings: extractor and number of samples.
        cache: folder where trained extractors are kept.
    """

    def __init__(self, dataset: Dataset, split: Split, settings: Validation, cache: Path) -> None:
        self._dataset, self._train, self._cache = dataset, split.train, cache
        self._name = settings.extractor
        most = settings.samples if settings.extractor else 0
        self._recurs = bool(most and settings.copies) and dataset.recurs
        self._copies = 0 if self._recurs else settings.copies
        unseen, _ = spared(split.held_out, dataset.lots, most)
        self._index, self.is_unseen = unseen, len(unseen) > 0
        if not self.is_unseen:
            self._index = split.train[some("validation", len(split.train), most).numpy()]
        self._few = bool(most) and len(self._index) < _FEWEST
        if self._few:
            self._name, self._index, self._copies = None, self._index[:0], 0
        self._unseen = unseen if self.is_unseen else split.held_out

    @property
    def count(self) -> int:
        """Real samples that a look compares with; 0 without validation."""
        return len(self._index)

    @property
    def note(self) -> str:
        """What checkpoints are compared with, as a sentence; "" where none is asked for."""
        n = self.count
        if self._few:
            return (
                f"Checkpoints are not compared, which takes {_FEWEST} samples at least: the "
                "bundle holds the last generator, and stop.patience ends nothing."
            )
        if not n:
            return ""
        if self.is_unseen:
            return (
                f"Checkpoints are compared with {n:,} of the samples set aside, which then take "
                f"no part in an evaluation{self._unwatched}."
            )
        watched = self._unwatched.removeprefix("; ") or "copying is not watched"
        if self._copies and max(len(self._unseen), len(self._train)) >= FEWEST:
            those = "those set aside" if len(self._unseen) else "their distances to one another"
            watched = f"{those} tell of copying"
        return (
            f"Checkpoints are compared with {n:,} training samples, as too few are set aside to "
            f"spare any; {watched}."
        )

    @property
    def _unwatched(self) -> str:
        return "; copying is not watched, as samples recur" * self._recurs

    def prepare(self) -> None:
        """Make the extractor and the features of the real samples that looks compare with.

        Raises UsageError for an extractor that is not installed or does not fit the data.
        """
        if self._name is not None:
            _ = self._reference, self._watch

    @cached_property
    def _reference(self) -> tuple[Extractor, Tensor]:
        """The extractor, and the features of the real samples."""
        material = Material(
            dataset=self._dataset,
            train=self._train,
            training=Training(steps=_STEPS),
            cache=self._cache,
        )
        extractor = EXTRACTORS[str(self._name)].make(material)
        return extractor, extractor.answers(self._dataset.rows(self._index)).features

    @cached_property
    def _watch(self) -> CopyWatch | None:
        if not self._copies:
            return None
        data, train, most = self._dataset, self._train, self._copies
        if not len(self._unseen):
            return against_one_another(data, train, most)
        return against_unseen(self._reference[0], data, train, self._unseen, most)

    def look(self, game: Game, averaged: nn.ModuleDict, machine: Machine) -> Look | None:
        """Quality and closeness of as many samples as there are real ones, with their labels.

        None without validation, with too few samples, or where samples are not finite.

        Arguments:
            averaged: the bundled players, ready for sampling.
        """
        if self._name is None:
            return None
        extractor, real = self._reference
        y = (
            None
            if self._dataset.y is None
            else self._dataset.spec.told(self._dataset.y[self._index])
        )
        spec, count = self._dataset.spec, self.count
        made = generate(game, averaged, spec, machine, seed=_SEED, count=count, y=y)
        try:
            features = extractor.answers(made).features
            found = quality(real, features)
        except UsageError:
            return None
        watch = self._watch
        if watch is None:
            return Look(found)
        if watch.extractor is not extractor:
            features = watch.extractor.answers(made).features
        return Look(found, watch.look(features))
