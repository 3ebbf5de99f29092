"""How far runs in parts lie from the run in one: measured by tests and by a benchmark."""

from pathlib import Path

import torch

from gantlet.recipes import RECIPES
from tests.training.ranks import ranked, spawned
from tests.training.small import played, trainer

PASSES = 20


def gap(a, b):
    """Largest relative difference of any player, in the Euclidean norm of all its weights."""
    worst = 0.0
    floating = [name for name, t in a.items() if t.is_floating_point()]
    for player in {name.split(".")[0] for name in floating}:
        names = [name for name in floating if name.startswith(player)]
        mine, theirs = (torch.cat([x[n].flatten() for n in names]) for x in (a, b))
        worst = max(worst, float((mine - theirs).norm() / mine.norm()))
    return worst


def first_gradients(path, recipe, *settings, threads=1):
    """The gradients of all phases at the first weights, in float32, as one vector."""
    one = trainer(path, recipe, *settings, threads=threads)
    one.stepper._step = lambda *_: None
    parts = []
    for phase in one.game.phases:
        one.stepper._play(phase, 0, 0)
        for name in phase.trains:
            for weight in one.game.players[name].parameters():
                if weight.grad is not None:
                    parts.append(weight.grad.flatten().clone())
                    weight.grad = None
    return torch.cat(parts)


def apart(a, b):
    """Relative difference of two vectors."""
    return float((a - b).norm() / a.norm())


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        for recipe in RECIPES:
            place = Path(folder) / f"{recipe}-{rank}"
            tensors = played(trainer(place, recipe, precision="float64"), PASSES)
            torch.save(tensors, Path(folder) / f"{recipe}-{rank}.pt")
            torch.save(first_gradients(place, recipe), Path(folder) / f"{recipe}-{rank}-first.pt")


def played_by_two(folder: Path) -> Path:
    """Every recipe, played by two gloo processes: RECIPE-RANK.pt and RECIPE-RANK-first.pt."""
    spawned(_rank, folder)
    return folder
