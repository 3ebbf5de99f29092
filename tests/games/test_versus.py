"""Losses of `versus` equal references in float64, written here from the papers' formulas."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.games.base import Turn
from gantlet.games.versus import Versus
from gantlet.networks.dcgan import DCGAN
from gantlet.networks.mlp import MLP
from gantlet.objectives import LINKS, PAIRINGS
from gantlet.penalties import PENALTIES
from gantlet.rng import Noise
from gantlet.schedules import Schedule
from gantlet.spec import Batch, DataSpec

B, GROUP, LATENT = 8, 4, 5
POINTS = DataSpec(kind="points", shape=(3,), dtype="float32", low=-1, high=1)
LABELLED = replace(POINTS, classes=("a", "b"), frequencies=(0.5, 0.5))
NET = MLP(latent=LATENT, hidden=(7, 6), embedding=2, activation="leaky_relu")


def built(settings, net=NET, spec=POINTS):
    """A game in float64 and one of its phases' turns at 1000 samples."""
    torch.manual_seed(0)
    game = replace(settings, group=GROUP).build(spec, net)
    game.players.double()
    return game, turn(spec)


def turn(spec=POINTS, start=0):
    data = Noise(1, "data", start, B, dtype=torch.float64)
    y = torch.arange(B) % len(spec.classes) if spec.classes else None
    return Turn(
        real=Batch(data("x", spec.shape), y),
        noise=Noise(0, "test", start, B, dtype=torch.float64),
        seen=torch.tensor(1000.0),
    )


def answers(game, turn, spread=0.0):
    """Real x, fake x, and the discriminator's logits on both."""
    y, noise = turn.real.y, turn.noise
    fake = game.players["generator"](noise("z", (LATENT,)), y)
    real = turn.real.x
    if spread:
        real = real + spread * noise("instance/real", (3,))
        fake = fake + spread * noise("instance/fake", (3,))
    critic = game.players["discriminator"]
    return real, fake, critic(real, y).logits, critic(fake, y).logits


def entropy(p: Tensor) -> Tensor:
    return -p.log()


def sigmoid(t: Tensor) -> Tensor:
    return 1 / (1 + (-t).exp())


def above(t: Tensor) -> Tensor:
    return torch.maximum(torch.zeros_like(t), 1 - t)


def group_mean(t: Tensor) -> Tensor:
    return t.view(-1, GROUP).mean(1, keepdim=True).expand(-1, GROUP).flatten()


def unpaired(r, f):
    s = sigmoid
    return {
        "minimax": (entropy(s(r)) + entropy(1 - s(f)), (1 - s(f)).log()),
        "nonsaturating": (entropy(s(r)) + entropy(1 - s(f)), entropy(s(f))),
        "leastsquares": ((r - 1) ** 2 + f**2, (f - 1) ** 2),
        "wasserstein": (f - r, -f),
        "hinge": (above(r) + above(-f), -f),
    }


def paired(r, f):
    d, s = r - f, sigmoid
    return {
        "minimax": (entropy(s(d)), (1 - s(-d)).log()),
        "nonsaturating": (entropy(s(d)), entropy(s(-d))),
        "leastsquares": ((d - 1) ** 2, (d + 1) ** 2),
        "wasserstein": (-d, d),
        "hinge": (above(d), above(-d)),
    }


def averaged(r, f):
    a, b, s = r - group_mean(f), f - group_mean(r), sigmoid
    entropies = entropy(s(a)) + entropy(1 - s(b))
    return {
        "minimax": (entropies, -entropies),
        "nonsaturating": (entropies, entropy(1 - s(a)) + entropy(s(b))),
        "leastsquares": ((a - 1) ** 2 + (b + 1) ** 2, (a + 1) ** 2 + (b - 1) ** 2),
        "wasserstein": (b - a, a - b),
        "hinge": (above(a) + above(-b), above(-a) + above(b)),
    }


REFERENCES = {"none": unpaired, "pair": paired, "average": averaged}


def phase(game, name):
    return next(phase for phase in game.phases if phase.name == name)


