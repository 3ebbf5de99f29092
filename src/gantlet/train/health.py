"""What is wrong with a training, in plain words, from a few cheap measurements each tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gantlet.data.feed import Feed
from gantlet.games.base import Game
from gantlet.metrics.diversity import coverage, pair_order, spread
from gantlet.spec import Batch
from gantlet.train.machine import Machine

__all__ = ["HEALTHY", "Verdict", "measure", "reference", "verdict"]

_PATIENCE = 3
"""Ticks in a row before a sign becomes a verdict: one tick may be chance."""


@dataclass(frozen=True)
class Verdict:
    """One finding: a short name, a sentence, and what to try."""

    name: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


HEALTHY = Verdict("healthy", "No sign of collapse, memorising or a critic that wins outright.")
_SIGNS: Sequence[tuple[Verdict, str, float, float]] = (
    # verdict, measurement, bound, sign: +1 where above the bound is bad, -1 where below
    (
        Verdict(
            "collapse",
            "The generator has collapsed: its samples spread less than half as far as the data.",
            "Try recipe r3gan, a penalty (game.penalties.r1=1), packing (game.pack=2) or a lower "
            "learning rate.",
        ),
        "spread",
        0.5,
        -1,
    ),
    (
        Verdict(
            "narrow",
            "The generator covers little of the data: fewer than one in ten real samples has a "
            "generated neighbour.",
            "Train longer; if that does not help, try a wider network or recipe r3gan.",
        ),
        "coverage",
        0.1,
        -1,
    ),
    (
        Verdict(
            "memory",
            "The critic memorises: it tells training samples from held-out ones of the same kind.",
            "More data or stronger penalties (game.penalties.r1) help; so does stopping earlier.",
        ),
        "critic_memory",
        0.8,
        1,
    ),
    (
        Verdict(
            "critic",
            "The critic wins outright: it tells every held-out sample from the generated ones.",
            "Lower optimisers.discriminator.lr, add a penalty (game.penalties.r1=1) or instance "
            "noise (game.instance_noise=0.1).",
        ),
        "critic_accuracy",
        0.999,
        1,
    ),
)


def verdict(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """The first sign that has stood for the last ticks, or `HEALTHY`."""
    recent = [row for row in rows if "coverage" in row][-_PATIENCE:]
    for finding, name, bound, sign in _SIGNS:
        values = [row[name] for row in recent if row.get(name) is not None]
        if len(values) == _PATIENCE and all(sign * value > sign * bound for value in values):
            return finding
    return HEALTHY


def measure(
    game: Game, players: nn.ModuleDict, fake: Batch, real: Batch, train: Batch, machine: Machine
) -> dict[str, float]:
    """Health of a training from samples of equal number.

    Arguments:
        players: the live ones, whose critic is asked.
        fake: generated samples.
        real: held-out real samples, or training ones where none are held out.
        train: training samples.

    Returns:
        `coverage`: share of real samples with a generated neighbour, 0 to 1.
        `spread`: mean distance of pairs of generated samples over that of real ones.
        `critic_accuracy`: share of (real, generated) pairs that the critic orders rightly.
        `critic_memory`: share of (training, held-out) pairs it orders so; one half is none.
    """
    flat_fake, flat_real = fake.x.flatten(1).float(), real.x.flatten(1).float()
    numbers = {
        "coverage": coverage(flat_real, flat_fake),
        "spread": spread(flat_fake) / max(spread(flat_real), 1e-12),
    }
    if game.judge is None:
        return numbers
    on_fake, on_real, on_train = (
        _scores(game, players, batch, machine) for batch in (fake, real, train)
    )
    return {
        **numbers,
        "critic_accuracy": pair_order(on_real, on_fake),
        "critic_memory": pair_order(on_train, on_real),
    }


@torch.no_grad()
def _scores(game: Game, players: nn.ModuleDict, batch: Batch, machine: Machine) -> Tensor:
    """The critic's scores, in whole groups as in training."""
    if game.judge is None:
        return torch.empty(0)
    whole = len(batch) // game.group * game.group
    y = None if batch.y is None else batch.y[:whole]
    with machine.autocast():
        return game.judge(players, Batch(batch.x[:whole], y)).float()


def reference(train: Feed, held_out: Feed | None, count: int, group: int) -> tuple[Batch, Batch]:
    """Real samples to measure against: held-out ones (or training ones), and training ones."""
    source = held_out or train
    n = min(count, len(source), len(train))
    n = max(n // group * group, min(group, n))
    return source.take(range(n)), train.take(range(len(train) - n, len(train)))
