"""The dial: published points, monotone rules, batches that fit, and what the person sets."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import yaml

from gantlet import planning
from gantlet.config import from_mapping, read_yaml, to_mapping
from gantlet.config_text import to_yaml
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.networks import MLP, R3GAN
from gantlet.networks.sizes import PUBLISHED, SIZES, resized
from gantlet.planning import plan
from gantlet.recipes import RECIPES, recipe
from gantlet.recipes.dial import (
    BURN_IN,
    Device,
    bytes_of_a_step,
    dial,
    r3gan_batch,
    r3gan_gamma,
    r3gan_rate,
    stylegan2_gamma,
)
from gantlet.schedules import Schedule
from gantlet.spec import DataSpec
from gantlet.training.trainer import built
from tests.cli.door import assert_refused, gantlet
from tests.tables_for import RECIPES_FOR_TABLES

GIB = 2**30
SMALL = Device(kind="processors", memory=8 * GIB)
LARGE = Device(kind="gpu", memory=80 * GIB)
DATA_SETS = {
    "Stacked MNIST": (32, 512, 60_000, 0.1),
    "CIFAR-10": (32, 512, 50_000, 0.005),
    "FFHQ-64": (64, 256, 70_000, 0.2),
    "FFHQ-256": (256, 256, 70_000, 15.0),
    "ImageNet-32": (32, 4096, 1_281_167, 0.05),
    "ImageNet-64": (64, 4096, 1_281_167, 0.1),
}
"""Side, batch, images and final gamma of table 9 of arXiv 2501.05441."""
ADA = ((32, 64, 0.01), (256, 64, 1.0), (512, 64, 0.5), (1024, 32, 2.0))
"""Side, batch and gamma that the authors of arXiv 2006.06676 trained with."""


def images(*shape: int, classes: tuple[str, ...] = ()) -> DataSpec:
    frequencies = tuple(1 / len(classes) for _ in classes)
    return DataSpec(kind="image", shape=shape, classes=classes, frequencies=frequencies or None)


def test_gamma_follows_the_least_squares_through_the_published_points():
    sides, batches, _, gammas = np.array(list(DATA_SETS.values())).T
    ones = np.ones(len(sides))
    terms = np.stack([ones, 2 * np.log(sides), np.log(batches)], 1)
    (_, of_pixels, of_batch), *_ = np.linalg.lstsq(terms, np.log(gammas), rcond=None)
    assert of_pixels == pytest.approx(1.48, abs=0.005)  # the rule: 3 / 2, a side to the third
    assert of_batch == pytest.approx(-0.02, abs=0.005)  # the rule: 0
    scale = np.exp(np.mean(np.log(sides) - np.log(gammas) / 3))
    assert scale == pytest.approx(110, abs=1)


def test_gamma_is_near_the_published_ones():
    off = {
        name: max(r3gan_gamma(side, side) / gamma, gamma / r3gan_gamma(side, side))
        for name, (side, _, _, gamma) in DATA_SETS.items()
    }
    assert off["FFHQ-64"] < 1.05
    assert off["FFHQ-256"] < 1.25
    assert max(off["ImageNet-32"], off["ImageNet-64"]) < 2.1
    # Two sets of the same size and batch whose published gammas differ twentyfold.
    assert max(off["Stacked MNIST"], off["CIFAR-10"]) < 5.1


def test_gamma_of_stylegan2_is_the_heuristic_and_its_authors_stay_within_a_factor_of_five():
    assert stylegan2_gamma(256, 256, 64) == pytest.approx(0.0002 * 65536 / 64, rel=0.05)
    for side, batch, gamma in ADA:
        assert 1 / 5 < stylegan2_gamma(side, side, batch) / gamma < 5


def test_gamma_grows_with_the_image_and_stays_below_the_smallest_published_one():
    gammas = [r3gan_gamma(side, side) for side in (8, 28, 32, 33, 48, 64, 100, 256, 1024)]
    assert gammas[0] == gammas[1] == gammas[2]
    assert all(a < b for a, b in pairwise(gammas[2:]))
    assert r3gan_gamma(32, 128) == r3gan_gamma(64, 64)
    assert stylegan2_gamma(64, 64, 32) > stylegan2_gamma(64, 64, 64) > stylegan2_gamma(32, 32, 64)


def test_the_rate_is_the_published_one_and_near_the_recipe_s_at_its_width():
    assert r3gan_rate(768) == 2e-4
    narrow = recipe("r3gan", images(1, 28, 28)).optimisers["generator"].lr
    assert r3gan_rate(96) == pytest.approx(narrow, rel=0.15)
    assert all(a > b for a, b in pairwise(map(r3gan_rate, (48, 96, 192, 384, 768))))


def test_batches_grow_with_the_data_and_meet_the_published_ones_within_two():
    for _, batch, number, _ in DATA_SETS.values():
        assert 1 / 2 <= r3gan_batch(number) / batch <= 2
    assert r3gan_batch(70_000) == 256
    assert r3gan_batch(1_281_167) == 4096
    sizes = [r3gan_batch(number) for number in (0, 100, 30_000, 10**5, 10**6, 10**8)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (64, 4096)


def derived(name="r3gan", size="m", shape=(3, 32, 32), number=50_000, device=LARGE, **asked):
    spec = images(*shape)
    return dial(recipe(name, spec), size, spec, images=number, device=device, **asked)


def test_memory_decides_into_how_many_parts_a_batch_goes():
    parts = [
        derived(device=replace(LARGE, memory=gib * GIB)).config.train.micro_batches
        for gib in (1, 4, 16, 80, 2000)
    ]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == 64  # of four samples each: none sees another
    assert parts[-1] == 1
    net, spec = R3GAN(width=64), images(1, 28, 28)
    one = bytes_of_a_step(net, spec, 64)
    assert bytes_of_a_step(net, spec, 128) == 2 * one
    assert bytes_of_a_step(replace(net, width=128), spec, 64) == 2 * one
    told = derived(device=replace(LARGE, memory=4 * GIB)).reasons["train.micro_batches"]
    assert f"Micro-batches {parts[1]}: " in told
    assert "of 4.0 GiB" in told


@pytest.mark.parametrize("device", [SMALL, LARGE, replace(LARGE, ranks=3)])
@pytest.mark.parametrize("size", SIZES)
def test_batches_are_whole_groups_for_each_part_and_process(size, device):
    for number in (60, 1_797, 200_000):
        config = derived(size=size, number=number, device=device).config
        assert config.train.batch % (device.ranks * config.game.group) == 0
        assert config.train.batch % (device.ranks * config.train.micro_batches) == 0


def test_parts_are_whole_groups_where_samples_see_one_another():
    tight = replace(LARGE, memory=GIB)
    for key in ("network.minibatch_std", "game.pack"):
        value = 2 if key == "game.pack" else True
        made = derived(device=tight, given={key: value})
        assert made.config.train.micro_batches == 16  # of 256 samples, in groups of 16


def test_a_step_that_fits_in_no_parts_is_told():
    told = derived(shape=(3, 1024, 1024), size="l", device=SMALL).reasons["train.micro_batches"]
    assert "it may not fit. A smaller --size-model or smaller images (--size) do." in told
    assert "may not fit" not in derived(device=replace(LARGE, memory=4 * GIB)).reasons.get(
        "train.micro_batches", ""
    )
    assert "train.micro_batches" not in derived(device=LARGE).reasons


def widest(network) -> int:
    """Most units or channels of a layer."""
    if isinstance(network, MLP):
        return max(network.hidden)
    return network.width[0] if isinstance(network, R3GAN) else network.max_width


@pytest.mark.parametrize(
    "name", [name for name in RECIPES if name not in ("points", *RECIPES_FOR_TABLES)]
)
def test_each_recipe_has_four_sizes_each_twice_as_wide_as_the_one_before(name):
    spec = images(3, 32, 32, classes=("a", "b"))
    made = [dial(recipe(name, spec), s, spec, images=999, device=SMALL).config for s in SIZES]
    assert [config.size_model for config in made] == ["xs", "s", "m", "l"]
    assert all(from_mapping(to_mapping(config)) == config for config in made)
    assert all(from_mapping(yaml.safe_load(to_yaml(config))) == config for config in made)
    widths = [widest(config.network) for config in made]
    assert all(b == 2 * a for a, b in pairwise(widths))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_smallest_of_each_family_plays(name):
    spec = images(1, 16, 12)
    config = dial(recipe(name, spec), "xs", spec, images=1_000, device=SMALL).config
    assert isinstance(built(config, spec), Game)


def test_the_largest_have_the_widths_of_their_papers():
    def largest(name, side):
        spec = images(3, side, side)
        return resized("l", recipe(name, spec).network, spec)

    found = largest("stylegan2", 256)
    assert (found.width, found.max_width, found.latent, found.style) == (64, 512, 512, 512)
    assert (largest("progressive", 1024).width, largest("progressive", 256).width) == (16, 64)
    assert (largest("fastgan", 256).width, largest("fastgan", 64).width) == (32, 128)
    assert (largest("biggan", 128).width, largest("biggan", 128).max_width) == (96, 1536)


@pytest.mark.parametrize(("side", "mixing", "group"), [(32, 0.0, 32), (64, 0.9, 4)])
def test_stylegan2_on_a_gpu_has_its_authors_settings(side, mixing, group):
    spec = images(3, side, side)
    game = dial(recipe("stylegan2", spec), "l", spec, images=999, device=LARGE).config.game
    here = dial(recipe("stylegan2", spec), "l", spec, images=999, device=SMALL).config.game
    assert (game.style_mixing, game.group, bool(game.path_length)) == (mixing, group, side > 32)
    assert (here.style_mixing, here.group, here.path_length) == (0, 32, None)
    rates = dial(recipe("stylegan2", spec), "l", spec, images=999, device=LARGE).config.optimisers
    assert (rates["generator"].lr, rates["discriminator"].lr) == (2e-3, 2.5e-3)
    assert rates["generator"].beta2 == (0.992 if side > 32 else 0.99)
    assert resized("s", recipe("stylegan2", spec).network, spec).latent == 16


def test_what_r3gan_derives():
    made = derived(size="l", number=1_281_167, shape=(3, 64, 64))
    config = made.config
    assert config.train.batch == 4096
    weight = config.game.penalties["r1"]
    assert weight == config.game.penalties["r2"]
    assert (weight.start, weight.end, weight.samples) == (2.0, 0.2, BURN_IN)
    assert {o.lr for o in config.optimisers.values()} == {2e-4}
    rise = Schedule(start=0.9, end=0.99, samples=weight.samples, shape=weight.shape)
    assert [o.beta2 for o in config.optimisers.values()] == [rise, rise]
    told = "Beta2 rises from 0.9 to 0.99 over 2,000,000 samples."
    assert told in made.told(["optimisers.generator.lr", "optimisers.discriminator.lr"])
    assert told in made.told(["optimisers.generator.beta2"])
    assert told not in made.told([f"optimisers.{player}.beta2" for player in config.optimisers])
    assert config.stop.samples == 10_000_000
    assert "Batch 4096: 1,281,167 training images on a GPU." in made.told()
    on_processors = derived(size="l", device=SMALL).config
    assert on_processors.stop == recipe("r3gan", images(3, 32, 32)).stop
    assert on_processors.train.batch == recipe("r3gan", images(3, 32, 32)).train.batch == 16


def test_nothing_depends_on_the_machine_but_through_the_device(monkeypatch):
    assert derived() == derived()
    monkeypatch.setattr(planning, "find_device", lambda train: LARGE)
    made = plan("digits", "r3gan", size="s")
    spec = made.dataset.spec
    assert (
        made.config
        == dial(recipe("r3gan", spec), "s", spec, images=1_797 - 180, device=LARGE).config
    )
    assert made.name == "digits-r3gan-s"


def test_what_the_person_sets_comes_before_what_is_derived(monkeypatch):
    monkeypatch.setattr(planning, "find_device", lambda train: SMALL)
    given = ["train.batch=32", "game.penalties.r1=3", "optimisers.generator.lr=0.1"]
    given.append("optimisers.discriminator.beta2=0.95")
    made = plan("digits", "r3gan", given, size="xs")
    assert made.config.train.batch == 32
    assert made.config.game.penalties["r1"] == 3
    assert made.config.optimisers["generator"].lr == 0.1
    assert made.config.optimisers["discriminator"].lr == r3gan_rate(96)
    assert made.config.optimisers["discriminator"].beta2 == 0.95
    assert [line.split()[0] for line in made.derived] == ["Size", "Rates"]
    both = [f"optimisers.{player}.lr=0.1" for player in ("generator", "discriminator")]
    told = plan("digits", "r3gan", both, size="xs").derived
    assert [line.split()[0] for line in told] == ["Size", "Batch", "Gamma"]
    halved = plan("digits", "stylegan2", ["train.batch=32"], size="s").config.game.penalties["r1"]
    whole = plan("digits", "stylegan2", size="s").config.game.penalties["r1"]
    assert halved == pytest.approx(2 * whole, rel=0.05)


def test_what_is_derived_is_of_the_networks_that_are_trained(monkeypatch):
    monkeypatch.setattr(planning, "find_device", lambda train: SMALL)
    made = plan("digits", "r3gan", ["network.width=48"], size="l")
    assert made.config.network.width == 48
    assert made.config.optimisers["generator"].lr == r3gan_rate(48)
    assert made.derived[0].startswith("Batch")  # nothing is said of the width
    with pytest.raises(UsageError, match=r"the networks of the recipe r3gan, received .*mlp"):
        plan("digits", "r3gan", ["network=mlp"], size="xs")
    assert plan("digits", "mlp", ["network=mlp"], size="xs").config.network.name == "mlp"


def test_without_a_size_nothing_changes():
    made = plan("digits", "r3gan")
    assert made.config == recipe("r3gan", made.dataset.spec)
    assert made.config.size_model is None
    assert made.derived == ()


def test_what_has_no_size_is_told(monkeypatch):
    spec = images(1, 8, 8)
    with pytest.raises(UsageError, match="unknown size of networks 'xl'"):
        dial(recipe("dcgan", spec), "xl", spec, images=1, device=SMALL)
    other = recipe("dcgan", spec).network
    monkeypatch.delitem(PUBLISHED, "dcgan")
    with pytest.raises(UsageError, match="size s of network dcgan: expected one of the networks"):
        resized("s", other, spec)
    with pytest.raises(UsageError, match="network r3gan"):
        plan(np.random.default_rng(0).normal(size=(300, 2)), "r3gan", size="s")
    with pytest.raises(UsageError, match="received a game of one's own"):
        plan("digits", "mlp", size="s", game=built(recipe("mlp", spec), spec))


def test_the_command_line_tells_records_and_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = gantlet("config", "r3gan", "--size-model", "xs", "train.device=cpu")
    assert shown.out.startswith("# Sized for the built-in digits: name your data after")
    assert "\n# Size xs: 96, 96 channels" in shown.out
    assert "# Gamma 0.25 falling to 0.025 over 2,000,000 samples" in shown.out
    values = yaml.safe_load(shown.out)
    assert (values["recipe"], values["size_model"]) == ("r3gan", "xs")
    tiny = ("--samples", 64, "network.hidden=[8]", "train.tick=64", "validation.extractor=pixels")
    words = ("train", "--recipe", "mlp", "--size-model", "s", *tiny, "train.batch=32")
    answer = gantlet(*words)
    assert answer.code == 0, answer
    kept = read_yaml(tmp_path / "runs" / "digits-mlp-s" / "config.yaml")
    assert (kept.size_model, kept.network.hidden) == ("s", (8,))
    assert_refused(gantlet("train", "--size-model", "xxl"), "unknown size of networks 'xxl'")
    assert_refused(gantlet("train", "size_model=m"), "Write --size-model m")
    assert_refused(gantlet("train", "--recipe", "dcgan", "recipe=mlp"), "Write --recipe mlp")