def check_side(game, turn, side, wanted):
    """Loss and gradient of one side's phase equal those of a reference."""
    losses = phase(game, side).loss(game.players, turn)
    torch.testing.assert_close(losses.per_sample, wanted, rtol=1e-9, atol=1e-9)
    weights = list(game.players[side].parameters())
    mine, theirs = (
        torch.autograd.grad(loss.mean(), weights, allow_unused=True, retain_graph=True)
        for loss in (losses.per_sample, wanted)
    )
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)
    return losses


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("objective", LINKS)
@pytest.mark.parametrize("spec", [POINTS, LABELLED], ids=["plain", "labels"])
def test_both_losses_are_the_formulas(objective, pairing, spec):
    game, turn = built(Versus(objective=objective, pairing=pairing), spec=spec)
    _, _, r, f = answers(game, turn)
    of_critic, of_generator = REFERENCES[pairing](r, f)[objective]
    losses = check_side(game, turn, "discriminator", of_critic)
    torch.testing.assert_close(losses.stats["real"], r)
    torch.testing.assert_close(losses.stats["fake"], f)
    check_side(game, turn, "generator", of_generator)


def slope(critic, x, y=None):
    """The gradient of each logit at its own sample, one sample at a time."""
    rows = []
    for i in range(len(x)):
        row = x[i : i + 1].detach().requires_grad_()
        logit = critic(row, None if y is None else y[i : i + 1]).logits.sum()
        rows.append(torch.autograd.grad(logit, row, create_graph=True)[0])
    return torch.cat(rows)


def penalty(name, critic, real, fake, noise, y=None):
    """A penalty of each sample, from its formula."""
    fake = fake.detach()
    if name.startswith("noise"):
        x = real if name == "noise-r1" else fake
        moved = x + 0.01 * noise(f"penalty/{name}", (3,))
        return (critic(moved, y).logits - critic(x, y).logits) ** 2 / (2 * 0.01**2)
    if name == "drift":
        return critic(real, y).logits ** 2
    if name == "dragan":
        x = real + noise.uniform("around/t", (1,)) * 0.25 * noise("around/noise", (3,))
    elif name.startswith("gp"):
        t = noise.uniform("between/t", (1,))
        x = (1 - t) * real + t * fake
    else:
        x = real if name == "r1" else fake
    norm = slope(critic, x, y).square().sum(1).sqrt()
    return {
        "r1": norm**2 / 2,
        "r2": norm**2 / 2,
        "gp": (norm - 1) ** 2,
        "gp-one-sided": torch.relu(norm - 1) ** 2,
        "gp-zero": norm**2,
        "dragan": (norm - 1) ** 2,
    }[name]


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("spec", [POINTS, LABELLED], ids=["plain", "labels"])
def test_each_penalty_is_its_formula_with_the_same_noise(name, spec):
    game, turn = built(Versus(objective="wasserstein", penalties={name: 3.0}), spec=spec)
    for weight in game.players["discriminator"].parameters():
        weight.data.mul_(3)  # slopes on both sides of one
    real, fake, r, f = answers(game, turn)
    wanted = penalty(name, game.players["discriminator"], real, fake, turn.noise, turn.real.y)
    losses = check_side(game, turn, "discriminator", f - r + 3 * wanted)
    torch.testing.assert_close(losses.stats[name], wanted.detach(), rtol=1e-9, atol=1e-12)


def test_a_penalty_on_logits_alone_allows_batch_norm():
    images = DataSpec(kind="image", shape=(1, 16, 16))
    game, given = built(Versus(penalties={"drift": 0.1}), DCGAN.tiny(), images)
    r = game.players["discriminator"](given.real.x).logits
    losses = phase(game, "discriminator").loss(game.players, given)
    torch.testing.assert_close(losses.stats["drift"], r.detach().square())
    with pytest.raises(UsageError, match="penalty 'r1' on a discriminator with batch norm"):
        built(Versus(penalties={"drift": 0.1, "r1": 1.0}), DCGAN.tiny(), images)


def test_penalties_add_up_and_their_weights_may_be_schedules():
    ramp = Schedule(start=2.0, end=0.0, samples=4000, shape="linear")
    weights = {"r1": ramp, "r2": 0.5, "gp": 1.0, "gp-zero": 0.25, "dragan": 2.0, "noise-r1": 0.1}
    game, turn = built(Versus(penalties=weights))
    real, fake, r, f = answers(game, turn)
    critic, values = game.players["discriminator"], {**weights, "r1": 2.0 * 3 / 4}
    wanted = entropy(sigmoid(r)) + entropy(1 - sigmoid(f))
    for name, weight in values.items():
        wanted = wanted + weight * penalty(name, critic, real, fake, turn.noise)
    check_side(game, turn, "discriminator", wanted)


