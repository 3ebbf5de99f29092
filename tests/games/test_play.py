"""What `versus` does over passes: who moves when, packs, groups, the first stage by a distance."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from gantlet.distances import DISTANCES
from gantlet.errors import UsageError
from gantlet.games.base import Query, Turn
from gantlet.games.versus import Pull, Versus
from gantlet.networks.base import Critique
from gantlet.networks.dcgan import DCGAN
from gantlet.networks.mlp import MLP
from gantlet.networks.resnet import ResNet
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.recipes import RECIPES
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.training.small import played, tensors, trainer
from tests.training.test_parts import gap

IMAGES = DataSpec(kind="image", shape=(2, 8, 8))
POINTS = DataSpec(kind="points", shape=(3,), dtype="float32")


class Watcher(nn.Module):
    """A critic that keeps what it was shown; its logit is the sum of a sample's numbers."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.shown = []

    def forward(self, x, y=None):
        self.shown.append(x)
        return Critique(self.weight * x.flatten(1).sum(1))


def test_a_pack_is_m_consecutive_samples_on_both_sides():
    m, count = 4, 16
    watcher = Watcher()
    generator = MLP.tiny().generator(IMAGES).double()
    game = Versus(pack=m, group=8, pairing="pair", penalties={"gp": 1.0, "noise-r1": 1.0}).play(
        IMAGES, generator, watcher, latent=8
    )
    x = Noise(0, "x", 0, count, dtype=torch.float64)("x", IMAGES.shape)
    noise = Noise(0, "n", 0, count, dtype=torch.float64)
    turn = Turn(Batch(x), noise, torch.tensor(0.0))
    with torch.no_grad():
        losses = [phase.loss(game.players, turn).per_sample for phase in game.phases]
    assert [tuple(loss.shape) for loss in losses] == [(count // m,)] * 2
    packs = [shown for shown in watcher.shown if torch.equal(shown[0, :2], x[0])]
    assert packs  # real samples, shown as they are
    for i in range(count):
        torch.testing.assert_close(packs[0][i // m, 2 * (i % m) : 2 * (i % m) + 2], x[i])
    fake = game.sample(game.players, Query(noise))
    sums = fake.flatten(1).sum(1).view(-1, m).sum(1) - x.flatten(1).sum(1).view(-1, m).sum(1)
    torch.testing.assert_close(losses[1], nn.functional.softplus(-sums))
    judged = game.judge(game.players, Batch(x))
    torch.testing.assert_close(judged, x.flatten(1).sum(1).view(-1, m).sum(1))


def moved(before, after, player):
    names = [n for n in before if n.startswith(f"live/{player}")]
    return any(not torch.equal(before[n], after[n]) for n in names)


def test_with_five_critic_steps_the_generator_moves_every_fifth_pass(tmp_path):
    run = trainer(tmp_path, "wgan")
    movers = []
    for position in range(11):
        before = tensors(run)
        run.stepper.play(position)
        after = tensors(run)
        movers.append([p for p in run.game.players if moved(before, after, p)])
    both = ["generator", "discriminator"]
    assert movers == [both if i in (4, 9) else both[1:] for i in range(11)]


def test_clipping_bounds_the_critic_after_each_of_its_steps_and_nothing_else(tmp_path):
    run = trainer(tmp_path, "wgan", "optimisers.discriminator.lr=0.5")
    for position in range(3):
        run.stepper.play(position)
        sizes = [
            float(w.detach().abs().max()) for w in run.game.players["discriminator"].parameters()
        ]
        assert max(sizes) <= 0.01
        assert sum(size > 0.0099 for size in sizes) > len(sizes) / 2
    free = [float(w.detach().abs().max()) for w in run.game.players["generator"].parameters()]
    assert max(free) > 0.5


def test_the_means_of_lecam_follow_the_logits_of_every_step(tmp_path):
    run = trainer(tmp_path, "mlp", "game.lecam=0.3", "train.micro_batches=2", precision="float64")
    phase, logits = run.game.phases[0], []
    after = phase.after

    def kept(players, stats):
        logits.append(float(stats["real"].mean()))
        assert stats["real"].shape == (16,)
        after(players, stats)

    object.__setattr__(phase, "after", kept)
    for position in range(4):
        run.stepper.play(position)
    weights = [0.99**age for age in (3, 2, 1, 0)]
    mean = sum(w * x for w, x in zip(weights, logits, strict=True)) / sum(weights)
    assert float(run.game.players["lecam"].real) == pytest.approx(mean, rel=1e-6)


def test_the_history_is_the_mean_of_the_weights_after_every_step(tmp_path):
    settings = ("game.historical_averaging=0.3", "game.critic_steps=2", "train.micro_batches=2")
    run = trainer(tmp_path, "dcgan", *settings, precision="float64")
    players, past = run.game.players, {"generator": [], "discriminator": []}
    for position in range(4):
        run.stepper.play(position)
        for side, seen in past.items():
            if side == "discriminator" or position % 2:
                seen.append([w.detach().clone() for w in players[side].parameters()])
    for side, seen in past.items():
        history = players["history"][side]
        assert int(history.count) == len(seen) == (4 if side == "discriminator" else 2)
        means = [torch.stack(weights).mean(0) for weights in zip(*seen, strict=True)]
        for i, wanted in enumerate(means):
            torch.testing.assert_close(getattr(history, f"mean{i}"), wanted)


PARTS = {
    "lecam": ("mlp", "game.lecam=0.3"),
    "features": ("mlp", "game.feature_matching=1"),
    "orthogonality": ("mlp", "game.orthogonality=0.5"),
    "history": ("mlp", "game.historical_averaging=0.5"),
    "auxiliary": ("mlp", "network.discriminator_condition=auxiliary"),
    "instance": ("mlp", "game.instance_noise={start: 1.0, end: 0.0, samples: 100}"),
    "penalties": ("mlp", "game.penalties={gp: 1, dragan: 1, noise-r1: 1, noise-r2: 1, r2: 2}"),
    "statistics": ("r3gan", "network.minibatch_std=true"),
    "kernels": ("r3gan", "network.minibatch_discrimination=4"),
    "average": ("mlp", "game.pairing=average"),
    "diffaugment": ("r3gan", "game.augment={policy: diffaugment, p: 0.9}"),
    "ada": ("r3gan", "game.augment={p: {samples: 200, start: 0.3}}"),
    "apa": ("r3gan", "game.apa={samples: 200, start: 0.3}"),
    "consistency": (
        *(
            "r3gan",
            "game.consistency={fake: 10, latent: 5, generator: 0.5, policy: [xflip, xint]}",
        ),
    ),
    "packs": ("points", "game.pack=2"),
    **{name: ("points", f"game.pull={{distance: {name}, samples: 64}}") for name in DISTANCES},
}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_game_is_the_same_in_micro_batches(part, tmp_path):
    recipe, *settings = PARTS[part]
    whole = trainer(tmp_path, recipe, *settings, precision="float64")
    split = trainer(tmp_path, recipe, *settings, "train.micro_batches=4", precision="float64")
    plain = trainer(tmp_path, recipe, precision="float64")
    ends = [played(run, 8) for run in (whole, split, plain)]
    assert gap(ends[0], ends[1]) <= 1e-10
    makers = [{n: t for n, t in end.items() if n.startswith("live/generator")} for end in ends]
    assert gap(makers[0], makers[2]) > 1e-6  # the setting does something


@pytest.mark.parametrize("name", DISTANCES)
def test_a_first_stage_pulls_the_generator_to_the_data_and_then_the_play_starts(name, tmp_path):
    run = trainer(
        tmp_path,
        "points",
        f"game.pull={{distance: {name}, samples: 2000}}",
        "optimisers.generator.lr=0.005",
        "train.batch=32",
        "game.group=32",
        "train.ema_half_life=0",
    )
    with torch.no_grad():  # a start off the ring
        list(run.game.players["generator"].parameters())[-1].add_(1.5)
    distance = DISTANCES[name].function
    real = run.feed.take(range(128)).x
    noise = Noise(7, "eval", 0, 128)

    def gap_to_data():
        with torch.no_grad():
            fake = run.game.sample(run.game.players, Query(noise))
            return float(distance(real, fake, noise("directions", (2,))))

    first, critic = gap_to_data(), tensors(run)
    for position in range(63):  # passes that begin below 2000 samples
        run.stepper.play(position)
    assert gap_to_data() < 0.4 * first
    assert not moved(critic, tensors(run), "discriminator")
    run.stepper.play(63)
    assert moved(critic, tensors(run), "discriminator")
    run.stepper.meters.clear()
    run.stepper.play(64)
    assert {name.split("/")[0] for name in run.stepper.meters.means()} == {
        "discriminator",
        "generator",
    }


LARGER = DataSpec(kind="image", shape=(1, 16, 16))


def test_gradient_penalties_refuse_batch_norm_and_say_why():
    game = Versus(penalties={"r1": 1.0}, group=4)
    with pytest.raises(UsageError, match=r"'r1'.*batch norm.*discriminator_norm=none"):
        game.build(LARGER, DCGAN.tiny())
    plain = Versus(group=4).build(LARGER, DCGAN.tiny())
    assert any(isinstance(m, GroupedBatchNorm) for m in plain.players["discriminator"].modules())


def test_gradient_penalties_refuse_the_batch_norm_of_a_network_of_ones_own():
    critic = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(128), nn.Linear(128, 1))
    generator = MLP.tiny().generator(IMAGES)
    with pytest.raises(UsageError, match="batch norm"):
        Versus(penalties={"gp": 1.0}).play(IMAGES, generator, critic, latent=8)


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_gradient_penalties_work_with_the_norms_the_refusal_offers(norm):
    net = replace(DCGAN.tiny(), discriminator_norm=norm)
    game = Versus(penalties={"r1": 1.0}, group=4).build(LARGER, net)
    norms = [m for m in game.players["discriminator"].modules() if type(m) is GroupedBatchNorm]
    assert norms == []


@pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])
def test_a_group_must_be_whole_packs(spec):
    with pytest.raises(UsageError, match=r"multiple of game.pack = 3.*game.group=3"):
        Versus(pack=3, group=4).build(spec, MLP.tiny())


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UsageError, match="Did you mean gp"):
        Versus(penalties={"gpp": 1.0}).build(POINTS, MLP.tiny())
    with pytest.raises(UsageError, match="Did you mean euclidean"):
        Versus(pull=Pull(distance="euclid")).build(POINTS, MLP.tiny())
    with pytest.raises(UsageError, match="Did you mean hinge"):
        Versus(objective="hing").build(POINTS, MLP.tiny())
    assert len(RECIPES) == 18


