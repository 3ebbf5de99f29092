"""Micro-batches, workers and ranks add up to the whole batch, for every recipe."""

import pytest
import torch

from benchmarks.parity import PASSES, distance, ended, first_gradients, gap, two_ranks
from gantlet.recipes import RECIPES
from tests.training.small import played, trainer

DENSE = ("minimax", "mlp", "mlp-leaky", "points")
"""Recipes without convolutions, which have one worker."""


@pytest.mark.parametrize("recipe", RECIPES)
def test_micro_batches_equal_the_whole_batch(recipe, tmp_path):
    whole = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    parts = played(trainer(tmp_path, recipe, "train.micro_batches=4", precision="float64"), PASSES)
    assert gap(whole, parts) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_micro_batches_agree_in_float32(recipe, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    parts = first_gradients(tmp_path, recipe, "train.micro_batches=4")
    assert distance(whole, parts) <= 1e-5


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
    assert distance(whole, parts) <= 1e-5


@pytest.fixture(scope="module")
def ranks():
    """The folder of what each recipe ended with, played by two gloo processes."""
    with two_ranks(RECIPES) as folder:
        yield folder


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_ranks_equal_one(recipe, ranks, tmp_path):
    one = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    for rank in range(2):
        assert gap(one, ended(ranks, recipe, rank)[0]) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_two_ranks_agree_in_float32(recipe, ranks, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    for rank in range(2):
        assert distance(whole, ended(ranks, recipe, rank)[1]) <= 1e-5
