"""Samples from a game's players: the same rows for the same seed, however many are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Required, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from gantlet.games.base import Game, Query
from gantlet.labels import drawn_labels
from gantlet.networks.folded import folded
from gantlet.nn.norms import GroupedBatchNorm, calibrate
from gantlet.processors import ahead
from gantlet.rng import BLOCK, Noise
from gantlet.spec import DataSpec
from gantlet.training.machine import Machine

__all__ = ["Asked", "blocks", "generate", "make_ready", "raw_blocks"]

_CALIBRATION = 1024
"""Samples from which batch statistics are measured, at least."""
_ROWS = 32 * BLOCK
"""Rows of tables that are computed at a time: fewer have calls cost more, more leave the cache."""
_WAITING = 2
"""Blocks that may wait for each thread that computes."""


class Asked(TypedDict, total=False):
    """Which samples are asked for: numbers 0 to count - 1 of a seed."""

    seed: Required[int]
    count: Required[int]
    y: Tensor | Callable[[int, int], Tensor] | None
    """Labels as in `Batch`, or what gives those of as many samples from one on; drawn as often as
    the data have them if none are given."""
    truncation: float | None
    """Bound of the normal numbers that samples are made from; none: no bound."""


def make_ready(game: Game, players: nn.ModuleDict, spec: DataSpec, machine: Machine) -> None:
    """Put players into the state for sampling: eval mode, batch statistics measured afresh."""
    players.eval()
    if not any(isinstance(m, GroupedBatchNorm) for m in players.modules()):
        return

    whole = -(-BLOCK // game.group) * game.group

    def pass_through() -> None:
        for start in range(0, _CALIBRATION, whole):
            y = drawn_labels(spec, 0, "calibration", start, whole)
            noise = _noise(machine, 0, "calibration", start, whole)
            _forward(game, players, machine, noise, y)

    calibrate(players, pass_through)


def _noise(
    machine: Machine,
    seed: int,
    stream: str,
    start: int,
    count: int = BLOCK,
    truncation: float | None = None,
) -> Noise:
    device, dtype = machine.device, machine.dtype
    return Noise(seed, stream, start, count, device=device, dtype=dtype, truncation=truncation)


@torch.no_grad()
def _forward(
    game: Game, players: nn.ModuleDict, machine: Machine, noise: Noise, y: Tensor | None
) -> Tensor:
    query = Query(noise, None if y is None else y.to(machine.device))
    with machine.autocast():
        return game.sample(players, query)


def blocks(
    game: Game,
    players: nn.ModuleDict,
    spec: DataSpec,
    machine: Machine,
    then: Callable[[Tensor], Tensor] = lambda x: x,
    **asked: Unpack[Asked],
) -> Iterator[Tensor]:
    """Samples as x in [-1, 1] on the device, a block at a time.

    Each block is computed whole and cut, so that a sample's bits do not depend on `count`.

    Arguments:
        players: ready for sampling (`make_ready`).
        then: what is made of a block where it is computed.
    """
    seed, count, y = asked["seed"], asked["count"], asked.get("y")
    truncation = asked.get("truncation")
    block = _ROWS if spec.kind == "table" else BLOCK

    def computed(start: int) -> Tensor:
        if y is None:
            labels = drawn_labels(spec, seed, "sample", start, block)
        elif callable(y):
            labels = y(start, block)
        else:
            part = y[start : start + block]
            labels = torch.cat([part, part.new_zeros(block - len(part), *part.shape[1:])])
        noise = _noise(machine, seed, "sample", start, block, truncation)
        return then(_forward(game, players, machine, noise, labels)[: count - start])

    starts, threads = range(0, count, block), machine.threads // torch.get_num_threads()
    if spec.kind == "table" and machine.device == "cpu" and threads > 1:
        # Small products: whole blocks in parallel. Flushing of denormal numbers is each thread's.
        begin = partial(torch.set_flush_denormal, True)
        with ThreadPoolExecutor(threads, initializer=begin) as pool:
            yield from ahead(pool, computed, starts, threads * _WAITING)
    else:
        yield from map(computed, starts)


def raw_blocks(
    game: Game,
    players: nn.ModuleDict,
    spec: DataSpec,
    machine: Machine,
    **asked: Unpack[Asked],
) -> Iterator[Tensor]:
    """Samples as raw values, a block at a time; see `blocks`.

    Rows of tables are made by a generator that is folded for it: no network is to see them.
    """
    return blocks(game, folded(players), spec, machine, spec.decode, **asked)


def generate(
    game: Game,
    players: nn.ModuleDict,
    spec: DataSpec,
    machine: Machine,
    **asked: Unpack[Asked],
) -> np.ndarray:
    """Samples as raw values, shape (count, *spec.shape)."""
    parts = raw_blocks(game, players, spec, machine, **asked)
    return torch.cat([part.cpu() for part in parts]).numpy()
