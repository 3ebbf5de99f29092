"""How long ticks keep a session from training, and the advice where that is long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Pauses"]

_SHARE = 0.05
"""Of the time, at most."""
_WORTH = 60.0
"""Seconds of pauses below which nothing is said."""


class Pauses:
    """The time of ticks, as a part of a session's.

    When a tick comes never depends on it: that is a matter of samples seen, so that a run repeats.

    Arguments:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began, self._paused, self._told = clock, clock(), 0.0, False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """The time within is a pause."""
        start = self._clock()
        try:
            yield
        finally:
            self._paused += self._clock() - start

    def advice(self, tick: int, goal: int | None = None) -> str:
        """Once, where pauses are long and above a twentieth of the time: a sentence; else "".

        Arguments:
            tick: samples from one to the next.
            goal: samples at which the run ends; no longer tick is advised.
        """
        whole = self._clock() - self._began
        share = self._paused / whole if whole > 0 else 0.0
        if self._told or self._paused < _WORTH or share <= _SHARE:
            return ""
        self._told = True
        longer = tick * share / (1 - share) * (1 - _SHARE) / _SHARE
        unit = 10 ** (len(str(int(longer))) - 2)
        told = f"Looks, grids and checkpoints take {share:.0%} of the time. A run that begins with"
        if goal is not None and longer >= goal:
            return f"{told} a larger validation.every makes fewer looks."
        return (
            f"{told} train.tick={math.ceil(longer / unit) * unit} spends {_SHARE:.0%} on them, "
            "one with a larger validation.every makes fewer looks."
        )
