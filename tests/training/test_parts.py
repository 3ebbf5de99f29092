"""Micro-batches, workers and ranks add up to the whole batch, for every recipe."""

from functools import cache

import pytest
import torch

from gantlet.recipes import RECIPES
from tests.training.parts import PASSES, apart, first_gradients, gap, played_by_two
from tests.training.small import played, trainer

DENSE = ("minimax", "mlp", "mlp-leaky", "points", "ctgan", "table", "table-private")
"""Recipes without convolutions, which have one worker."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a recipe ends with that is played in whole batches by one process, in float64."""

    @cache
    def ended(recipe):
        one = trainer(tmp_path_factory.mktemp(recipe), recipe, precision="float64")
        return played(one, PASSES)

    return ended


@pytest.fixture(scope="module")
def whole_gradients(tmp_path_factory):
    """A recipe's first gradients of whole batches, in float32."""
    return cache(lambda recipe: first_gradients(tmp_path_factory.mktemp(recipe), recipe))


@pytest.mark.parametrize("recipe", RECIPES)
def test_micro_batches_equal_the_whole_batch(recipe, whole, tmp_path):
    parts = played(trainer(tmp_path, recipe, "train.micro_batches=4", precision="float64"), PASSES)
    assert gap(whole(recipe), parts) <= 1e-9


def test_micro_batches_see_the_same_mirror_images(whole, tmp_path):
    flip = ("data.flip=true",)
    mirrored = played(trainer(tmp_path, "dcgan", *flip, precision="float64"), PASSES)
    parts = trainer(tmp_path, "dcgan", *flip, "train.micro_batches=4", precision="float64")
    assert gap(mirrored, played(parts, PASSES)) <= 1e-9
    assert gap(mirrored, whole("dcgan")) > 1e-6


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_micro_batches_agree_in_float32(recipe, whole_gradients, tmp_path):
    parts = first_gradients(tmp_path, recipe, "train.micro_batches=4")
    assert apart(whole_gradients(recipe), parts) <= 1e-5


@pytest.mark.parametrize("recipe", RECIPES)
def test_workers_equal_the_whole_batch(recipe, whole, tmp_path):
    beside = trainer(tmp_path, recipe, "train.micro_batches=2", precision="float64", threads=2)
    assert beside.stepper.share * (2 if recipe in DENSE else 4) == beside.config.train.batch
    assert gap(whole(recipe), played(beside, PASSES)) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_workers_repeat_bit_for_bit(recipe, tmp_path):
    once, again = (played(trainer(tmp_path, recipe, threads=4), PASSES) for _ in range(2))
    for name, tensor in once.items():
        assert torch.equal(tensor, again[name]), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_workers_agree_in_float32(recipe, whole_gradients, tmp_path):
    parts = first_gradients(tmp_path, recipe, threads=4)
    assert apart(whole_gradients(recipe), parts) <= 1e-5


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """Each recipe played by two gloo processes; the folder of what each ended with."""
    return played_by_two(tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_ranks_equal_one(recipe, whole, two_ranks):
    for rank in range(2):
        assert gap(whole(recipe), torch.load(two_ranks / f"{recipe}-{rank}.pt")) <= 1e-9


@pytest.mark.parametrize("recipe", RECIPES)
def test_first_gradients_of_two_ranks_agree_in_float32(recipe, whole_gradients, two_ranks):
    for rank in range(2):
        theirs = torch.load(two_ranks / f"{recipe}-{rank}-first.pt")
        assert apart(whole_gradients(recipe), theirs) <= 1e-5
