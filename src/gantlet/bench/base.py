"""What a known-answer problem is: who plays it, how it is scored, what others have printed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gantlet.metrics.estimate import Estimate

__all__ = ["Asked", "Measure", "Printed", "Problem", "Row", "Stopped", "Tell"]

Tell = Callable[[str], None]
"""Where sentences on the course of things go."""


class Stopped(Exception):  # noqa: N818 (no error: the person asked for it)
    """A signal ended a run in its middle; what was done is saved."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asks of a problem, beside its own protocol."""

    samples: int | None = None
    """Real samples that each row sees in training; none: the row's own number."""
    settings: tuple[str, ...] = ()
    """Settings for every row, as `train.batch=64`."""
    data: Path | None = None
    """Folder of the data, for problems that are made of some."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One column of a problem's table."""

    title: str
    form: str = ".3f"
    """Format of its numbers."""
    words: Sequence[tuple[float, str]] = ()
    """Words for numbers up to a bound, bounds ascending."""

    def word(self, value: float) -> str:
        """What the number means, where there are words."""
        return next((word for bound, word in self.words if value <= bound), "")


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A row that others have published, cell by cell as printed."""

    name: str
    cells: Mapping[str, str]
    """By the names of the measures."""
    source: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """Who plays a problem."""

    line: str
    """What it is."""
    theory: str = ""
    """What theory says of it."""


@dataclass(frozen=True, kw_only=True)
class Problem(ABC):
    """A problem whose answer is known."""

    line: str
    source: str
    protocol: str
    """How rows are scored, in sentences."""
    measures: Mapping[str, Measure]
    printed: Sequence[Printed] = ()

    @property
    @abstractmethod
    def rows(self) -> Mapping[str, Row]:
        """Who plays, by name."""

    @abstractmethod
    def identity(self, row: str, seed: int, asked: Asked) -> str:
        """A short name of all that a row's result depends on."""

    @abstractmethod
    def play(
        self, row: str, seed: int, asked: Asked, home: Path, tell: Tell
    ) -> Mapping[str, float]:
        """The measures of a row for one seed; with `seconds` and `samples` where it trains.

        Arguments:
            home: folder of the problem; runs that are there are gone on with.

        Raises:
            Stopped: a signal came; the same call goes on.
        """

    @abstractmethod
    def floors(self, asked: Asked, home: Path) -> Mapping[str, Mapping[str, Estimate]]:
        """What perfect samplers score, by their names."""
