"""Micro-batches, workers and ranks add up to the whole batch, for every recipe."""

import pytest
import torch

from gantlet.recipes import RECIPES
from tests.training.parts import PASSES, apart, first_gradients, gap, played_by_two
from tests.training.small import played, trainer

DENSE = ("minimax", "mlp", "mlp-leaky", "points", "ctgan", "table", "table-private")
"""Recipes without convolutions, which have one worker."""


@pytest.mark.parametrize("recipe", RECIPES)
def test_micro_batches_equal_the_whole_batch(recipe, tmp_path):
    whole = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    parts = played(trainer(tmp_path, recipe, "train.micro_batches=4", precision="float64"), PASSES)
    assert gap(whole, parts) <= 1e-9


def test_micro_batches_see_the_same_mirror_images(tmp_path):
    flip = ("data.flip=true",)
    whole = played(trainer(tmp_path, "dcgan", *flip, precision="float64"), PASSES)
    parts = trainer(tmp_path, "dcgan", *flip, "train.micro_batches=4", precision="float64")
    assert gap(whole, played(parts, PASSES)) <= 1e-9
    assert gap(whole, played(trainer(tmp_path, "dcgan", precision="float64"), PASSES)) > 1e-6


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_micro_batches_agree_in_float32(recipe, tmp_path):
    whole = first_gradients(tmp_path, recipe)
    parts = first_gradients(tmp_path, recipe, "train.micro_batches=4")
    assert apart(whole, parts) <= 1e-5


@pytest.mark.parametrize("recipe", RECIPES)
def test_workers_equal_the_whole_batch(recipe, tmp_path):
    whole = played(trainer(tmp_path, recipe, precision="float64"), PASSES)
    beside = trainer(tmp_path, recipe, "train.micro_batches=2", precision="float64", threads=2)
    assert beside.stepper.share * (2 if recipe in DENSE else 4) == beside.config.train.batch
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
    assert apart(whole, parts) <= 1e-5


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """Each recipe played by two gloo processes; the folder of what each ended with."""
    return played_by_two(tmp_path_factory.mktemp("ranks"))


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
        assert apart(whole, theirs) <= 1e-5
