"""What is wrong with a training, in plain words, from a few cheap measurements each tick."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from gantlet.data.feed import Feed
from gantlet.games.base import Game
from gantlet.metrics.diversity import class_spread, coverage, pair_order, spread
from gantlet.rng import permutation
from gantlet.spec import Batch
from gantlet.training.machine import Machine

__all__ = [
    "FEW",
    "HEALTHY",
    "UNJUDGED",
    "Verdict",
    "measure",
    "reference",
    "unasked",
    "verdict",
]

Judge = Callable[[nn.ModuleDict, Batch], Tensor]

_PATIENCE = 3
"""Ticks in a row before a sign becomes a verdict: one tick may be chance."""
_FEWEST = 10
"""Samples below which nothing is measured: a perfect sampler would often look ill by chance."""
_NEIGHBOURS = 5
_PAIRS = 200
"""Ordered pairs of real samples of one class, below which chance rules their mean distance."""


@dataclass(frozen=True)
class Verdict:
    """One finding: a short name, a sentence, and what to try."""

    name: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


HEALTHY = Verdict(
    "healthy", "No sign of collapse, copying, memorising or a critic that wins outright."
)
UNJUDGED = Verdict(
    "unjudged", f"Health is judged after {_PATIENCE} ticks of play (train.tick): not yet."
)
FEW = Verdict(
    "unjudged",
    f"Health was not judged: there are fewer than {_FEWEST} real samples to compare with.",
)
_UNASKED = Verdict(
    "unjudged",
    "Health is not judged: looks at real rows would tell of them beyond the privacy budget. The "
    "pictures show generated columns beside noisy counts of the table's own.",
)
_SIGNS: Sequence[tuple[Verdict, str, float | str, float]] = (
    # verdict, measurement, bound or the one that is logged, sign: +1 where above it is bad, -1
    # where below
    (
        Verdict(
            "collapse",
            "The generator has collapsed: its samples spread less than half as far as the data.",
            "Try a penalty (game.penalties.r1=1), as recipe r3gan has, or a lower learning rate; "
            "without labels also packing (game.pack=2).",
        ),
        "spread",
        0.5,
        -1,
    ),
    (
        Verdict(
            "class-collapse",
            "The generator has collapsed within its classes: samples of one class spread less "
            "than half as far as the data of that class.",
            "Try recipe r3gan, a lower learning rate, or a run without labels "
            "(data.labels=false).",
        ),
        "class_spread",
        0.5,
        -1,
    ),
    (
        Verdict(
            "narrow",
            "The generator covers little of the data: fewer than one in ten real samples has a "
            "generated neighbour.",
            "Train longer; if that does not help, try a wider network or another recipe.",
        ),
        "coverage",
        0.1,
        -1,
    ),
    (
        Verdict(
            "copying",
            "The generator copies: more of its samples lie close to training samples than unseen "
            "real ones do.",
            "More data, augmentation (game.augment={}), weights of a run on more data (--from) or "
            "an earlier end help; `gantlet evaluate` shows the nearest pairs.",
        ),
        "copying",
        "copying_bound",
        1,
    ),
    (
        Verdict(
            "memory",
            "The critic memorises: it tells training samples from held-out ones of the same kind.",
            "More data, augmentation (game.augment={}) or stronger penalties (game.penalties.r1) "
            "help; so does stopping earlier.",
        ),
        "critic_memory",
        0.8,
        1,
    ),
    (
        Verdict(
            "critic",
            "The critic wins outright: it tells every real sample from the generated ones.",
            "Lower optimisers.discriminator.lr, add a penalty (game.penalties.r1=1) or instance "
            "noise (game.instance_noise=0.1).",
        ),
        "critic_accuracy",
        0.999,
        1,
    ),
)


def verdict(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """The first sign that has stood for the last ticks, `HEALTHY`; `UNJUDGED` before there are
    enough of them, `FEW` where none could be measured."""
    measured, played = _last(rows, "coverage"), _last(rows, "rate")
    if len(measured) < _PATIENCE:
        return FEW if played and not measured else UNJUDGED
    for finding, name, bound, sign in _SIGNS:
        # Not every tick looks for copies: those that do count.
        recent = _last(rows, bound if isinstance(bound, str) else "coverage")
        if len(recent) == _PATIENCE and all(_beyond(row, name, bound, sign) for row in recent):
            return finding
    return HEALTHY


def unasked(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Of a private run: measurements on real rows would cost some of its budget."""
    return _UNASKED


