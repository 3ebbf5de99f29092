"""Augmentation in `versus` equals references in float64, written here from the formulas."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gantlet import check_game
from gantlet.augment import Adaptive, pipeline
from gantlet.errors import UsageError
from gantlet.games import Augment, Consistency, Turn, Versus
from gantlet.networks.mlp import MLP
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec

B, LATENT = 8, 5
IMAGES = DataSpec(kind="image", shape=(3, 6, 6))
LABELLED = replace(IMAGES, classes=("a", "b"), frequencies=(0.5, 0.5))
POINTS = DataSpec(kind="points", shape=(3,), dtype="float32")
NET = MLP(latent=LATENT, hidden=(9, 8), embedding=2, activation="leaky_relu")
ALWAYS = Augment(policy="diffaugment", p=1.0)


SIDES = ("discriminator", "generator")


def built(settings, spec=IMAGES, count=B, net=NET):
    """A game in float64 and a turn at 1000 samples."""
    torch.manual_seed(0)
    game = replace(settings, group=4).build(spec, net)
    game.players.double()
    data = Noise(1, "data", 0, count, dtype=torch.float64)
    y = torch.arange(count) % len(spec.classes) if spec.classes else None
    noise = Noise(0, "test", 0, count, dtype=torch.float64)
    return game, Turn(Batch(data("x", spec.shape), y), noise, torch.tensor(1000.0))


def loss(game, turn, name):
    phase = next(phase for phase in game.phases if phase.name == name)
    return phase.loss(game.players, turn)


def made(game, turn, z=None):
    z = turn.noise("z", (LATENT,)) if z is None else z
    return game.players["generator"](z, turn.real.y)


def changed(turn, where, x, policy="diffaugment", p: Tensor | float = 1.0):
    """x under the augmentations that a turn draws for a place."""
    line = pipeline(policy, 3)
    normal = turn.noise(f"{where}/normal", (line.normal,)) if line.normal else torch.empty(B, 0)
    return line(x, turn.noise.uniform(where, (line.uniform,)), normal, p)


def logits(game, turn, x):
    return game.players["discriminator"](x, turn.real.y).logits


@pytest.mark.parametrize("spec", [IMAGES, LABELLED], ids=["plain", "labels"])
def test_both_players_see_real_and_generated_images_through_augmentation(spec):
    game, turn = built(Versus(augment=ALWAYS, pairing="pair"), spec)
    fake = made(game, turn)
    r = logits(game, turn, changed(turn, "augment/real", turn.real.x))
    f = logits(game, turn, changed(turn, "augment/fake", fake))
    torch.testing.assert_close(loss(game, turn, "discriminator").per_sample, softplus(f - r))
    torch.testing.assert_close(loss(game, turn, "generator").per_sample, softplus(r - f))
    assert not torch.allclose(r, logits(game, turn, turn.real.x))


def test_a_penalty_is_taken_with_respect_to_the_image_before_its_augmentation():
    game, turn = built(Versus(augment=ALWAYS, penalties={"r1": 3.0}))
    x = turn.real.x.clone().requires_grad_()
    answer = logits(game, turn, changed(turn, "augment/real", x))
    gradient = torch.autograd.grad(answer.sum(), x, create_graph=True)[0]
    slope = gradient.square().flatten(1).sum(1) / 2
    f = logits(game, turn, changed(turn, "augment/fake", made(game, turn).detach()))
    wanted = softplus(-answer) + softplus(f) + 3 * slope
    losses = loss(game, turn, "discriminator")
    torch.testing.assert_close(losses.per_sample, wanted)
    torch.testing.assert_close(losses.stats["r1"], slope.detach())
    weights = list(game.players["discriminator"].parameters())
    found, right = (
        torch.autograd.grad(t.sum(), weights, allow_unused=True, materialize_grads=True)
        for t in (losses.per_sample, wanted)
    )
    torch.testing.assert_close(found, right)


def test_a_penalty_by_noise_compares_answers_under_one_augmentation():
    game, turn = built(Versus(augment=ALWAYS, penalties={"noise-r1": 1.0}))
    x, eps = turn.real.x, turn.noise("penalty/noise-r1", IMAGES.shape)
    one, other = (
        logits(game, turn, changed(turn, "augment/real", t)) for t in (x, x + 0.01 * eps)
    )
    wanted = ((other - one) / 0.01).square() / 2
    found = loss(game, turn, "discriminator").stats["noise-r1"]
    torch.testing.assert_close(found, wanted.detach())


def test_points_between_have_an_augmentation_of_their_own():
    game, turn = built(Versus(augment=ALWAYS, penalties={"gp": 1.0}))
    t = turn.noise.uniform("between/t", (1, 1, 1))
    fake = made(game, turn).detach()
    x = (turn.real.x + t * (fake - turn.real.x)).requires_grad_()
    answer = logits(game, turn, changed(turn, "augment/between", x))
    (gradient,) = torch.autograd.grad(answer.sum(), x)
    wanted = (gradient.flatten(1).norm(dim=1) - 1).square()
    torch.testing.assert_close(loss(game, turn, "discriminator").stats["gp"], wanted)


def test_packed_samples_are_augmented_one_by_one():
    game, turn = built(Versus(augment=ALWAYS, pack=2))
    real = changed(turn, "augment/real", turn.real.x).reshape(B // 2, 6, 6, 6)
    fake = changed(turn, "augment/fake", made(game, turn)).reshape(B // 2, 6, 6, 6)
    critic = game.players["discriminator"]
    r, f = (critic(t, None).logits for t in (real, fake))
    found = loss(game, turn, "discriminator").per_sample
    torch.testing.assert_close(found, softplus(-r) + softplus(f))


SETTINGS = Versus(pairing="pair", penalties={"r1": 1.0, "r2": 1.0, "gp": 1.0})


@pytest.mark.parametrize(
    "still", [{"augment": Augment()}, {"apa": Adaptive()}, {"augment": Augment(p=0.0)}]
)
@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_with_probability_zero_losses_keep_every_bit(still, name):
    (plain, one), (same, two) = built(SETTINGS), built(replace(SETTINGS, **still))
    a, b = loss(plain, one, name), loss(same, two, name)
    assert torch.equal(a.per_sample, b.per_sample)
    assert all(torch.equal(stat, b.stats[key]) for key, stat in a.stats.items())


def test_without_these_settings_no_random_number_more_is_drawn():
    game, turn = built(SETTINGS)
    asked = []
    for phase in game.phases:
        fresh = replace(turn, noise=Noise(0, phase.name, 0, B, dtype=torch.float64))
        stats = phase.loss(game.players, fresh).stats
        asked.append((set(fresh.noise.requests), set(stats)))
    assert asked == [({"z", "between/t"}, {"real", "fake", "r1", "r2", "gp"}), ({"z"}, {"fake"})]
    assert list(game.players) == ["generator", "discriminator"]


@pytest.mark.parametrize("spec", [IMAGES, LABELLED], ids=["plain", "labels"])
def test_apa_puts_generated_samples_of_their_own_latents_among_the_real_ones(spec):
    count = 64
    game, turn = built(Versus(apa=0.4, pairing="pair"), spec, count)
    pseudo = made(game, turn, turn.noise("apa/z", (LATENT,)))
    swapped = turn.noise.uniform("apa", ()) < 0.4
    real = torch.where(swapped[:, None, None, None], pseudo, turn.real.x)
    r, f = (logits(game, turn, x) for x in (real, made(game, turn)))
    losses = loss(game, turn, "discriminator")
    torch.testing.assert_close(losses.per_sample, softplus(f - r))
    assert torch.equal(losses.stats["genuine"], (~swapped).double())
    assert 10 < int(swapped.sum()) < 42
    torch.testing.assert_close(loss(game, turn, "generator").per_sample, softplus(r - f))


def test_an_auxiliary_classifier_learns_nothing_from_what_apa_has_put_in():
    net = replace(NET, discriminator_condition="auxiliary")
    without, told = (
        loss(*built(Versus(apa=0.4, auxiliary=weight), LABELLED, 64, net), "discriminator")
        for weight in (0.0, 1.0)
    )
    taught = told.per_sample - without.per_sample
    genuine = told.stats["genuine"] == 1
    assert 0 < int(genuine.sum()) < 64
    assert (taught[genuine] > 0.1).all()
    assert (taught[~genuine] == 0).all()


def test_samples_of_nearby_latents_are_compared_in_full_precision():
    """In bfloat16 a change of z by 0.03 is lost among roundings."""
    apart = Consistency(real=0.0, latent=5.0, generator=1e7)
    game, turn = built(Versus(consistency=apart))
    game.players.float()
    turn = replace(turn, real=Batch(turn.real.x.float()))
    sides = {}
    for half in (False, True):
        noise = Noise(0, "test", 0, B)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            played = replace(turn, noise=noise)
            critic, generator = (loss(game, played, side) for side in SIDES)
        sides[half] = critic.stats["consistency"], generator.per_sample
    torch.testing.assert_close(sides[True][0], sides[False][0])
    assert (sides[False][1].abs() > 100).all()
    torch.testing.assert_close(sides[True][1], sides[False][1], rtol=1e-3, atol=0.0)


def test_apa_replaces_whole_packs():
    game, turn = built(Versus(apa=0.5, pack=2), count=64)
    genuine = loss(game, turn, "discriminator").stats["genuine"]
    assert torch.equal(genuine, (turn.noise.uniform("apa", ())[::2] >= 0.5).double())


def stats(real, fake, **others):
    return {"real": torch.tensor(real), "fake": torch.tensor(fake), **others}


@pytest.mark.parametrize(
    ("settings", "real", "rises"),
    [
        ({}, [0.5, 0.5], True),
        ({}, [-0.5, -0.5], False),  # surely fake, by a critic whose 0 means undecided
        ({"objective": "hinge"}, [-0.5, -0.5], False),
        ({"pairing": "pair"}, [-0.5, -0.5], True),  # above the generated ones: -3
        ({"pairing": "average"}, [-0.5, -0.5], True),
        ({"objective": "wasserstein"}, [-0.5, -0.5], True),
        ({"objective": "leastsquares"}, [0.9, 0.9], True),
        ({"pairing": "pair"}, [-3.5, -2.5], False),  # as many above the middle as below
    ],
)
def test_p_follows_the_critics_knowledge_of_real_samples(settings, real, rises):
    rule = Adaptive(samples=100, start=0.5)
    game, _ = built(Versus(augment=Augment(p=rule), apa=rule, **settings))
    game.phases[0].after(game.players, stats(real, [-3.0, -3.0]))
    for name in ("augment", "apa"):
        assert float(game.players[name].p) == pytest.approx(0.52 if rises else 0.48)


def test_samples_that_apa_has_put_in_do_not_count_as_known():
    rule = Adaptive(samples=100, start=0.5)
    game, _ = built(Versus(apa=rule))
    genuine = torch.tensor([1.0, 0.0, 0.0])
    game.phases[0].after(game.players, stats([1.0, -1.0, -1.0], [0.0], genuine=genuine))
    assert float(game.players["apa"].p) == pytest.approx(0.53)


def test_of_packs_every_sample_counts_as_seen():
    game, _ = built(Versus(augment=Augment(p=Adaptive(samples=100)), pack=2))
    game.phases[0].after(game.players, stats([1.0, 1.0], [0.0, 0.0]))
    assert float(game.players["augment"].p) == pytest.approx(0.04)


def test_consistency_is_the_squared_change_of_the_logit():
    weights = Consistency(real=2.0, fake=3.0, latent=5.0, generator=0.7, sigma=0.1)
    game, turn = built(Versus(consistency=weights))
    z = turn.noise("z", (LATENT,))
    fake, near = made(game, turn), made(game, turn, z + 0.1 * turn.noise("near/z", (LATENT,)))
    r, f, n = (logits(game, turn, x) for x in (turn.real.x, fake, near))
    moved_r, moved_f = (
        logits(game, turn, changed(turn, f"consistency/{side}", x, "translation"))
        for side, x in (("real", turn.real.x), ("fake", fake))
    )
    term = 2 * (r - moved_r) ** 2 + 3 * (f - moved_f) ** 2 + 5 * (f - n) ** 2
    losses = loss(game, turn, "discriminator")
    torch.testing.assert_close(losses.stats["consistency"], term.detach())
    torch.testing.assert_close(losses.per_sample, softplus(-r) + softplus(f) + term)
    apart = (fake - near).square().flatten(1).mean(1)
    torch.testing.assert_close(
        loss(game, turn, "generator").per_sample, softplus(-f) - 0.7 * apart
    )


def test_consistency_changes_what_augmentation_shows():
    game, turn = built(Versus(consistency=Consistency(), augment=ALWAYS))
    seen = changed(turn, "augment/real", turn.real.x)
    again = changed(turn, "consistency/real", seen, "translation")
    wanted = 10 * (logits(game, turn, seen) - logits(game, turn, again)).square()
    found = loss(game, turn, "discriminator").stats["consistency"]
    torch.testing.assert_close(found, wanted.detach())


EVERYTHING = Versus(
    augment=Augment(p=Adaptive(start=0.5)),
    apa=0.3,
    consistency=Consistency(fake=1.0, latent=1.0, generator=1.0),
    penalties={"r1": 1.0, "noise-r2": 1.0, "dragan": 1.0},
    instance_noise=0.1,
)


@pytest.mark.parametrize("spec", [IMAGES, LABELLED], ids=["plain", "labels"])
@pytest.mark.parametrize("pairing", ["none", "average"])
def test_with_everything_on_the_game_keeps_its_rules(spec, pairing):
    game = replace(EVERYTHING, pairing=pairing, group=4).build(spec, NET)
    check_game(game, spec)
    assert game.bundled == ("generator",)
    assert isinstance(game.players["augment"].p, Tensor)


@pytest.mark.parametrize(
    "settings", [{"augment": ALWAYS}, {"consistency": Consistency()}], ids=["augment", "cr"]
)
def test_points_are_no_images(settings):
    (name,) = settings
    with pytest.raises(UsageError, match=rf"game.{name}: expected images.*game.{name}=null"):
        Versus(**settings).build(POINTS, NET)
    latent = Versus(apa=0.1, consistency=Consistency(real=0.0, latent=5.0), group=4)
    check_game(latent.build(POINTS, NET), POINTS)
