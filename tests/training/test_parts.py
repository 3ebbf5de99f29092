"""Micro-batches, workers and ranks add up to the whole batch, for every recipe."""

import os
import socket
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

from gantlet import dist
from gantlet.recipes import RECIPES
from tests.training.small import played, trainer

PASSES = 20
DENSE = ("minimax", "mlp", "mlp-leaky", "points")
"""Recipes without convolutions, which have one worker."""


def gap(a, b):
    """Largest relative difference of any player, in the Euclidean norm of all its weights."""
    worst = 0.0
    for player in {name.split(".")[0] for name in a}:
        names = [n for n, t in a.items() if n.startswith(player) and t.is_floating_point()]
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


@pytest.mark.parametrize("recipe", RECIPES)
def test_micro_batches_equal_the_whole_batch(recipe, tmp_path):
    whole = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    parts = played(trainer(tmp_path, recipe, "train.micro_batches=4", precision="float64"), PASSES)
    assert gap(whole, parts) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_micro_batches_agree_in_float32(recipe, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    parts = first_gradients(tmp_path, recipe, "train.micro_batches=4")
    assert float((whole - parts).norm() / whole.norm()) <= 1e-5


@pytest.mark.parametrize("recipe", RECIPES)
def test_workers_equal_the_whole_batch(recipe, tmp_path):
    whole = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    beside = trainer(tmp_path, recipe, "train.micro_batches=2", precision="float64", threads=2)
    assert beside.stepper.share == (8 if recipe in DENSE else 4)
    assert gap(whole, played(beside, PASSES)) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_workers_repeat_bit_for_bit(recipe, tmp_path):
    once, again = (played(trainer(tmp_path, recipe, threads=4), PASSES) for _ in range(2))
    for name, tensor in once.items():
        assert torch.equal(tensor, again[name]), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_workers_agree_in_float32(recipe, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    parts = first_gradients(tmp_path, recipe, threads=4)
    assert float((whole - parts).norm() / whole.norm()) <= 1e-5


def _rank(rank: int, port: int, folder: str) -> None:
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    with dist.session():
        for recipe in RECIPES:
            place = Path(folder) / f"{recipe}-{rank}"
            tensors = played(trainer(place, recipe, precision="float64"), PASSES)
            torch.save(tensors, Path(folder) / f"{recipe}-{rank}.pt")
            torch.save(first_gradients(place, recipe), Path(folder) / f"{recipe}-{rank}-first.pt")
    os._exit(0)  # all is saved; an interpreter that ends beside gloo's threads aborts now and then


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """Each recipe played by two gloo processes; the folder of what each ended with."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_rank, args=(port, str(folder)), nprocs=2)
    return folder


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_ranks_equal_one(recipe, two_ranks, tmp_path):
    one = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    for rank in range(2):
        assert gap(one, torch.load(two_ranks / f"{recipe}-{rank}.pt")) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_two_ranks_agree_in_float32(recipe, two_ranks, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    for rank in range(2):
        theirs = torch.load(two_ranks / f"{recipe}-{rank}-first.pt")
        assert float((whole - theirs).norm() / whole.norm()) <= 1e-5