def _last(rows: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The last ticks of play that have measured something, newest first."""
    played = (row for row in reversed(rows) if name in row and "pull/loss" not in row)
    return list(islice(played, _PATIENCE))


def _beyond(row: Mapping[str, Any], name: str, bound: float | str, sign: float) -> bool:
    """Whether a row's measurement is there and on the wrong side of its bound."""
    value, limit = row.get(name), row.get(bound) if isinstance(bound, str) else bound
    return value is not None and limit is not None and sign * value > sign * limit


def measure(
    game: Game,
    players: nn.ModuleDict,
    fake: Batch,
    real: Batch,
    train: Batch,
    machine: Machine,
    *,
    classed: bool = True,
) -> dict[str, float]:
    """Health of a training from samples of equal number; nothing from fewer than ten.

    Arguments:
        players: the live ones, whose critic is asked.
        fake: generated samples.
        real: held-out real samples, or training ones where none are held out.
        train: training samples.
        classed: whether labels are classes of samples, and not what they were asked for.

    Returns:
        `coverage`: share of real samples with a generated neighbour, 0 to 1.
        `spread`: mean distance of pairs of generated samples over that of real ones.
        `class_spread`: the same, of pairs of one class; left out where there are no classes or too
        few such pairs, or where all samples of a class are the same.
        `critic_accuracy`: share of (real, generated) pairs that the critic orders rightly.
        `critic_memory`: share of (training, held-out) pairs it orders so; one half is none.
        The critic's numbers are left out where the samples do not fill one group of the game.
    """
    if len(real) < _FEWEST:
        return {}
    flat_fake, flat_real = fake.x.flatten(1).float(), real.x.flatten(1).float()
    numbers = {
        "coverage": coverage(flat_real, flat_fake, _NEIGHBOURS),
        "spread": spread(flat_fake) / max(spread(flat_real), 1e-12),
        **_within(flat_fake, flat_real, real.y if classed else None),
    }
    if game.judge is None or len(real) < game.group:
        return numbers
    on_fake, on_real, on_train = (
        _scores(game.judge, players, _whole(batch, game.group), machine)
        for batch in (fake, real, train)
    )
    return {
        **numbers,
        "critic_accuracy": pair_order(on_real, on_fake),
        "critic_memory": pair_order(on_train, on_real),
    }


def _within(fake: Tensor, real: Tensor, y: Tensor | None) -> dict[str, float]:
    """`class_spread` of samples with the same classes, where it can be told."""
    if y is None or y.is_floating_point():
        return {}
    sizes = y.unique(return_counts=True)[1]
    if int((sizes * (sizes - 1)).sum()) < _PAIRS:
        return {}
    whole = class_spread(real, y)
    return {"class_spread": class_spread(fake, y) / whole} if whole else {}


def _whole(batch: Batch, group: int) -> Batch:
    """Whole groups, as in training."""
    count = len(batch) // group * group
    return Batch(batch.x[:count], None if batch.y is None else batch.y[:count])


@torch.no_grad()
def _scores(judge: Judge, players: nn.ModuleDict, batch: Batch, machine: Machine) -> Tensor:
    with machine.autocast():
        return judge(players, batch).float()


def reference(train: Feed, held_out: Feed | None, count: int) -> tuple[Batch, Batch]:
    """Real samples to measure against: held-out ones (or training ones), and training ones.

    They are the same at each tick, and drawn from all over the data, which may be sorted by class.
    """
    source = held_out or train
    n = min(count, len(source), len(train))
    return _drawn(source, "health/real", n), _drawn(train, "health/train", n)


def _drawn(feed: Feed, stream: str, n: int) -> Batch:
    return feed.take(permutation(0, stream, 0, len(feed))[:n].numpy())
