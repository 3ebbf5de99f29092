"""Samples depend on players, seed, index and label alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gantlet.labels import drawn_labels
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.recipes import RECIPES, tiny
from gantlet.rng import Noise
from gantlet.spec import DataSpec
from gantlet.training.machine import Machine
from gantlet.training.snapshot import blocks, generate, make_ready
from gantlet.training.trainer import built
from tests.tables_for import spec_for

CLASSES = {"classes": ("a", "b", "c"), "frequencies": (0.7, 0.0, 0.3)}

IMAGES = DataSpec(kind="image", shape=(1, 16, 16), **CLASSES)
POINTS = DataSpec(kind="points", shape=(2,), dtype="float32", low=-1, high=1)
MACHINE = Machine("cpu", "float32", 1)


def ready(recipe, machine=MACHINE, group=None):
    spec = spec_for(recipe, POINTS if recipe == "points" else IMAGES)
    config = tiny(recipe, spec)
    game = replace(config.game, group=group or config.game.group)
    game = built(replace(config, game=game), spec)
    game.players.to(machine.dtype)
    bundled = replace(game, players=nn.ModuleDict({"generator": game.players["generator"]}))
    make_ready(bundled, bundled.players, spec, machine)
    return bundled, spec


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_first_ten_of_a_hundred_are_the_ten(recipe, precision):
    machine = Machine("cpu", precision, 1)
    game, spec = ready(recipe, machine)
    ten, hundred = (
        generate(game, game.players, spec, machine, seed=3, count=count) for count in (10, 100)
    )
    assert hundred.shape == (100, *spec.stored)
    assert np.array_equal(ten, hundred[:10])
    exact = torch.cat(list(blocks(game, game.players, spec, machine, seed=3, count=100)))
    again = torch.cat(list(blocks(game, game.players, spec, machine, seed=3, count=70)))
    assert torch.equal(exact[:70], again)
    assert len(exact.unique(dim=0)) == 100


@pytest.mark.parametrize("recipe", RECIPES)
def test_samples_depend_on_the_seed_and_not_on_the_threads_random_state(recipe):
    game, spec = ready(recipe)

    def made(seed):
        return generate(game, game.players, spec, MACHINE, seed=seed, count=5)

    first, state = made(0), torch.get_rng_state()
    torch.rand(7)
    assert np.array_equal(first, made(0))
    assert not np.array_equal(first, made(1))
    torch.set_rng_state(state)
    made(2)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("group", [1, 4, 48, 128])
@pytest.mark.parametrize("recipe", ["dcgan", "sngan"])
def test_getting_ready_twice_changes_nothing(recipe, group):
    """Also where no whole number of groups fits into a block of samples."""
    game, spec = ready(recipe, group=group)
    norms = [m for m in game.players["generator"].modules() if isinstance(m, GroupedBatchNorm)]
    first = [norm.var.clone() for norm in norms]
    assert first
    assert any(not torch.equal(var, torch.ones_like(var)) for var in first)
    torch.rand(3)
    game.players.train()
    make_ready(game, game.players, spec, MACHINE)
    assert all(torch.equal(norm.var, var) for norm, var in zip(norms, first, strict=True))
    assert not any(m.training for m in game.players.modules())


def test_population_statistics_are_those_of_what_the_first_norm_receives():
    game, spec = ready("dcgan")
    generator, n = game.players["generator"], 1024
    noise = Noise(0, "calibration", 0, n)
    y = drawn_labels(spec, 0, "calibration", 0, n)
    with torch.no_grad():
        h = generator.dense(generator.input(noise("z", (8,)), y))
    h = h.view(n, *generator.sizes[0], -1).double()
    torch.testing.assert_close(generator.norms[0].mean.double(), h.mean((0, 1, 2)))
    wanted = h.var((0, 1, 2), correction=0)
    torch.testing.assert_close(generator.norms[0].var.double(), wanted)


def test_labels_come_by_frequency_and_absent_classes_never():
    y = drawn_labels(IMAGES, 0, "sample", 0, 20_000)
    counts = torch.bincount(y, minlength=3)
    assert int(counts[1]) == 0
    assert abs(int(counts[0]) / 20_000 - 0.7) < 4 * (0.7 * 0.3 / 20_000) ** 0.5
    assert torch.equal(drawn_labels(IMAGES, 0, "sample", 60, 30), y[60:90])
    assert drawn_labels(POINTS, 0, "sample", 0, 5) is None


@pytest.mark.parametrize(("shares", "kept"), [((0.0, 1.0), 1), ((1.0, 0.0), 0)])
def test_the_border_numbers_of_a_uniform_draw_keep_to_the_classes(shares, kept, monkeypatch):
    spec = replace(IMAGES, classes=("a", "b"), frequencies=shares)
    borders = torch.tensor([0.0, 1 - 2**-24])
    monkeypatch.setattr("gantlet.labels.rows", lambda *_: borders)
    assert drawn_labels(spec, 0, "sample", 0, 2).tolist() == [kept, kept]


def test_classes_without_frequencies_are_equally_likely():
    y = drawn_labels(replace(IMAGES, frequencies=()), 0, "sample", 0, 9000)
    assert (torch.bincount(y) - 3000).abs().max() < 4 * (9000 * 2 / 9) ** 0.5


@pytest.mark.parametrize("recipe", ["mlp", "dcgan", "r3gan"])
def test_a_sample_is_that_of_its_own_label_whatever_the_others_are(recipe):
    game, spec = ready(recipe)
    y = torch.tensor([0, 2] * 40)
    mixed = generate(game, game.players, spec, MACHINE, seed=0, count=80, y=y)
    plain = generate(game, game.players, spec, MACHINE, seed=0, count=80, y=torch.zeros_like(y))
    assert np.array_equal(mixed[::2], plain[::2])
    assert not np.array_equal(mixed[1::2], plain[1::2])
    ten = generate(game, game.players, spec, MACHINE, seed=0, count=10, y=y[:10])
    assert np.array_equal(ten, mixed[:10])
