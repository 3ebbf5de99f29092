"""Speed is measured on a copy; the price of determinism is that of both ways."""

import re

import torch

from gantlet.config import override
from gantlet.data.split import split
from gantlet.recipes import tiny
from gantlet.training import speed
from gantlet.training.machine import Machine
from gantlet.training.trainer import built
from tests.training.small import images

CPU = Machine("cpu", "float32", 1)


def _game():
    dataset = images()
    config = tiny("dcgan", dataset.spec)
    return built(config, dataset.spec), dataset, split(dataset, config.data), config


def test_measuring_leaves_the_game_as_it_was(monkeypatch):
    monkeypatch.setattr(speed, "_TIMED_PASSES", 3)
    game, *rest = _game()
    before = {name: tensor.clone() for name, tensor in game.players.state_dict().items()}
    assert speed.samples_per_second(game, *rest, CPU) > 0
    after = game.players.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_a_run_of_several_parts_is_timed_in_its_last(monkeypatch):
    monkeypatch.setattr(speed, "_TIMED_PASSES", 2)
    played = []
    play = speed.Stepper.play
    monkeypatch.setattr(
        speed.Stepper, "play", lambda self, at: (played.append(at), play(self, at))
    )
    dataset = images()
    for recipe, settings, first in (
        ("progressive", (), 10),  # 8x8 has faded in and stands
        ("progressive", ("stop.samples=32",), 2),  # this run never gets there
        ("mlp", ("game.pull={samples: 160}",), 10),
        ("mlp", (), 0),
    ):
        config = override(tiny(recipe, dataset.spec), settings)
        game = built(config, dataset.spec)
        played.clear()
        speed.samples_per_second(game, dataset, split(dataset, config.data), config, CPU)
        assert played == list(range(first, first + speed._WARM_UP + 2)), recipe


def test_the_price_compares_deterministic_kernels_with_others(monkeypatch):
    monkeypatch.setattr(speed, "_TIMED_PASSES", 3)
    asked = []
    measure = speed.samples_per_second

    def spied(game, dataset, divided, config, machine):
        measure(game, dataset, divided, config, machine)
        asked.append(config.train.deterministic)
        return 800.0 if config.train.deterministic else 1000.0

    monkeypatch.setattr(speed, "samples_per_second", spied)
    sentence = speed.price_of_determinism(*_game(), CPU)
    assert asked == [True, False]
    assert re.match(r"Deterministic kernels: 800 samples/s, with others 1,000 \(-20%\)", sentence)
