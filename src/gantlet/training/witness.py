"""What a tick sees of a run: its health in numbers, its samples in a picture."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from gantlet.data.feed import Feed
from gantlet.games.base import Game
from gantlet.labels import swept_labels
from gantlet.spec import Batch, DataSpec
from gantlet.training import health
from gantlet.training.machine import Machine
from gantlet.training.pictures import picture
from gantlet.training.snapshot import blocks, generate

__all__ = ["draw", "measured"]

_HEALTH_SAMPLES = 512
_IMAGES, _COLUMNS = 100, 10
_POINTS = 1_000
_HEALTH_SEED, _GRID_SEED = 1, 0


def measured(
    game: Game,
    averaged: nn.ModuleDict,
    spec: DataSpec,
    machine: Machine,
    train: Feed,
    held_out: Feed | None,
) -> dict[str, float]:
    """Health of a run, from the averaged players' samples with the labels of held-out real ones.

    Arguments:
        averaged: the bundled players, ready for sampling.
        train, held_out: real samples; without held-out ones there is no `critic_memory`. Tables
            have no `class_spread`.
    """
    real, seen = health.reference(train, held_out, _HEALTH_SAMPLES)
    y = None if real.y is None else real.y.cpu()
    parts = blocks(game, averaged, spec, machine, seed=_HEALTH_SEED, count=len(real), y=y)
    fake = Batch(torch.cat(list(parts)), real.y)
    classed = spec.kind != "table"
    numbers = health.measure(game, game.players, fake, real, seen, machine, classed=classed)
    if held_out is None:
        numbers.pop("critic_memory", None)  # both sides would be training data
    return numbers


def draw(
    game: Game, averaged: nn.ModuleDict, spec: DataSpec, machine: Machine, path: Path
) -> None:
    """Write the samples of fixed latents as a picture.

    Classes of images stand in columns; each row goes through one of their conditions.
    """
    count = _IMAGES if spec.kind == "image" else _POINTS
    y = None if spec.kind == "table" else swept_labels(spec, count, _COLUMNS)
    made = generate(game, averaged, spec, machine, seed=_GRID_SEED, count=count, y=y)
    path.parent.mkdir(exist_ok=True)
    picture(made, spec, path, _COLUMNS)
