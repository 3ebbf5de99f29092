"""Rows that stand for generated ones: fresh from the law of the data, or with a fault."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from gantlet.evaluation.columns import score_categories, score_columns, score_ranges
from gantlet.evaluation.evaluated import DECIDING
from gantlet.evaluation.novel import score_novelty
from gantlet.evaluation.rows import sided
from gantlet.evaluation.scoring import Scorer
from gantlet.evaluation.verdict import judged, overall
from gantlet.metrics.evidence import Number
from gantlet.tables.transform import TableTransform

Fault = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Of fresh rows and of the training rows."""


def law(n: int, seed: int) -> pd.DataFrame:
    """Rows of seven columns that depend on each other, of all kinds, one with missing values."""
    draw = np.random.default_rng(seed)
    age = draw.normal(45, 15, n).round().clip(18, 90)
    pay = np.where(draw.random(n) < 0.2, 0.0, draw.lognormal(3 + age / 60, 0.6).round(1))
    town = np.where(age + draw.normal(0, 20, n) > 50, "Ulm", "Bonn").astype(object)
    town[draw.random(n) < 0.15] = "Köln"
    trade = np.array(["smith", "baker", "clerk", "nurse"])[
        draw.choice(4, n, p=[0.5, 0.25, 0.15, 0.1])
    ]
    owns = draw.random(n) < np.where(town == "Ulm", 0.8, 0.3)
    weight = np.where(draw.random(n) < 0.1, np.nan, draw.normal(60 + 15 * owns, 9).round(1))
    since = pd.Timestamp("2026-01-01") - pd.to_timedelta(
        draw.exponential(2000, n).round(), unit="D"
    )
    return pd.DataFrame(
        {"age": age.astype(int), "pay": pay, "town": town, "trade": trade, "owns": owns,
         "weight": weight, "since": since}
    )  # fmt: skip


def fresh(rows, train):
    """As they come."""
    return rows


def shuffled(rows, train):
    """Every column as it should be, and none knows of the others."""
    draw = np.random.default_rng(0)
    return pd.DataFrame({name: draw.permutation(rows[name].to_numpy()) for name in rows})


def shifted(rows, train):
    """One column of seven lies too high."""
    return rows.assign(weight=rows["weight"] + 9)


def dropped(rows, train):
    """One trade of four is never made."""
    return rows.assign(trade=rows["trade"].where(rows["trade"] != "clerk", "smith"))


def full(rows, train):
    """No value is missing where one in ten should be."""
    return rows.assign(weight=rows["weight"].fillna(rows["weight"].median()))


def copied(rows, train):
    """Half of the rows are training rows."""
    half = len(rows) // 2
    return pd.concat([train.iloc[:half], rows.iloc[half:]], ignore_index=True)


def repeated(rows, train):
    """One row of ten is made again and again."""
    return rows.iloc[np.arange(len(rows)) % (len(rows) * 9 // 10)].reset_index(drop=True)


def beyond(rows, train):
    """One value in ten lies where no value of the data does."""
    beyond = np.arange(len(rows)) % 10 == 0
    return rows.assign(age=rows["age"].where(~beyond, 140))


def invented(rows, train):
    """One town in ten is one that the data do not have."""
    beyond = np.arange(len(rows)) % 10 == 0
    return rows.assign(town=rows["town"].where(~beyond, "Atlantis"))


def constant(rows, train):
    """A column has its commonest value alone."""
    return rows.assign(pay=0.0)


@cache
def known() -> tuple[pd.DataFrame, TableTransform]:
    """Training rows, and the transform that is fitted to them."""
    train = law(1000, seed=1_000_000)
    return train, TableTransform().fit(train)


def found(fault: Fault, n: int, draw: int = 0) -> tuple[dict[str, Number], str]:
    """All numbers by name and the verdict of n rows a side, fresh ones with a fault."""
    train, transform = known()
    rows = law(3 * n, draw)
    fake, reference, floor = (
        rows.iloc[i * n : (i + 1) * n].reset_index(drop=True) for i in range(3)
    )
    fake = fault(fake, train)
    scorer = Scorer(sided(transform, fake=fake, train=train, reference=reference, floor=floor), "")
    score_columns(scorer)
    score_ranges(scorer)
    score_categories(scorer)
    score_novelty(scorer)
    numbers = judged(scorer.numbers)
    return {number.name: number for number in numbers}, overall(numbers, DECIDING)
