"""A bundle is what was put into it; its card says what it is; a game handed over is kept."""

import json
import os
import shutil
from pathlib import Path

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
from tests.tables_for import spec_for

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
    digits = spec_for(recipe, digits)
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


def generator(spec):
    """The players of a bundle."""
    players = built(tiny("mlp", spec), spec).players
    return torch.nn.ModuleDict({"generator": players["generator"]})


class Killed(BaseException):
    """As a process that ends there."""


def test_a_bundle_is_whole_wherever_its_writer_is_killed(digits, tmp_path, monkeypatch):
    """At each flush and each replacement: what is read is the old bundle or the new one."""
    config = to_mapping(tiny("mlp", digits))
    old, new = generator(digits), generator(digits)
    for weight in new.parameters():
        weight.data.zero_()
    write_bundle(tmp_path / "old", old, digits, config, {**ABOUT, "seen": 1})
    left, real = [0], {"fsync": os.fsync, "replace": Path.replace}

    def counted(name):
        def step(*arguments):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real[name](*arguments)

        return step

    monkeypatch.setattr(os, "fsync", counted("fsync"))
    monkeypatch.setattr(Path, "replace", counted("replace"))
    seen, killed = [], 0
    for step in range(1, 50):
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(tmp_path / "old", folder)
        left[0] = step
        try:
            write_bundle(folder, new, digits, config, {**ABOUT, "seen": 2})
        except Killed:
            killed += 1
        left[0] = 0
        found = read_bundle(folder)
        seen.append(found.about["seen"])
        expected = (old if seen[-1] == 1 else new).state_dict()
        for name, value in found.players.state_dict().items():
            assert torch.equal(value, expected[name]), (step, name)
        if killed < step:
            break
    assert killed == 9  # three files, each flushed, put in its place, and its name flushed
    assert seen == [1, 1, 2, 2, 2, 2, 2, 2, 2, 2]


def test_the_first_bundle_is_whole_before_its_description_is_written(digits, tmp_path):
    config = to_mapping(tiny("mlp", digits))
    write_bundle(tmp_path / "bundle", generator(digits), digits, config, ABOUT)
    (tmp_path / "bundle" / "bundle.json").unlink()
    assert read_bundle(tmp_path).about == ABOUT
    weights = tmp_path / "bundle" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(UsageError, match="no bundle in"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("place", [12, 200, -1])
def test_an_altered_file_of_weights_is_refused_although_it_describes_itself(
    digits, tmp_path, place
):
    written(tmp_path, "mlp", digits)
    weights = tmp_path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[place] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UsageError, match=r"weights.safetensors is missing or altered"):
        read_bundle(tmp_path)


def test_an_altered_description_is_refused(digits, tmp_path):
    written(tmp_path, "mlp", digits)
    about = tmp_path / "bundle.json"
    about.write_text(about.read_text().replace('"seen": ', '"seen": 9'))
    with pytest.raises(UsageError, match=r"bundle.json is altered.*what the weights say"):
        read_bundle(tmp_path)


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
