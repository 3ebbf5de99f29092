"""What every game promises, over the table."""

from dataclasses import replace

import pytest
import torch

from gantlet import check_game
from gantlet.games import GAMES
from gantlet.games.base import Query, Turn
from gantlet.networks import NETWORKS
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.tables_for import TABLE

CLASSES = {"classes": ("a", "b", "c"), "frequencies": (0.5, 0.25, 0.25)}
SPECS = {
    "8x8": DataSpec(kind="image", shape=(1, 8, 8)),
    "16x12": DataSpec(kind="image", shape=(3, 16, 12)),
    "16 bit": DataSpec(kind="image", shape=(1, 8, 8), dtype="uint16", high=65535.0),
    "points": DataSpec(kind="points", shape=(2,), dtype="float32"),
    "table": TABLE,
}
SPECS |= {f"{name}, labels": replace(spec, **CLASSES) for name, spec in SPECS.items()}


def suits(network, spec):
    """Whether a family of networks makes such data."""
    kind = SPECS[spec].kind
    return network == "mlp" or ((network == "table") == (kind == "table") and kind != "points")


CASES = [
    (game, network, spec)
    for game in GAMES
    for network in NETWORKS
    for spec in SPECS
    if suits(network, spec)
]


def built(game, network, spec):
    torch.manual_seed(0)
    return GAMES[game].tiny().build(SPECS[spec], NETWORKS[network].tiny())


@pytest.mark.parametrize(("game", "network", "spec"), CASES)
def test_each_game_is_pure_and_fits_its_data(game, network, spec):
    made = built(game, network, spec)
    check_game(made, SPECS[spec])
    assert set(made.bundled) <= set(made.players)


@pytest.mark.parametrize(("game", "network", "spec"), CASES)
def test_samples_depend_on_noise_and_labels_alone(game, network, spec):
    made, wanted = built(game, network, spec), SPECS[spec]
    made.players.eval()
    y = torch.arange(6) % 3 if wanted.classes else None
    with torch.no_grad():
        one, two, other = (
            made.sample(made.players, Query(Noise(seed, "s", 0, 6), y)) for seed in (0, 0, 1)
        )
    assert torch.equal(one, two)
    assert not torch.allclose(one, other)
    raw = wanted.decode(one)
    assert tuple(raw.shape) == (6, *wanted.stored)
    assert raw.dtype == getattr(torch, wanted.dtype)


@pytest.mark.parametrize(("game", "network", "spec"), CASES)
def test_a_phase_moves_only_with_the_players_it_trains(game, network, spec):
    """Frozen players get no gradient, and the loss does not need them to have one."""
    made = built(game, network, spec)
    n, wanted = 4 * made.group, SPECS[spec]
    x = 2 * Noise(0, "x", 0, n).uniform("x", wanted.shape) - 1
    y = torch.arange(n) % 3 if wanted.classes else None
    turn = Turn(Batch(x, y), Noise(0, "n", 0, n), torch.tensor(0.0))
    for phase in made.phases:
        made.players.requires_grad_(False)
        for name in phase.trains:
            made.players[name].requires_grad_(True)
        phase.loss(made.players, turn).per_sample.mean().backward()
        touched = {
            n.split(".")[0] for n, w in made.players.named_parameters() if w.grad is not None
        }
        assert touched == set(phase.trains)
        made.players.zero_grad()
