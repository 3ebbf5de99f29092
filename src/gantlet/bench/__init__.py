"""Known-answer problems, and tables beside what others have published. One line here each."""

from __future__ import annotations

from collections.abc import Mapping

from gantlet.bench.base import Problem
from gantlet.bench.dirac import DIRAC
from gantlet.bench.gaussians_1200d import GAUSSIANS_1200D
from gantlet.bench.grid import GRID
from gantlet.bench.ring import RING
from gantlet.bench.stacked_mnist import STACKED_MNIST, STACKED_MNIST_TINY
from gantlet.errors import unknown

__all__ = ["PROBLEMS", "problem"]

PROBLEMS: Mapping[str, Problem] = {
    "dirac": DIRAC,
    "ring": RING,
    "grid": GRID,
    "gaussians-1200d": GAUSSIANS_1200D,
    "stacked-mnist": STACKED_MNIST,
    "stacked-mnist-tiny": STACKED_MNIST_TINY,
}


def problem(name: str) -> Problem:
    """The problem of a name; UsageError with the nearest names where there is none."""
    if name not in PROBLEMS:
        raise unknown("problem", name, PROBLEMS)
    return PROBLEMS[name]
