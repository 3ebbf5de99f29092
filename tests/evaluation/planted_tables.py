"""Runs on tables whose generator is known: it draws rows from a pool, fresh ones or others."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

import gantlet
from gantlet.data import open_data
from gantlet.games.base import Game, Losses, Phase
from gantlet.spec import DataSpec
from gantlet.tables.transform import TableTransform

__all__ = ["data", "game", "run"]


def data(n=3000, seed=0, rare=0.3) -> pd.DataFrame:
    """Numbers and choices that depend on each other; `ill` is what can be predicted."""
    draw = np.random.default_rng(seed)
    ill = draw.random(n) < rare
    age = (45 + 12 * draw.normal(size=n) + 10 * ill).round().clip(18, 90).astype(int)
    dose = np.where(draw.random(n) < 0.6, 0.0, np.exp(draw.normal(size=n) + ill)).round(3)
    town = draw.choice(["Ulm", "Bonn", "Jena", "Hof"], n, p=[0.4, 0.3, 0.2, 0.1])
    weight = 70 + 10 * draw.normal(size=n) + 0.2 * age
    return pd.DataFrame(
        {"age": age, "weight": weight.round(2), "dose": dose, "town": town,
         "ill": np.where(ill, "yes", "no")}
    )  # fmt: skip


class Pool(nn.Module):
    """From z (B, 1) to rows of a pool, encoded; it has a weight that never matters."""

    def __init__(self, spec: DataSpec, pool: pd.DataFrame) -> None:
        super().__init__()
        rows = TableTransform.from_json(spec.table).transform(pool)
        self.encode, self.rows = spec.encode, torch.from_numpy(rows)
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        place = torch.special.ndtr(z[:, 0].double()) * len(self.rows)
        chosen = self.rows[place.long().clamp(0, len(self.rows) - 1)]
        return self.encode(chosen) + 0 * self.idle


def game(spec: DataSpec, pool: pd.DataFrame) -> Game:
    """A game that trains nothing that matters; what it is asked for it ignores."""
    players = nn.ModuleDict({"generator": Pool(spec, pool)})

    def loss(players, turn):
        made = players["generator"](turn.noise("z", (1,)))
        return Losses(made.square().mean(1) + players["generator"].idle.square())

    return Game(
        players=players,
        phases=[Phase(name="generator", trains=["generator"], loss=loss)],
        sample=lambda players, query: players["generator"](query.noise("z", (1,))),
        bundled=["generator"],
    )


def run(pool: pd.DataFrame, path: Path, table: pd.DataFrame) -> Game:
    """A run of one pass on a table, whose generator draws from the pool; its game."""
    played = game(open_data(table).spec, pool)
    settings = ["train.batch=64", "train.threads=1", "train.precision=float32"]
    gantlet.train(table, settings=settings, samples=64, out=path, game=played, verbose=False)
    return played
