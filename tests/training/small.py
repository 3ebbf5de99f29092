"""Small runs for the tests of training: made-up data, tiny recipes, a trainer in a folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gantlet.config import override
from gantlet.data import Dataset, open_data
from gantlet.data.split import split
from gantlet.games.base import Game
from gantlet.recipes import tiny
from gantlet.spec import DataSpec
from gantlet.training.folder import Folder
from gantlet.training.machine import Machine
from gantlet.training.snapshot import make_ready
from gantlet.training.trainer import Trainer, built

CLASSES = {"classes": ("a", "b", "c"), "frequencies": (0.7, 0.0, 0.3)}
IMAGES = DataSpec(kind="image", shape=(1, 16, 16), **CLASSES)
POINTS = DataSpec(kind="points", shape=(2,), dtype="float32", low=-1, high=1)
MACHINE = Machine("cpu", "float32", 1)


def images() -> Dataset:
    """240 grey images of 8x8 in three classes, each class brighter in another corner."""
    generator = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = generator.integers(0, 128, (240, 8, 8), dtype=np.uint8)
    for label in range(3):
        x[y == label, : 2 + label, : 2 + label] += 100
    return open_data((x, y))


def points() -> Dataset:
    """240 points on a circle."""
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    return open_data(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))


def trainer(
    path: Path, recipe: str, *settings: str, precision="float32", threads=1, callbacks=()
) -> Trainer:
    """A trainer of a tiny recipe, on the data that suit it, in a folder."""
    dataset = points() if recipe == "points" else images()
    config = override(tiny(recipe, dataset.spec), settings)
    folder = Folder(path)
    folder.create()
    machine = Machine("cpu", precision, threads)
    game = built(config, dataset.spec)
    divided = split(dataset, config.data)
    return Trainer(game, dataset, divided, config, machine, folder, callbacks)


def tensors(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All weights and buffers of players and averages."""
    players = {f"live/{k}": t.clone() for k, t in trainer.game.players.state_dict().items()}
    return players | {f"mean/{k}": t.clone() for k, t in trainer.averaged.state_dict().items()}


def played(trainer: Trainer, passes: int) -> dict[str, torch.Tensor]:
    """All tensors after some passes."""
    for position in range(passes):
        trainer.stepper.play(position)
    return tensors(trainer)


def ready(recipe: str, machine: Machine = MACHINE, group: int = 4) -> tuple[Game, DataSpec]:
    """The generator of a tiny recipe at its first weights, ready for sampling, and its data."""
    spec = POINTS if recipe == "points" else IMAGES
    config = tiny(recipe, spec)
    game = built(replace(config, game=replace(config.game, group=group)), spec)
    game.players.to(machine.dtype)
    bundled = replace(game, players=nn.ModuleDict({"generator": game.players["generator"]}))
    make_ready(bundled, bundled.players, spec, machine)
    return bundled, spec
