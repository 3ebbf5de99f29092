"""What a report shows of a table: its columns, its pairs, some generated rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gantlet.report.marginals import Marginal
from gantlet.spec import DataSpec

__all__ = ["Rows", "cells"]

_LONGEST = 40
"""Letters of a cell that are shown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Columns in numbers, and the first generated rows in words; no real row."""

    spec: DataSpec
    marginals: Sequence[Marginal]
    """All columns that are learned, the worst first."""
    names: Sequence[str]
    """Of the same columns, in the order of the table."""
    header: Sequence[str]
    """Names of all columns."""
    rows: Sequence[Sequence[str]]
    """The first generated rows."""


def cells(frame: Any) -> list[list[str]]:
    """The cells of a pandas DataFrame as short texts, empty for missing ones."""
    shown = frame.astype(object).where(frame.notna(), "")
    return [[_short(str(value)) for value in row] for row in shown.to_numpy().tolist()]


def _short(text: str) -> str:
    text = text.removesuffix(" 00:00:00")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