def test_instance_noise_is_added_to_all_that_the_critic_sees():
    fading = Schedule(start=1.0, end=0.0, samples=2000, shape="linear")
    settings = Versus(instance_noise=fading, pairing="pair", penalties={"r1": 2.0, "r2": 1.0})
    game, turn = built(settings)
    real, fake, r, f = answers(game, turn, spread=0.5)
    critic = game.players["discriminator"]
    slopes = [penalty(name, critic, real, fake, turn.noise) for name in ("r1", "r2")]
    wanted = entropy(sigmoid(r - f)) + 2 * slopes[0] + slopes[1]
    check_side(game, turn, "discriminator", wanted)
    check_side(game, turn, "generator", entropy(sigmoid(f - r)))


def shifted(pairing, r, f):
    """The arguments of the terms on real and on fake; None where there is no such term."""
    return {
        "none": (r, f),
        "pair": (r - f, None),
        "average": (r - group_mean(f), f - group_mean(r)),
    }[pairing]


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_label_smoothing_moves_the_target_of_real_logits_alone(pairing):
    s = 0.1
    game, turn = built(Versus(pairing=pairing, smoothing=s))
    _, _, r, f = answers(game, turn)
    a, b = shifted(pairing, r, f)
    on_real = (1 - s) * entropy(sigmoid(a)) + s * entropy(1 - sigmoid(a))
    on_fake = 0 if b is None else entropy(1 - sigmoid(b))
    check_side(game, turn, "discriminator", on_real + on_fake)
    check_side(game, turn, "generator", REFERENCES[pairing](r, f)["nonsaturating"][1])


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_label_smoothing_of_least_squares_moves_the_target_likewise(pairing):
    game, turn = built(Versus(objective="leastsquares", pairing=pairing, smoothing=0.1))
    a, b = shifted(pairing, *answers(game, turn)[2:])
    low, target = (0, 0.9) if pairing == "none" else (-1, 0.8)
    on_fake = 0 if b is None else (b - low) ** 2
    check_side(game, turn, "discriminator", (a - target) ** 2 + on_fake)


def test_an_auxiliary_classifier_learns_real_labels_and_the_generator_obeys_it():
    net = replace(NET, discriminator_condition="auxiliary")
    game, turn = built(Versus(auxiliary=0.7), net, LABELLED)
    real, fake, r, f = answers(game, turn)
    y, critic = turn.real.y, game.players["discriminator"]

    def class_loss(x):
        classes = critic(x, None).classes
        return -(classes.exp() / classes.exp().sum(1, keepdim=True)).log()[torch.arange(B), y]

    entropies = entropy(sigmoid(r)) + entropy(1 - sigmoid(f))
    check_side(game, turn, "discriminator", entropies + 0.7 * class_loss(real))
    check_side(game, turn, "generator", entropy(sigmoid(f)) + 0.7 * class_loss(fake))
    silent, turn = built(Versus(auxiliary=0.0), net, LABELLED)
    check_side(silent, turn, "generator", entropy(sigmoid(answers(silent, turn)[3])))


@pytest.mark.parametrize("weight", [1.0, 0.0])  # 0: features alone, as in the paper
def test_feature_matching_compares_mean_features_of_groups(weight):
    game, turn = built(Versus(feature_matching=0.3, adversarial=weight))
    real, fake, _, f = answers(game, turn)
    critic = game.players["discriminator"]
    gaps = []
    for start in range(0, B, GROUP):
        rows = slice(start, start + GROUP)
        gap = critic(real[rows]).features.mean(0) - critic(fake[rows]).features.mean(0)
        gaps += [gap.square().sum()] * GROUP
    objective = weight * entropy(sigmoid(f))
    check_side(game, turn, "generator", objective + 0.3 * torch.stack(gaps))
    assert game.group == GROUP


def test_a_generator_that_nothing_teaches_is_refused():
    with pytest.raises(UsageError, match=r"game\.adversarial.*feature_matching=1"):
        built(Versus(adversarial=0.0))