def test_a_virtual_norm_lets_micro_batches_be_of_single_samples(tmp_path):
    settings = (
        *("network.generator_norm=virtual", "network.discriminator_norm=none"),
        "game.penalties.r1=1",
    )
    whole = trainer(tmp_path, "dcgan", *settings, precision="float64")
    ones = trainer(tmp_path, "dcgan", *settings, "train.micro_batches=16", precision="float64")
    assert ones.stepper.share == 1
    assert gap(played(whole, 4), played(ones, 4)) <= 1e-10


def test_a_virtual_norm_makes_no_groups():
    settings = {"generator_norm": "virtual", "discriminator_norm": "none"}
    for net in (replace(DCGAN.tiny(), **settings), replace(ResNet.tiny(), **settings)):
        assert Versus(group=8, penalties={"r1": 1.0}).build(LARGER, net).group == 1
        assert Versus(group=8).build(LARGER, replace(net, generator_norm="batch")).group == 8


def test_parts_that_couple_samples_make_groups_and_others_do_not():
    tiny = MLP.tiny()

    def group(**settings):
        return Versus(group=8, **settings).build(POINTS, tiny).group

    assert group() == 1
    assert group(pairing="pair", penalties={"r1": 1.0}, lecam=1.0) == 1
    assert group(pairing="average") == group(pack=2) == group(feature_matching=1.0) == 8
    assert group(pull=Pull()) == 8
