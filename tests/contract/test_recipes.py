"""What every recipe promises, over the table."""

from dataclasses import replace

import pytest
import torch

from gantlet import check_game
from gantlet.config import from_mapping, to_mapping
from gantlet.errors import UsageError
from gantlet.recipes import RECIPES, chosen, recipe, tiny
from gantlet.training.step import share_of
from gantlet.training.trainer import built
from tests.contract.test_games import SPECS, suits
from tests.tables_for import spec_for


def home(name):
    """Data that a recipe plays."""
    return spec_for(name, SPECS["8x8"])


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_plays_data_or_says_which_network_does(name, spec):
    """Asserted by `check_game`."""

    def play():
        config = tiny(name, SPECS[spec])
        assert config.recipe == name
        check_game(built(config, SPECS[spec]), SPECS[spec])

    if suits(recipe(name, home(name)).network.name, spec):
        play()
    else:
        remedy = "Use the recipe table" if "table" in spec else "Use the recipe mlp"
        with pytest.raises(UsageError, match=remedy):
            play()


@pytest.mark.parametrize("name", RECIPES)
def test_settings_survive_being_written_and_read(name):
    for config in (recipe(name, home(name)), tiny(name, home(name))):
        assert from_mapping(to_mapping(config)) == config


@pytest.mark.parametrize("name", RECIPES)
def test_the_batch_is_whole_groups_and_every_learner_has_an_optimiser(name):
    spec = home(name)
    full, small = recipe(name, spec), tiny(name, spec)
    for config in (full, replace(small, train=full.train, game=full.game)):
        game = built(replace(config, network=small.network), spec)
        assert share_of(config.train.batch, 1, game.group) == config.train.batch
        assert {p for phase in game.phases for p in phase.trains} == set(config.optimisers)


@pytest.mark.parametrize("name", RECIPES)
def test_tiny_keeps_objective_penalties_and_optimisers(name):
    full, small = recipe(name, home(name)), tiny(name, home(name))
    assert small.optimisers == full.optimisers
    assert replace(small.game, group=full.game.group) == full.game
    assert type(small.network) is type(full.network)


@pytest.mark.parametrize("name", RECIPES)
def test_first_weights_depend_on_the_seed_alone(name):
    spec = home(name)
    config = tiny(name, spec)
    state = torch.get_rng_state()
    first = built(config, spec).players.state_dict()
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(3)
    again = built(config, spec).players.state_dict()
    other = built(replace(config, train=replace(config.train, seed=1)), spec).players.state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", RECIPES)
def test_each_names_its_source(name):
    text = RECIPES[name].__doc__
    assert "Source: " in text
    assert "https://arxiv.org/abs/" in text


def test_a_recipe_is_chosen_by_the_data_and_the_choice_is_told():
    small = replace(SPECS["8x8"], shape=(1, 3, 9))
    found = [chosen(s) for s in (SPECS["points"], SPECS["table"], small, SPECS["16x12"])]
    assert [name for name, _ in found] == ["points", "table", "mlp", "r3gan"]
    assert all(why.startswith(f"Recipe {name}: ") for name, why in found)


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(UsageError, match=r"unknown recipe 'wgan_gp'.*Did you mean wgan-gp"):
        recipe("wgan_gp", SPECS["8x8"])