def test_lecam_pulls_logits_to_running_means_that_move_after_the_step():
    game, turn = built(Versus(lecam=0.2))
    critic_phase, means = phase(game, "discriminator"), game.players["lecam"]
    means.real.fill_(0.4)
    means.fake.fill_(-0.3)
    means.count.fill_(10)
    _, _, r, f = answers(game, turn)
    wanted = entropy(sigmoid(r)) + entropy(1 - sigmoid(f))
    wanted = wanted + 0.2 * ((r + 0.3) ** 2 + (f - 0.4) ** 2)
    losses = check_side(game, turn, "discriminator", wanted)
    assert float(means.real) == 0.4  # a loss is pure
    critic_phase.after(game.players, losses.stats)
    w = 0.01 / (1 - 0.99**11)
    r, f = float(r.detach().mean()), float(f.detach().mean())
    assert float(means.real) == pytest.approx(0.4 + w * (r - 0.4), rel=1e-6)
    assert float(means.fake) == pytest.approx(-0.3 + w * (f + 0.3), rel=1e-6)
    assert int(means.count) == 11


def test_orthogonality_counts_matrices_of_the_generator_apart_from_samples():
    game, turn = built(Versus(orthogonality=0.5))
    losses = phase(game, "generator").loss(game.players, turn)
    wanted = 0.0
    for weight in game.players["generator"].parameters():
        if weight.dim() > 1:
            gram = weight @ weight.T
            wanted += 0.5 * float((gram - gram.diag().diag()).square().sum().detach())
    assert float(losses.per_step.detach()) == pytest.approx(wanted, rel=1e-12)
    torch.testing.assert_close(losses.per_sample, entropy(sigmoid(answers(game, turn)[3])))


def test_orthogonality_is_of_outputs_and_leaves_tables_of_classes_out():
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b"))
    game, turn = built(Versus(orthogonality=0.5), DCGAN.tiny(), spec)
    losses = phase(game, "generator").loss(game.players, turn)
    G = game.players["generator"]
    wanted = 0.0
    for matrix in (G.dense.weight, *(up.weight.transpose(0, 1).flatten(1) for up in G.ups)):
        gram = matrix @ matrix.T
        wanted += 0.5 * float((gram - gram.diag().diag()).square().sum().detach())
    assert float(losses.per_step.detach()) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("side", ["discriminator", "generator"])
def test_historical_averaging_is_the_squared_distance_to_the_mean_of_past_weights(side):
    game, turn = built(Versus(historical_averaging=0.4))
    stage, player = phase(game, side), game.players[side]
    assert float(stage.loss(game.players, turn).per_step.detach()) == 0
    past = []
    for step in range(3):
        with torch.no_grad():
            for weight in player.parameters():
                weight.add_(0.1 * (step + 1) ** 2)
        past.append([w.detach().clone() for w in player.parameters()])
        stage.after(game.players, {})
    means = [torch.stack(weights).mean(0) for weights in zip(*past, strict=True)]
    losses = stage.loss(game.players, turn)
    gaps = [w - mean for w, mean in zip(player.parameters(), means, strict=True)]
    wanted = 0.4 * sum(float(gap.detach().square().sum()) for gap in gaps)
    assert float(losses.per_step.detach()) == pytest.approx(wanted, rel=1e-12)
    slopes = torch.autograd.grad(losses.per_step, list(player.parameters()))
    for slope, gap in zip(slopes, gaps, strict=True):
        torch.testing.assert_close(slope, 0.8 * gap.detach())


def test_with_minibatch_statistics_a_slope_is_that_of_its_groups_summed_logits():
    """As in StyleGAN2: samples of a group see one another, those of other groups do not."""
    game, turn = built(Versus(penalties={"r1": 1.0}), replace(NET, minibatch_std=True))
    critic, real = game.players["discriminator"], turn.real.x
    wanted = []
    for start in range(0, B, GROUP):
        x = real[start : start + GROUP].clone().requires_grad_()
        gradient = torch.autograd.grad(critic(x).logits.sum(), x, create_graph=True)[0]
        wanted.append(gradient.square().sum(1) / 2)
    _, _, r, f = answers(game, turn)
    entropies = entropy(sigmoid(r)) + entropy(1 - sigmoid(f))
    check_side(game, turn, "discriminator", entropies + torch.cat(wanted))
    assert game.group == GROUP


@pytest.mark.parametrize("objective", ["nonsaturating", "minimax"])
def test_losses_stay_finite_where_a_naive_formula_overflows(objective):
    game, turn = built(Versus(objective=objective))
    with torch.no_grad():
        game.players["discriminator"].head.score.bias.fill_(1e4)
    losses = [p.loss(game.players, turn).per_sample for p in game.phases]
    assert all(bool(torch.isfinite(loss).all()) for loss in losses)
    assert float(losses[0].mean().detach()) == pytest.approx(1e4, rel=1e-2)
    assert math.isfinite(float(losses[1].sum().detach()))
