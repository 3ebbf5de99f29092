"""Columns of a label file as conditions: flags, numbers, levels and choices, and their law."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet import forest
from gantlet.errors import UsageError
from gantlet.labels import WORDS, in_words
from gantlet.spec import Condition
from gantlet.tables.words import FEWEST

__all__ = ["Attributes", "fitted", "with_law"]

Numbers = NDArray[np.float64]

_LEVELS = 24
"""A column of no more different numbers, of `FEWEST` images each, is drawn at these alone."""
_KNOTS = 9
_LARGEST = float(np.finfo(np.float32).max)
_MISSING = ("", "na", "n/a", "nan", "null")


@dataclass(frozen=True, eq=False)
class Attributes:
    """Conditions and their values, (N, K), a choice by its number."""

    conditions: tuple[Condition, ...]
    values: NDArray[np.float32]
    notes: tuple[str, ...]


def fitted(source: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Attributes:
    """Conditions from what a label file says of images; columns that are constant are left out.

    Words such as yes and false, 0 and 1, or -1 and 1 make a flag; other numbers a number, or a
    level where few values come again and again; other text a choice.

    Arguments:
        source: the label file, for errors.
        names: of the images.
        rows: the cell of each column, for each image.

    Raises:
        UsageError: a cell that is missing or unlike those above it, text that differs from image
            to image, columns that are all constant.
    """
    known = dict.fromkeys(name for row in rows for name in row)
    conditions, columns, constant = list[Condition](), list[Numbers](), list[str]()
    for name in known:
        cells = _cells(source, name, names, [row.get(name) for row in rows])
        found = _column(source, name, cells, names)
        if found is None:
            constant.append(name)
        else:
            conditions.append(found[0])
            columns.append(found[1])
    if not conditions:
        raise UsageError(
            f"the label file {source}",
            expected="a column beside the file names whose values differ",
            received=f"the same everywhere in {', '.join(constant)}" if constant else "no other",
        )
    told = [f"Conditions of {source}: {', '.join(map(_about, conditions, columns))}."]
    if constant:
        told.append(f"Columns that are the same everywhere are left out: {', '.join(constant)}.")
    return Attributes(tuple(conditions), np.stack(columns, 1).astype(np.float32), tuple(told))


def with_law(
    conditions: Sequence[Condition], values: NDArray[np.float32]
) -> tuple[Condition, ...]:
    """Conditions that know how they are drawn, from values (N, K): see `gantlet.forest`.

    Which of them go together is kept by pairs, and only of pairs that `FEWEST` images have.
    """
    columns = zip(conditions, values.T.astype(np.float64), strict=True)
    codes = [condition.part(condition.place(column)) for condition, column in columns]
    law = forest.fitted(codes, [condition.parts for condition in conditions], FEWEST)
    return tuple(
        replace(
            condition,
            shares=tuple((np.bincount(code, minlength=condition.parts) / len(code)).tolist()),
            after=parent,
            given=tuple(map(tuple, shares.tolist())) if parent >= 0 else (),
        )
        for condition, code, (parent, shares) in zip(conditions, codes, law, strict=True)
    )


def _cells(source: str, name: str, images: Sequence[str], given: Sequence[Any]) -> list[str]:
    """A column as text; UsageError where a cell holds no value, or several."""
    cells = ["" if cell is None else str(cell).strip() for cell in given]
    for image, cell, value in zip(images, cells, given, strict=True):
        if cell.lower() in _MISSING or isinstance(value, list | dict):
            received = cell if isinstance(value, list | dict) else "none"
            raise _wrong(source, name, "a value for each image", f"{received} for {image!r}")
    return cells


def _column(
    source: str, name: str, cells: Sequence[str], images: Sequence[str]
) -> tuple[Condition, Numbers] | None:
    """A column as a condition, and its values; None where they are all the same."""
    words = [WORDS.get(cell.lower()) for cell in cells]
    numbers = words if None not in words else [_number(cell) for cell in cells]
    if all(number is None for number in numbers):
        return None if len(set(cells)) == 1 else _choice(source, name, cells)
    for image, cell, number in zip(images, cells, numbers, strict=True):
        if number is None or not abs(number) <= _LARGEST:
            raise _wrong(source, name, "a number for each image", f"{cell!r} for {image!r}")
    values = np.array(numbers, float)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return None
    if set(distinct) in ({0, 1}, {-1, 1}):
        return Condition(name=name, kind="flag"), (values > 0).astype(float)
    if len(distinct) <= _LEVELS and counts.min() >= FEWEST:
        return Condition(name=name, kind="level", knots=tuple(distinct.tolist())), values
    if len(values) <= FEWEST:
        expected = (
            f"more than {FEWEST} images with numbers, whose range is told by means of so many"
        )
        raise _wrong(source, name, expected, f"{len(values)} images")
    return Condition(name=name, kind="number", knots=_knots(values)), values


def _choice(source: str, name: str, cells: Sequence[str]) -> tuple[Condition, Numbers]:
    names = sorted(set(cells))
    if 2 * len(names) > len(cells):
        raise _wrong(
            source,
            name,
            "numbers, yes or no, or names that images have in common",
            f"{len(names):,} different texts for {len(cells):,} images, first {cells[0]!r}",
        )
    places = {text: i for i, text in enumerate(names)}
    values = np.array([places[cell] for cell in cells], float)
    return Condition(name=name, kind="choice", names=tuple(names)), values


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _knots(values: Numbers) -> tuple[float, ...]:
    """Nine quantiles, each the mean of `FEWEST` neighbours; the ends rounded outward."""
    values = np.sort(values)
    window = min(FEWEST, len(values))
    starts = np.rint(np.linspace(0, len(values) - window, _KNOTS)).astype(int)
    means = np.array([values[start : start + window].mean() for start in starts])
    step = 10.0 ** (math.floor(math.log10(means[-1] - means[0])) - 1)
    low, high = math.floor(round(means[0] / step, 6)), math.ceil(round(means[-1] / step, 6))
    ends = (float(f"{end * step:.12g}") for end in (low, high))  # 29 * 0.1 is not 2.9
    return tuple(np.unique([*ends, *means[1:-1]]).tolist())


def _about(condition: Condition, values: Numbers) -> str:
    if condition.kind == "flag":
        return f"{condition.name} (yes for {values.mean():.0%})"
    if condition.kind != "number":
        return in_words(condition)
    beyond = ((values < condition.knots[0]) | (values > condition.knots[-1])).sum()
    return in_words(condition, f"; {beyond:,} beyond count as these" if beyond else "")


def _wrong(source: str, column: str, expected: str, received: str) -> UsageError:
    return UsageError(
        f"column {column!r} of the label file {source}",
        expected=expected,
        received=received,
        remedy="Mend it, or name the columns to take: data.conditions=[...]",
    )
