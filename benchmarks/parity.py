"""One batch on one process, in micro-batches, on two ranks: the same weights; and samples by seed.

python -m benchmarks.parity [--recipes r3gan ...] [--write]
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.multiprocessing as mp
from torch import Tensor

from benchmarks.common import Page, parser
from gantlet import dist
from gantlet.recipes import RECIPES
from gantlet.training.machine import Machine
from gantlet.training.snapshot import blocks
from tests.training.small import played, ready, trainer

__all__ = [
    "PASSES",
    "distance",
    "ended",
    "first_gradients",
    "gap",
    "main",
    "ten_and_hundred",
    "two_ranks",
]

PASSES = 20
EXACT, FIRST = 1e-9, 1e-5
"""Targets: of weights in float64 after `PASSES`, of the first gradients in float32."""
PRECISIONS = ("float32", "bfloat16", "float64")

Weights = Mapping[str, Tensor]


def distance(a: Tensor, b: Tensor) -> float:
    """|a - b| / |a|, in the Euclidean norm."""
    return float((a - b).norm() / a.norm())


def gap(a: Weights, b: Weights) -> float:
    """Largest relative distance of any player's weights, live and averaged."""
    worst = 0.0
    for player in {name.split(".")[0] for name in a}:
        names = [n for n, t in a.items() if n.startswith(player) and t.is_floating_point()]
        mine, theirs = (torch.cat([x[n].flatten() for n in names]) for x in (a, b))
        worst = max(worst, distance(mine, theirs))
    return worst


def first_gradients(path: Path, recipe: str, *settings: str, threads: int = 1) -> Tensor:
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


def _rank(rank: int, port: int, folder: str, recipes: Sequence[str]) -> None:
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    with dist.session():
        for recipe in recipes:
            place = Path(folder) / f"{recipe}-{rank}"
            tensors = played(trainer(place, recipe, precision="float64"), PASSES)
            torch.save((tensors, first_gradients(place, recipe)), place / "ended.pt")
    os._exit(0)  # all is saved; an interpreter that ends beside gloo's threads aborts now and then


@contextmanager
def two_ranks(recipes: Sequence[str]) -> Iterator[Path]:
    """The folder of what two gloo processes ended with, as `ended` reads it."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        mp.spawn(_rank, args=(port, folder, list(recipes)), nprocs=2)
        yield Path(folder)


def ended(folder: Path, recipe: str, rank: int) -> tuple[Weights, Tensor]:
    """Weights in float64 after `PASSES`, and first gradients in float32, of a rank."""
    weights, gradients = torch.load(folder / f"{recipe}-{rank}" / "ended.pt")
    return weights, gradients


def ten_and_hundred(recipe: str, precision: str) -> tuple[Tensor, Tensor]:
    """Samples 0 to 9 and 0 to 99 of one seed, each asked for by itself, as x in [-1, 1]."""
    machine = Machine("cpu", precision, 1)
    game, spec = ready(recipe, machine)
    ten, hundred = (
        torch.cat(list(blocks(game, game.players, spec, machine, seed=3, count=count)))
        for count in (10, 100)
    )
    return ten, hundred


@dataclass(frozen=True)
class Row:
    """What was found of a recipe."""

    recipe: str
    ranks: float
    parts: float
    first_ranks: float
    first_parts: float
    equal: int
    """Precisions in which the first ten of a hundred are the ten."""

    @property
    def reached(self) -> bool:
        """Whether all targets are."""
        return (
            max(self.ranks, self.parts) <= EXACT
            and max(self.first_ranks, self.first_parts) <= FIRST
            and self.equal == len(PRECISIONS)
        )

    def cells(self) -> tuple[str, ...]:
        """The row of the page's table."""
        numbers = (self.ranks, self.parts, self.first_ranks, self.first_parts)
        return (
            f"`{self.recipe}`",
            *(f"{number:.1e}" for number in numbers),
            f"{self.equal} of {len(PRECISIONS)}",
            "reached" if self.reached else "missed",
        )


def measured(recipe: str, ranks: Path, folder: Path) -> Row:
    """One batch on one process against its parts and against both ranks."""
    in_parts = "train.micro_batches=4"
    whole = played(trainer(folder, recipe, precision="float64"), PASSES)
    parts = played(trainer(folder, recipe, in_parts, precision="float64"), PASSES)
    first = first_gradients(folder, recipe)
    both = [ended(ranks, recipe, rank) for rank in range(2)]
    samples = [ten_and_hundred(recipe, precision) for precision in PRECISIONS]
    return Row(
        recipe=recipe,
        ranks=max(gap(whole, weights) for weights, _ in both),
        parts=gap(whole, parts),
        first_ranks=max(distance(first, gradients) for _, gradients in both),
        first_parts=distance(first, first_gradients(folder, recipe, in_parts)),
        equal=sum(torch.equal(ten, hundred[:10]) for ten, hundred in samples),
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--recipes", nargs="*", default=list(RECIPES), choices=list(RECIPES))
    given = options.parse_args()
    torch.set_num_threads(1)
    rows = []
    with two_ranks(given.recipes) as ranks, tempfile.TemporaryDirectory() as folder:
        for recipe in given.recipes:
            rows.append(measured(recipe, ranks, Path(folder) / recipe))
            print(" | ".join(rows[-1].cells()), flush=True)
    Page(
        name="parity",
        title="One batch, its parts, and two ranks",
        text="Each recipe on its `.tiny()`, batch 16, on 240 made-up images of 8x8 pixels in "
        "three classes (`points`: on a circle). Two gloo processes, and four micro-batches, are "
        "compared with one process and one batch: the players' weights in float64 after "
        f"{PASSES} passes, live and averaged, the worst of all players; and the gradients of all "
        "phases at the first weights in float32; each as a relative distance in the Euclidean "
        "norm. Last, whether samples 0 to 9 of a seed have the bits of the first ten of its 100, "
        f"in {', '.join(PRECISIONS)}. Targets: at most {EXACT:.0e} in float64, at most "
        f"{FIRST:.0e} in float32, equal bits.",
        command="python -m benchmarks.parity --write",
        n=f"{len(rows)} recipes, {PASSES} passes of each; one seed",
        columns=(
            "recipe",
            "two ranks, weights",
            "four parts, weights",
            "two ranks, gradients",
            "four parts, gradients",
            "first 10 of 100",
            "targets",
        ),
        rows=[row.cells() for row in rows],
    ).publish(given.write)


if __name__ == "__main__":
    main()
