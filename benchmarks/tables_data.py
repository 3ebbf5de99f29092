"""The tables of `benchmarks.tables`: rows that train, rows held out, and what is asked of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common import ROOT

__all__ = ["RARE", "Condition", "Table", "adult", "california", "conditions", "imbalanced", "once"]

ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status"),
    *("occupation", "relationship", "race", "sex", "capital-gain", "capital-loss"),
    *("hours-per-week", "native-country", "income"),
)
POSITIVE = ">50K"
RARE = 0.01
"""Share of the rare class in the imbalanced table."""
MANY, PAIRS = 500, 10
"""Rows that a condition needs in the training table; how many pairs are asked for."""


@dataclass(frozen=True)
class Table:
    """A table in two parts, and the column that is to be told from the others."""

    name: str
    target: str
    train: pd.DataFrame
    held: pd.DataFrame

    @property
    def discrete(self) -> list[str]:
        """Columns of words."""
        kinds = pd.api.types.is_numeric_dtype
        return [column for column in self.train if not kinds(self.train[column])]


@dataclass(frozen=True)
class Condition:
    """Categories of one or two columns."""

    name: str
    values: Mapping[str, str]

    @property
    def where(self) -> str:
        """As `sample` takes it."""
        return " and ".join(f'"{column}"="{value}"' for column, value in self.values.items())

    def holds(self, table: pd.DataFrame) -> pd.Series:
        """Which rows meet it."""
        met = pd.Series(True, index=table.index)
        for column, value in self.values.items():
            met &= table[column] == value
        return met


def _folder() -> Path:
    folder = Path(os.environ.get("GANTLET_DATA", ROOT.parent / "shared" / "data")) / "tabular"
    if not folder.is_dir():
        raise SystemExit("no tables: set GANTLET_DATA to the folder that holds tabular/*.csv")
    return folder


def _thirds(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two thirds that train and a third that is held out, by a fixed order."""
    order = np.random.default_rng(0).permutation(len(table))
    held = len(table) // 3
    parts = (table.iloc[np.sort(rows)] for rows in (order[held:], order[:held]))
    train, rest = (part.reset_index(drop=True) for part in parts)
    return train, rest


def adult(*, official: bool, measured: bool) -> Table:
    """Census rows of 1994, income above 50,000 dollars or not.

    Arguments:
        official: the training split whole; else two thirds of it train and one is held out.
        measured: read the official test split, if it is that; else no row is held out.
    """
    read = {"header": None, "names": list(ADULT), "skipinitialspace": True}
    table = pd.read_csv(_folder() / "adult-train.csv", **read)
    if not official:
        return Table("adult", "income", *_thirds(table))
    if not measured:
        return Table("adult", "income", table, table.iloc[:0])
    test = pd.read_csv(_folder() / "adult-test.csv", comment="|", **read)
    test["income"] = test["income"].str.rstrip(".")
    return Table("adult", "income", table, test)


def california() -> Table:
    """Districts of 1990 and the median value of their houses; rows with a missing number left out.

    The peer refuses them.
    """
    table = pd.read_csv(_folder() / "california-housing.csv").dropna(ignore_index=True)
    return Table("california", "median_house_value", *_thirds(table))


def imbalanced(table: Table, seed: int) -> Table:
    """The table with so few training rows of the positive class that they are RARE of all."""
    rare = table.train[table.train[table.target] == POSITIVE]
    others = table.train.drop(rare.index)
    kept = rare.sample(round(RARE / (1 - RARE) * len(others)), random_state=seed)
    train = pd.concat([others, kept]).sample(frac=1, random_state=seed, ignore_index=True)
    return Table(f"rare-{seed}", table.target, train, table.held)


def conditions(table: Table) -> list[Condition]:
    """Each category of MANY training rows, and the PAIRS most common pairs of categories."""
    rows = table.train
    found = [{c: v} for c in table.discrete for v in _common(rows[c])]
    counts: dict[tuple[tuple[str, str], ...], int] = {}
    for pair in combinations(table.discrete, 2):
        for values, count in rows.groupby(list(pair)).size().items():
            counts[tuple(zip(pair, values, strict=True))] = int(count)
    most = sorted((key for key in counts if counts[key] >= MANY), key=lambda key: -counts[key])
    found += [dict(key) for key in most[:PAIRS]]
    return [Condition(f"where-{i}", values) for i, values in enumerate(found)]


def _common(column: pd.Series) -> Iterator[str]:
    counts = column.value_counts()
    yield from counts[counts >= MANY].index


def once(folder: Path, again: bool, argv: Sequence[str]) -> None:
    """Note that the official test split is read; refuse if it has been read for these results."""
    note = folder / "test-split-read.json"
    if note.exists() and not again:
        raise SystemExit(
            f"the official test split was read for these results: {note.read_text('utf-8')}"
            " (--again reads it once more)"
        )
    said = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "command": " ".join(argv)}
    with note.open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")
