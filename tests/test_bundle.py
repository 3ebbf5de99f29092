"""A bundle is what was put into it; its card says what it is; a game handed over is kept."""

import json

import pytest
import torch

from gantlet.bundle import BundleWriter, described, read_bundle, write_bundle
from gantlet.config import to_mapping
from gantlet.data import open_data
from gantlet.errors import UsageError
from gantlet.recipes import RECIPES, tiny
from gantlet.training.callback import End, Start
from gantlet.training.health import HEALTHY
from gantlet.training.trainer import built

ABOUT = {"data": "digits", "count": 1797, "own_game": False, "seen": 64, "verdict": "healthy"}


@pytest.fixture(scope="module")
def digits():
    return open_data("digits").spec


def written(folder, recipe, spec, **about):
    """A bundle of a recipe's tiny game, and that game."""
    config = tiny(recipe, spec)
    game = built(config, spec)
    write_bundle(folder, game.players, spec, to_mapping(config), {**ABOUT, **about})
    return game


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_was_written_is_read(recipe, digits, tmp_path):
    game = built(tiny(recipe, digits), digits)
    bundled = torch.nn.ModuleDict({name: game.players[name] for name in game.bundled})
    config = to_mapping(tiny(recipe, digits))
    write_bundle(tmp_path, bundled, digits, config, ABOUT)
    found = read_bundle(tmp_path)
    assert found.spec == digits
    assert to_mapping(found.config) == config
    assert found.about == ABOUT
    assert not any(m.training for p in found.players.values() for m in p.modules())
    expected, state = bundled.state_dict(), found.players.state_dict()
    assert expected.keys() == state.keys()
    assert all(torch.equal(expected[name], state[name]) for name in expected)
    assert not any(weight.requires_grad for weight in found.players.parameters())


def test_the_card_says_what_it_is(digits, tmp_path):
    written(tmp_path, "r3gan", digits)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: gantlet\ntags: [gan, r3gan]\n---\n")
    for line in (
        "- Data: digits, 1797 samples of image 1 x 8 x 8",
        "- Classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "- Recipe: r3gan",
        "- Real samples seen: 64",
        'gantlet.load(".").sample(16, seed=0)',
    ):
        assert line in card
    written(tmp_path, "r3gan", digits, own_game=True)
    card = (tmp_path / "README.md").read_text()
    assert "- Recipe: a game of its maker's own" in card
    assert 'gantlet.load(".", game=game)' in card


def test_a_bundle_is_json_and_safetensors(digits, tmp_path):
    written(tmp_path, "mlp", digits)
    assert {p.name for p in tmp_path.iterdir()} == {
        "README.md",
        "bundle.json",
        "weights.safetensors",
    }
    assert json.loads((tmp_path / "bundle.json").read_text())["format"] == 1
    assert described(tmp_path)["about"] == ABOUT


def bundled_alone(folder, spec):
    """The bundle of a game of one's own, and that game with other weights."""
    config = tiny("mlp", spec)
    game = built(config, spec)
    players = torch.nn.ModuleDict({"generator": game.players["generator"]})
    write_bundle(folder, players, spec, to_mapping(config), {**ABOUT, "own_game": True})
    for weight in game.players.parameters():
        weight.data.zero_()
    return game


def test_a_game_of_ones_own_must_be_handed_over_and_stays_as_it_is(digits, tmp_path):
    game = bundled_alone(tmp_path, digits)
    with pytest.raises(UsageError, match=r"of its maker's own.*load\(path, game=\.\.\.\)"):
        read_bundle(tmp_path)
    found = read_bundle(tmp_path, game)
    assert any(weight.any() for weight in found.players.parameters())
    assert not any(weight.any() for weight in game.players.parameters())
    assert all(weight.requires_grad for weight in game.players.parameters())


def test_reading_leaves_the_callers_random_numbers_alone(digits, tmp_path):
    config = tiny("mlp", digits)
    players = torch.nn.ModuleDict({"generator": built(config, digits).players["generator"]})
    write_bundle(tmp_path, players, digits, to_mapping(config), ABOUT)
    state = torch.get_rng_state()
    read_bundle(tmp_path)
    assert torch.equal(state, torch.get_rng_state())


def test_the_writer_writes_at_the_end_even_without_a_tick(digits, tmp_path):
    config = tiny("mlp", digits)
    players = torch.nn.ModuleDict({"generator": built(config, digits).players["generator"]})
    writer = BundleWriter({"data": "digits", "count": 3, "own_game": False})
    writer.on_start(Start(tmp_path, to_mapping(config), digits, 0, 10, ()))
    end = End(
        reason="stopped", seen=9, verdict=HEALTHY, folder=tmp_path, averaged=players, bundled=7
    )
    writer.on_end(end)
    about = described(tmp_path / "bundle")["about"]
    assert (about["seen"], about["verdict"]) == (7, "healthy")
    assert read_bundle(tmp_path).about == about
