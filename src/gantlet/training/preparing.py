"""What a run plays with: players on their machine, averages of them, batches of the data."""

from __future__ import annotations

import copy

import torch
from torch import nn

from gantlet.config import Config
from gantlet.data.dataset import Dataset
from gantlet.data.feed import Feed
from gantlet.data.split import Indices
from gantlet.games.base import Game
from gantlet.training.machine import Machine

__all__ = ["feed_of", "prepared"]


def prepared(
    game: Game, dataset: Dataset, indices: Indices, config: Config, machine: Machine
) -> tuple[nn.ModuleDict, Feed]:
    """Players moved to the machine; copies of the bundled ones to average into; training data."""
    game.players.to(device=machine.device, dtype=machine.dtype).train()
    if machine.layout(config.train) is torch.channels_last:
        for weight in game.players.parameters():
            if weight.dim() == 4:
                # `contiguous` would leave kernels of one channel or of 1x1 as they are, whose
                # convolutions then hand on maps of the other, slower layout.
                last = torch.empty_like(weight, memory_format=torch.channels_last)
                weight.data = last.copy_(weight.data)
    bundled = nn.ModuleDict({name: game.players[name] for name in game.bundled})
    return copy.deepcopy(bundled).requires_grad_(False), feed_of(dataset, indices, config, machine)


def feed_of(dataset: Dataset, indices: Indices, config: Config, machine: Machine) -> Feed:
    """The samples at `indices`, as a run draws them."""
    return Feed(
        dataset,
        indices,
        seed=config.train.seed,
        device=machine.device,
        dtype=machine.dtype,
        memory_format=machine.layout(config.train),
        flip=config.data.flip,
        rare=config.data.rare,
    )
