"""What every column of a table promises: cells to stored numbers and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gantlet.spec import Head

__all__ = ["Column", "Stored"]

Stored = NDArray[np.float32]
"""Stored numbers of N rows, (N, R): one for each head."""


class Column(ABC):
    """One fitted column. It holds no row of the table that it was fitted to."""

    form: ClassVar[str]
    """Which of the forms it is: in JSON."""
    name: Any
    """As the table has it: text or a number."""
    kind: str
    """What it is, see `gantlet.tables.words`."""

    @property
    @abstractmethod
    def heads(self) -> tuple[Head, ...]:
        """The typed parts that the column becomes."""

    @abstractmethod
    def encode(self, cells: Any) -> Stored:
        """A pandas column to stored numbers, (N, R)."""

    @abstractmethod
    def decode(self, stored: Stored, first: int) -> Any:
        """Stored numbers to a pandas column of the type that was fitted.

        Arguments:
            stored: shape (N, R).
            first: place of the first row among all that are made, for identifiers.
        """

    def seeded(self, seed: int | None) -> Column:
        """The column by which a sample of this seed is decoded; none: nothing is made up."""
        return self

    @abstractmethod
    def line(self) -> str:
        """What it is, for a person to read: after its name."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values, without `form`."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
