"""Small runs for the tests of training: made-up data, tiny recipes, a trainer in a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gantlet.config import override
from gantlet.data import Dataset, open_data
from gantlet.data.split import split
from gantlet.planning import data_settings
from gantlet.recipes import tiny
from gantlet.training import events
from gantlet.training import trainer as training
from gantlet.training.folder import Folder
from gantlet.training.machine import Machine
from gantlet.training.trainer import Trainer, built
from tests.tables_for import RECIPES_FOR_TABLES, rows


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


def undrawn(patch: pytest.MonkeyPatch) -> None:
    """No pictures: to draw them takes most of the time of so short runs."""
    for module, drawing in ((events, "curves"), (training, "draw")):
        patch.setattr(module, drawing, lambda *about: None)


def trainer(
    path: Path,
    recipe: str,
    *settings: str,
    precision="float32",
    threads=1,
    callbacks=(),
    machine: Machine | None = None,
) -> Trainer:
    """A trainer of a tiny recipe, on the data that suit it, in a folder."""
    dataset = points() if recipe == "points" else images()
    if recipe in RECIPES_FOR_TABLES:
        opened = data_settings((), recipe)
        dataset = open_data(rows()[["age", "colour", "member"]], opened)
    config = override(tiny(recipe, dataset.spec), settings)
    folder = Folder(path)
    folder.create()
    machine = machine or Machine("cpu", precision, threads)
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
