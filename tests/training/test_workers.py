"""How many workers a rank has, what they see, and what happens when one fails."""

import threading
from dataclasses import replace

import pytest
import torch

from gantlet.training.machine import Machine
from gantlet.training.workers import Workers, workers_for
from tests.training.small import trainer


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("recipe", "train", "threads", "count"),
    [
        ("dcgan", {}, 1, 1),
        ("dcgan", {}, 2, 2),
        ("dcgan", {}, 3, 1),  # four groups: two workers would leave a thread idle
        ("dcgan", {}, 4, 4),
        ("dcgan", {}, 16, 4),
        ("dcgan", {"micro_batches": 2}, 4, 2),
        ("dcgan", {"compile": True}, 4, 1),
        ("r3gan", {"batch": 24}, 3, 3),
        ("mlp", {}, 4, 1),
    ],
)
def test_count(recipe, train, threads, count, tmp_path):
    run = trainer(tmp_path, recipe)
    train = replace(run.config.train, **train)
    assert workers_for(run.game, train, Machine("cpu", "float32", threads), train.batch) == count


def test_a_game_of_ones_own_has_one_unless_it_says_it_is_concurrent(tmp_path):
    run = trainer(tmp_path, "dcgan")
    machine, train = Machine("cpu", "float32", 2), run.config.train
    own = run.config.game.play(run.spec, *run.game.players.values(), latent=8)
    assert workers_for(own, train, machine, train.batch) == 1
    assert workers_for(replace(own, concurrent=True), train, machine, train.batch) == 2


def test_accelerators_have_one(tmp_path):
    run = trainer(tmp_path, "dcgan")
    assert workers_for(run.game, run.config.train, Machine("cuda:0", "float32", 4), 16) == 1


def test_results_come_in_the_order_of_items():
    first_may_end = threading.Event()

    def work(item):
        if item:
            first_may_end.set()
        else:
            assert first_may_end.wait(10)
        return item, threading.get_ident()

    answers = list(Workers(2, 2).map(work, range(4)))
    assert [item for item, _ in answers] == [0, 1, 2, 3]
    assert answers[0][1] != answers[1][1] != threading.get_ident()


def test_one_worker_is_the_calling_thread():
    here = list(Workers(1, 2).map(lambda _: threading.get_ident(), range(2)))
    assert here == [threading.get_ident()] * 2


def test_workers_share_the_threads_and_leave_the_caller_its_own():
    torch.set_num_threads(4)
    assert set(Workers(2, 4).map(lambda _: torch.get_num_threads(), range(8))) == {2}
    assert torch.get_num_threads() == 4


def test_the_error_of_a_worker_reaches_the_caller(tmp_path):
    run = trainer(tmp_path, "dcgan", threads=2)
    weight = run.game.players["generator"].dense.weight
    weight.data = weight.data[:, :-1]
    with pytest.raises(RuntimeError, match=r"shape|size"):
        run.stepper.play(0)
