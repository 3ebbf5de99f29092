"""Specs and made-up data of tables, for tests that run over every network, game and recipe."""

from __future__ import annotations

from typing import Any

import numpy as np

from gantlet.spec import DataSpec, Head

__all__ = ["RECIPES_FOR_TABLES", "TABLE", "rows", "spec_for"]

RECIPES_FOR_TABLES = ("ctgan", "table", "table-private")

TABLE = DataSpec(
    kind="table",
    shape=(9,),
    dtype="float32",
    low=-1.0,
    high=1.0,
    heads=(
        Head(name="age"),
        Head(name="age/mode", width=4),
        Head(name="sex", width=3, is_condition=True),
        Head(name="income"),
    ),
)
"""Two numbers, a mode, and one choice of three that can be asked for."""


def spec_for(recipe: str, other: DataSpec) -> DataSpec:
    """The spec that a recipe is played on: a table, or the other one."""
    return TABLE if recipe in RECIPES_FOR_TABLES else other


def rows(n: int = 240) -> Any:
    """A pandas table of all kinds of columns that are learned."""
    import pandas as pd

    draw = np.random.default_rng(0)
    colour = draw.choice(["red", "green", "blue"], n, p=[0.6, 0.3, 0.1])
    age = draw.normal(40, 10, n).round().clip(18, 90)
    gain = np.where(draw.random(n) < 0.7, 0.0, draw.lognormal(5, 1, n).round(2))
    member = pd.array(np.where(draw.random(n) < 0.1, None, age > 40), dtype="boolean")
    born = pd.Timestamp("2026-01-01") - pd.to_timedelta(age * 365, unit="D")
    return pd.DataFrame(
        {"age": age.astype(int), "gain": gain, "colour": colour, "member": member, "born": born}
    )
