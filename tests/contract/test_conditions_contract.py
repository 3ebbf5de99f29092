"""Conditions in every family: for a choice among names networks are those of classes, exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gantlet.errors import UsageError
from gantlet.games.check import check_game
from gantlet.games.versus import Versus
from gantlet.labels import labels_in_turn
from gantlet.nn.tables import vectors
from gantlet.spec import Condition, DataSpec
from tests.contract.test_networks_contract import CLASSES, SMALL, of_images, settings

CLASSED = replace(SMALL, classes=CLASSES)
CHOICE = replace(SMALL, conditions=(Condition(name="kind", kind="choice", names=CLASSES),))
MIXED = replace(
    SMALL,
    conditions=(
        Condition(name="smiling", kind="flag"),
        Condition(name="angle", kind="number", knots=(-45.0, 0.0, 45.0)),
        Condition(name="kind", kind="choice", names=CLASSES),
    ),
)
Y = torch.tensor([0, 2, 1, 2])
WAYS = [
    {"generator_condition": generator, "discriminator_condition": discriminator}
    for generator in ("concat", "norm")
    for discriminator in ("concat", "projection")
]


def players(family, spec, **wanted):
    torch.manual_seed(0)
    net = settings(family, **wanted)
    made = net.generator(spec, group=4), net.discriminator(spec, group=4)
    return net, *(player.double() for player in made)


@of_images
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way.values()))
def test_a_choice_is_told_as_its_class(family, way):
    """One-hots of a choice give what class labels give, with the same weights from one seed."""
    net, G, D = players(family, CLASSED, **way)
    _, other_G, other_D = players(family, CHOICE, **way)
    assert {k: v.shape for k, v in G.state_dict().items()}.keys() == other_G.state_dict().keys()
    for one, other in ((G, other_G), (D, other_D)):
        for name, weight in one.named_parameters():
            assert torch.equal(weight, other.get_parameter(name)), name
    z, x = torch.randn(4, net.latent).double(), torch.randn(4, *SMALL.shape).double()
    told = CHOICE.told(Y[:, None].double().numpy())
    assert torch.equal(told, torch.eye(3)[Y])
    assert torch.equal(G(z, Y), other_G(z, told))
    assert torch.equal(D(x, Y).logits, other_D(x, told).logits)


@of_images
def test_every_condition_reaches_both_players(family):
    net, G, D = players(family, MIXED, discriminator_condition="projection")
    z, x = torch.randn(4, net.latent).double(), torch.randn(4, *SMALL.shape).double()
    for weights in (G, D):  # what begins at zero would hide what comes before it
        for weight in weights.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    usual = torch.tensor([[0.0, 1, 0, 0, 0, 1, 0]]).repeat(4, 1)
    for k in range(MIXED.condition_size):
        moved = usual.clone()
        moved[:, k] += 0.5
        assert not torch.equal(G(z, usual), G(z, moved)), k
        assert not torch.equal(D(x, usual).logits, D(x, moved).logits), k


def test_numbers_keep_their_digits_under_autocast():
    y, weight = torch.tensor([[1.0 + 2**-12]]), torch.ones(1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(vectors(y, weight), (1 + 2**-12) * torch.ones(1, 2))


def test_what_conditions_rule_out_is_refused():
    game = Versus.tiny()
    with pytest.raises(UsageError, match=r"auxiliary classifier: expected data with classes.*"):
        game.build(MIXED, settings("mlp", discriminator_condition="auxiliary"))
    with pytest.raises(UsageError, match="packs of samples with conditions"):
        replace(game, pack=2).build(MIXED, settings("mlp"))


@of_images
def test_games_keep_their_rules_with_conditions(family):
    check_game(Versus.tiny().build(MIXED, settings(family)), MIXED)


def test_a_reference_batch_has_conditions_of_its_own():
    """Virtual batch norm keeps the reference, whose conditions are drawn as the data have them."""
    _, G, _ = players("dcgan", MIXED, generator_norm="virtual")
    wanted = labels_in_turn(MIXED, 4)
    assert torch.equal(G.y, wanted.double())
    assert wanted.shape == (4, MIXED.condition_size)


def test_descriptions_of_data_without_conditions_are_as_they_were():
    assert "conditions" not in CLASSED.to_json()
    assert DataSpec.from_json(MIXED.to_json()) == MIXED
