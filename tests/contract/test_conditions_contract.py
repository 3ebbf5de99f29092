"""Conditions in every family: for a choice among names networks are those of classes, exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.games.check import check_game
from gantlet.games.versus import Versus
from gantlet.labels import labels_in_turn
from gantlet.nn.tables import Based, vectors
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
FLAGS = replace(
    SMALL, conditions=tuple(Condition(name=name, kind="flag") for name in ("smiling", "young"))
)
ONE_FLAG = replace(FLAGS, conditions=FLAGS.conditions[:1])
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


@of_images
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way.values()))
def test_samples_without_any_flag_are_judged_and_made_as_others_are(family, way):
    """Flags that are all 0 are told as zeros, and c W = 0 says nothing of the sample."""
    net, G, D = players(family, FLAGS, **way)
    z = torch.randn(4, net.latent).double().requires_grad_()
    x = torch.randn(4, *SMALL.shape).double().requires_grad_()
    nothing = FLAGS.told(np.zeros((4, 2))).double()
    assert not nothing.any()
    for place, judged in ((x, D(x, nothing)), (z, D(G(z, nothing), nothing))):
        (slope,) = torch.autograd.grad(judged.logits.sum(), place)
        assert (slope.flatten(1).abs().amax(1) > 1e-9).all()


@of_images
def test_every_share_of_a_flag_makes_another_sample_and_small_ones_hardly_another(family):
    net, G, _ = players(family, ONE_FLAG)
    z = torch.randn(1, net.latent).double().expand(4, -1)
    made = G.eval()(z, torch.tensor([[0.0], [0.25], [0.5], [1.0]]).double())
    apart = [(a - b).abs().max() for a, b in combinations(made, 2)]
    assert min(apart) > 1e-6
    near = G(z, torch.tensor([[0.0], [1e-9], [0.5], [1.0]]).double())
    torch.testing.assert_close(near[0], near[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["r3gan", "stylegan2"])
def test_a_vector_that_all_share_is_there_for_flags_alone(family):
    """The published counts of parameters, without labels and with classes, stay as they are."""
    for spec in (SMALL, CLASSED, CHOICE, MIXED, FLAGS):
        _, *both = players(family, spec)
        assert any(isinstance(m, Based) for p in both for m in p.modules()) == (spec is FLAGS)


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
