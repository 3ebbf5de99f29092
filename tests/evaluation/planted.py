"""Runs whose generator is known: it draws from the data's law, copies, collapses or is far off."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import gantlet
from gantlet.games.base import Game, Losses, Phase

MEAN = torch.tensor([1.0, -2.0, 0.5])
SCALE = torch.tensor([1.0, 0.5, 2.0])


def data(n=3000, seed=0) -> np.ndarray:
    """Points of a Gaussian in three dimensions."""
    z = np.random.default_rng(seed).standard_normal((n, 3))
    return (z * SCALE.numpy() + MEAN.numpy()).astype(np.float32)


class Planted(nn.Module):
    """From z (B, 3) to raw points, encoded as the data are; it has a weight that never matters."""

    def __init__(self, law, x: np.ndarray) -> None:
        super().__init__()
        self.law, self.idle = law, nn.Parameter(torch.zeros(1))
        spec = gantlet.data.open_data(x).spec
        self.encode = spec.encode

    def forward(self, z: Tensor) -> Tensor:
        return self.encode(self.law(z)) + 0 * self.idle


def honest(z):
    return z * SCALE + MEAN


def rounded(z):
    """Samples that recur by chance; `np.rint(3 * data())` has their law."""
    return torch.round(3 * honest(z))


def collapsed(z):
    return z * 0.05 * SCALE + MEAN


def far(z):
    return z * SCALE + MEAN + 6 * SCALE


def copier(x: np.ndarray):
    """Copies of training samples, moved a little; which one is told by z."""
    known = torch.from_numpy(x)

    def law(z):
        u = torch.special.ndtr(z[:, 0])
        row = (u * len(known)).long().clamp(0, len(known) - 1)
        return known[row] + 1e-3 * z

    return law


def game(law, x: np.ndarray) -> Game:
    """A game that trains nothing that matters."""
    players = nn.ModuleDict({"generator": Planted(law, x)})

    def loss(players, turn):
        made = players["generator"](turn.noise("z", (3,)))
        return Losses(made.square().mean(1) + players["generator"].idle.square())

    return Game(
        players=players,
        phases=[Phase(name="generator", trains=["generator"], loss=loss)],
        sample=lambda players, query: players["generator"](query.noise("z", (3,))),
        bundled=["generator"],
    )


def run(law, path: Path, x: np.ndarray | None = None, *more: str) -> tuple[Path, Game]:
    """A run of one pass, of more settings, and the game that its bundle needs."""
    x = data() if x is None else x
    played = game(law, x)
    settings = ["train.batch=64", "train.threads=1", "train.precision=float32", *more]
    gantlet.train(x, settings=settings, samples=64, out=path, game=played)
    return path, played
