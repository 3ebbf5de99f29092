"""When a run looks at its quality: at its ticks, and at fewer where looks take too long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from gantlet.config import Validation
from gantlet.training.validation import Course

__all__ = ["Looks"]

_WORTH = 20.0
"""Seconds of looks up to which their share of the time does not matter."""
_ROUNDING = 1e-6


class Looks:
    """The time that looks take, and how rare they become for it.

    How rare is decided by the clock, and is then a part of the run's course, as the number of
    micro-batches is where memory ran out. What the players learn never depends on it.

    Arguments:
        settings: ticks from look to look, and the share of the time that looks may take.
        clock: seconds.
    """

    def __init__(self, settings: Validation, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self.begin()

    def begin(self) -> None:
        """Count anew from here: a session begins, or looks have become rarer."""
        self._began, self._looking, self._looks, self._ticks = self._clock(), 0.0, 0, 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """The time within is that of a look."""
        start = self._clock()
        try:
            yield
        finally:
            self._looking += self._clock() - start
            self._looks += 1

    def due(self, ticks: int, course: Course) -> bool:
        """Whether a look is due; asked once at each tick.

        Arguments:
            ticks: since the run began.
        """
        self._ticks += 1
        return ticks % self._every(course) == 0

    def thinned(self, course: Course) -> tuple[Course, str]:
        r"""After a look: the course with as many ticks from look to look as keep to the share.

        With l the mean time of a look, t that from tick to tick without it and s the share, these
        are the smallest k with l / (l + k t) <= s.

        Returns:
            The course, and a sentence where the number has grown, else "".
        """
        others = self._clock() - self._began - self._looking
        if self._looking < _WORTH or others <= 0:
            return course, ""
        s, taken = self._settings.share, self._looking / (self._looking + others)
        ratio = self._looking / self._looks / (others / self._ticks)
        every = math.ceil(ratio * (1 - s) / s - _ROUNDING)
        if every <= self._every(course):
            return course, ""
        self.begin()
        return replace(course, every=every), (
            f"Looks took {taken:.0%} of the time: from here on one tick in {every:,} is looked "
            f"at, for {s:.0%} at most (validation.share=1 looks at all)."
        )

    def _every(self, course: Course) -> int:
        return max(self._settings.every, course.every)
