"""One pass: gradients, averages, who is frozen, and time that is counted in samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gantlet.config import Optimiser, override
from gantlet.data import open_data
from gantlet.data.split import split
from gantlet.errors import UsageError
from gantlet.games.base import Phase
from gantlet.recipes import tiny
from gantlet.training.machine import Machine
from gantlet.training.preparing import prepared
from gantlet.training.step import Meters, Stepper, share_of
from gantlet.training.trainer import built
from tests.training.small import played, trainer
from tests.training.test_parts import gap


def stepper_of(run, game, optimisers):
    config = replace(run.config, optimisers=optimisers)
    return Stepper(game, run.averaged, run.feed, config, run.machine)


@pytest.mark.parametrize("ramp", [0.5, None])
def test_averages_are_exponential_with_a_half_life_in_samples(ramp, tmp_path):
    settings = ("train.ema_half_life=40", f"train.ema_ramp={'null' if ramp is None else ramp}")
    run = trainer(tmp_path, "mlp", *settings, precision="float64")
    live, copy = (next(p["generator"].parameters()) for p in (run.game.players, run.averaged))
    wanted = live.detach().clone()
    for position in range(8):
        run.stepper.play(position)
        seen = 16 * (position + 1)
        span = 40 if ramp is None else min(40, ramp * seen)
        beta = 0.5 ** (16 / span)
        wanted = beta * wanted + (1 - beta) * live.detach()
    torch.testing.assert_close(copy.detach(), wanted, rtol=1e-12, atol=1e-14)
    assert not copy.requires_grad


def test_the_gradient_of_a_pass_is_that_of_the_mean_loss(tmp_path):
    run = trainer(tmp_path, "r3gan", "train.micro_batches=2", precision="float64")
    whole = trainer(tmp_path, "r3gan", precision="float64")
    gradients = []
    run.stepper._step = lambda name, seen: gradients.extend(
        w.grad.clone() for w in run.game.players[name].parameters()
    )
    phase = run.game.phases[0]
    run.stepper._play(phase, 0, 0)
    turn = whole.stepper._turn(phase.name, 0, 0, 0)
    assert len(turn.real) == 16
    whole.game.players["generator"].requires_grad_(False)
    loss = whole.game.phases[0].loss(whole.game.players, turn).per_sample.mean()
    wanted = torch.autograd.grad(loss, list(whole.game.players["discriminator"].parameters()))
    for mine, theirs in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_micro_batches_count_terms_of_weights_once(tmp_path):
    run = trainer(tmp_path, "mlp", "game.orthogonality=2", "train.micro_batches=4")
    weights = list(run.game.players["generator"].parameters())
    run.stepper._step = lambda name, seen: None
    phase = replace(run.game.phases[1])
    orthogonality = phase.loss(run.game.players, run.stepper._turn("generator", 0, 0, 0)).per_step
    wanted = torch.autograd.grad(orthogonality, weights, allow_unused=True)
    run.stepper._play(phase, 0, 0)
    with_term = [None if w.grad is None else w.grad.clone() for w in weights]
    for weight in weights:
        weight.grad = None
    plain = trainer(tmp_path, "mlp", "train.micro_batches=4")
    plain.stepper._step = lambda name, seen: None
    plain.stepper._play(plain.game.phases[1], 0, 0)
    without = [w.grad for w in plain.game.players["generator"].parameters()]
    for term, a, b in zip(wanted, with_term, without, strict=True):
        difference = torch.zeros_like(a) if term is None else term
        torch.testing.assert_close(a - b, difference, rtol=1e-4, atol=1e-4)


def test_other_players_are_frozen_and_all_is_put_back(tmp_path):
    """Also players that nothing trains, weights that a person froze, and after an error."""
    run = trainer(tmp_path, "mlp")
    game = run.game
    game.players["helper"] = nn.Linear(1, 1)
    first = game.players["generator"].trunk[0]
    first.weight.requires_grad_(False)
    kept = first.weight.clone()
    asked = []

    def spying(phase):
        def loss(players, turn):
            asked.append({n: w.requires_grad for n, w in players.named_parameters()})
            losses = phase.loss(players, turn)
            extra = players["helper"](losses.per_sample[:, None])[:, 0]
            return replace(losses, per_sample=losses.per_sample + 0 * extra)

        return replace(phase, loss=loss)

    spied = replace(game, phases=[spying(phase) for phase in game.phases])
    stepper = stepper_of(run, spied, run.config.optimisers)
    for position in range(2):
        stepper.play(position)
    for phase, flags in zip(game.phases, asked, strict=False):
        for name, flag in flags.items():
            player = name.split(".")[0]
            assert flag == (player in phase.trains and name != "generator.trunk.0.weight"), name
    assert game.players["helper"].weight.grad is None
    assert torch.equal(first.weight, kept)

    def fail(players, turn):
        raise RuntimeError("lost")

    broken = replace(game, phases=[replace(game.phases[0], loss=fail)])
    with pytest.raises(RuntimeError, match="lost"):
        stepper_of(run, broken, run.config.optimisers).play(0)
    flags = {name: w.requires_grad for name, w in game.players.named_parameters()}
    assert [name for name, flag in flags.items() if not flag] == ["generator.trunk.0.weight"]


def test_half_the_batch_sees_the_same_schedule_at_the_same_samples(tmp_path):
    schedule = "{start: 1.0e-3, end: 1.0e-4, samples: 100}"
    settings = (
        f"optimisers.generator.lr={schedule}",
        "game.instance_noise={start: 1.0, end: 0.0, samples: 100, shape: linear}",
        "game.pull={samples: 64}",
        "train.ema_ramp=null",
    )
    courses = {}
    for batch in (8, 16):
        run = trainer(tmp_path, "mlp", *settings, f"train.batch={batch}", precision="float64")
        course, play = {}, run.stepper._play

        def noting(phase, position, seen, run=run, course=course, play=play):
            play(phase, position, seen)
            rate = run.stepper.optimisers["generator"].param_groups[0]["lr"]
            course.setdefault(seen, []).append((phase.name, rate))

        run.stepper._play = noting
        for position in range(160 // batch):
            run.stepper.play(position)
        courses[batch] = course
    assert list(courses[16]) == list(range(0, 160, 16))
    for seen, happened in courses[16].items():
        assert courses[8][seen][-1] == happened[-1]
        names = {name for name, _ in happened}
        assert names == {name for name, _ in courses[8][seen]}
        assert names == ({"pull"} if seen < 64 else {"discriminator", "generator"})


def test_two_averages_over_half_a_batch_keep_as_much_as_one_over_the_whole(tmp_path):
    kept = []
    for batch in (8, 16):
        settings = (f"train.batch={batch}", "train.ema_half_life=32", "train.ema_ramp=null")
        run = trainer(tmp_path, "mlp", *settings, precision="float64")
        copy = next(run.averaged["generator"].parameters())
        copy.data.fill_(1.0)
        next(run.game.players["generator"].parameters()).data.zero_()
        run.stepper._play = lambda phase, position, seen: None
        for position in range(64 // batch):
            run.stepper.play(position)
        kept.append(float(copy.flatten()[0]))
    assert kept == [pytest.approx(0.25, rel=1e-12)] * 2


def test_phases_are_played_when_due():
    phase = Phase(name="p", trains=(), loss=lambda players, turn: None, every=3, start=20, stop=50)
    due = [position for position in range(20) if phase.is_due(position, 5 * position)]
    assert due == [5, 8]


def test_a_batch_must_be_whole_groups_in_every_part():
    assert share_of(64, 4, 16) == 16
    with pytest.raises(
        UsageError,
        match=r"train.batch: expected a multiple of 64: 4 part.*received 48.*train.batch=64",
    ):
        share_of(48, 4, 16)


def test_a_learner_without_an_optimiser_is_named(tmp_path):
    run = trainer(tmp_path, "mlp")
    with pytest.raises(UsageError, match=r"'generator' learns.*optimisers\.generator"):
        stepper_of(run, run.game, {"discriminator": Optimiser()})


def test_clipping_holds_for_each_player_by_itself(tmp_path):
    run = trainer(
        tmp_path,
        "mlp",
        "optimisers.generator={name: sgd, lr: 1.0, clip_norm: 0.001}",
        "optimisers.discriminator={name: sgd, lr: 1.0, clip_value: 0.0001}",
        precision="float64",
    )
    before = [
        torch.cat([w.detach().flatten() for w in player.parameters()])
        for player in run.game.players.values()
    ]
    run.stepper.play(0)
    moves = [
        torch.cat([w.detach().flatten() for w in player.parameters()]) - old
        for player, old in zip(run.game.players.values(), before, strict=True)
    ]
    assert float(moves[0].norm()) == pytest.approx(0.001, rel=1e-3)
    assert float(moves[1].abs().max()) == pytest.approx(0.0001, rel=1e-9)


def test_meters_average_since_the_last_tick_and_survive_a_checkpoint():
    meters = Meters()
    for number in (1.0, 2.0, 6.0):
        meters.add("a", torch.tensor(number, dtype=torch.float64))
    meters.add("b", torch.tensor(5))
    assert meters.means() == {"a": 3.0, "b": 5.0}
    other = Meters()
    other.load_state(meters.state())
    other.add("a", torch.tensor(3.0))
    assert other.means() == {"a": 3.0, "b": 5.0}
    other.clear()
    assert other.means() == other.state() == {}


def test_numbers_that_are_not_finite_are_found_in_losses_and_in_weights(tmp_path):
    run = trainer(tmp_path, "mlp")
    run.stepper.play(0)
    assert run.stepper.is_finite()
    run.stepper.meters.add("x", torch.tensor(float("inf")))
    assert not run.stepper.is_finite()
    run.stepper.meters.clear()
    assert run.stepper.is_finite()
    next(run.game.players["discriminator"].parameters()).data[0] = float("nan")
    assert not run.stepper.is_finite()


@pytest.mark.parametrize("recipe", ["dcgan", "r3gan"])
def test_channels_last_changes_the_layout_alone(recipe, tmp_path):
    ends = [
        played(trainer(tmp_path, recipe, f"train.channels_last={on}", precision="float64"), 3)
        for on in ("true", "false")
    ]
    assert gap(*ends) < 1e-9


@pytest.mark.parametrize("on", [True, False])
def test_colour_images_have_the_layout_that_is_asked_for(on, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (240, 8, 8, 3), dtype=np.uint8)
    dataset = open_data(x)
    config = override(tiny("dcgan", dataset.spec), [f"train.channels_last={str(on).lower()}"])
    divided = split(dataset, config.data)
    machine = Machine("cpu", "float32", 1)
    _, feed = prepared(built(config, dataset.spec), dataset, divided.train, config, machine)
    real = feed.batch("d", 0, 16).x
    assert real.is_contiguous(memory_format=torch.channels_last) == on
    assert real.is_contiguous() != on


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_every_player_tells_its_gradient_norm_whatever_the_critic_steps(steps, tmp_path):
    one = trainer(tmp_path, "mlp", f"game.critic_steps={steps}")
    played(one, 6)
    means = one.stepper.meters.means()
    assert means["generator/gradient"] > 0
    assert means["discriminator/gradient"] > 0
