"""Which column is predicted where a table is judged by what can be learned from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gantlet.errors import UsageError
from gantlet.metrics.tables.records import Records

__all__ = ["Target", "chosen_target", "with_target"]

_FEW, _MANY = 20, 100
"""Classes of a target that is chosen, and of any."""


@dataclass(frozen=True)
class Target:
    """A column to predict from all others."""

    name: str
    kind: Literal["binary", "classes", "number"]
    classes: tuple[int, ...] = ()
    """Codes that training rows have, the rarest first."""

    @property
    def measure(self) -> str:
        """What predictions are scored by."""
        return {"binary": "F1", "classes": "macro F1", "number": "R2"}[self.kind]


def chosen_target(train: Records, name: str | None = None) -> Target:
    """The target of that name, or the one that the rule chooses.

    The rule: the last column of choices that has 2 to 20 classes; without one, the last column of
    numbers. That is where tables that were made to learn from have what is to be predicted.

    Arguments:
        train: real training rows.
        name: of a column.

    Raises:
        UsageError: an unknown column, one of a single value or of more than 100 classes; no
            column to choose.
    """
    if name is not None:
        return _named(train, name)
    for own in reversed(train.choice_names):
        if 2 <= len(_classes(train, own)) <= _FEW:
            return _named(train, own)
    for own in reversed(train.number_names):
        if len(np.unique(train.column(own)[~train.absent(own)])) > 1:
            return _named(train, own)
    raise UsageError(
        "a target to predict",
        expected=f"a column with 2 to {_FEW} categories, or one of numbers",
        received=", ".join(train.names) or "no column that is learned",
    )


def _named(train: Records, name: str) -> Target:
    held = train.column(name)[~train.absent(name)]
    if name in train.number_names:
        if len(np.unique(held)) > 1:
            return Target(name, "number")
    else:
        classes = _classes(train, name)
        if 2 <= len(classes) <= _MANY:
            return Target(name, "binary" if len(classes) == 2 else "classes", classes)
    count = len(np.unique(held))
    raise UsageError(
        f"the target {name!r}",
        expected=f"a column of at least 2 values, and of at most {_MANY} categories",
        received=f"{count:,} {'value' if count == 1 else 'values'} among the training rows",
        remedy="Name another column: --target COLUMN",
    )


def _classes(train: Records, name: str) -> tuple[int, ...]:
    codes, counts = np.unique(train.column(name)[~train.absent(name)], return_counts=True)
    return tuple(codes[np.argsort(counts, kind="stable")].tolist())


def with_target(rows: Records, target: Target) -> Records:
    """The rows whose target is there, and a finite number if it is one."""
    there = ~rows.absent(target.name)
    if target.kind == "number":
        there &= np.isfinite(rows.column(target.name))
    return rows.take(there)
