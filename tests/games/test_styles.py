"""Mixed styles, path lengths and noise in the game, against derivatives taken by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from gantlet import check_game
from gantlet.bundle import read_bundle, write_bundle
from gantlet.config import to_mapping
from gantlet.errors import UsageError
from gantlet.games.base import Query, Turn
from gantlet.games.styles import PathLength, drawn, path_length, styled
from gantlet.games.versus import Versus
from gantlet.networks.mlp import MLP
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.networks.styles import NoisyGenerator, layered, mixed
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.training.small import played, trainer

B, LATENT = 8, 8
SPEC = DataSpec(kind="image", shape=(2, 8, 6))
LABELLED = replace(SPEC, classes=("a", "b", "c"))
NET = StyleGAN2.tiny()


def built(settings, spec=SPEC):
    """A game of float64 whose every weight is random, and a turn."""
    torch.manual_seed(0)
    game = replace(settings, group=4).build(spec, NET)
    game.players.double()
    for name, weight in game.players.named_parameters():
        if name.endswith("strength"):
            nn.init.normal_(weight)
    return game, turn(spec, 0, B)


def turn(spec, start, count):
    noise, real = (Noise(0, s, start, count, dtype=torch.float64) for s in ("n", "x"))
    y = torch.arange(start, start + count) % 3 if spec.classes else None
    return Turn(Batch(real("x", spec.shape), y), noise, torch.tensor(0.0))


def phase(game, name):
    return next(p for p in game.phases if p.name == name)


@pytest.mark.parametrize("spec", [SPEC, LABELLED], ids=["plain", "labels"])
def test_a_sample_has_its_own_noise_whatever_the_batch(spec):
    game, _ = built(Versus(), spec)
    generator = game.players["generator"]

    def samples(start, count, seed=0):
        y = torch.arange(start, start + count) % 3 if spec.classes else None
        noise = Noise(seed, "s", start, count, dtype=torch.float64)
        with torch.no_grad():
            return game.sample(game.players, Query(noise, y)), noise

    many, noise = samples(0, 70)
    few, _ = samples(66, 3)
    torch.testing.assert_close(few, many[66:69], rtol=0, atol=1e-12)
    assert noise.drawn.keys() == {"z", "noise/0", "noise/1", "noise/2"}
    y = torch.arange(70) % 3 if spec.classes else None
    silent = generator(noise.drawn["z"], y)
    assert ((silent - many).abs().flatten(1).amax(1) > 1e-3).all()


class Jitter(NoisyGenerator):
    """A generator of one's own: three numbers of z, and noise of its own beside them."""

    def __init__(self):
        super().__init__()
        self.draws = {"jitter": (3,)}
        self.spread = nn.Parameter(torch.tensor(0.1))

    def forward(self, z, y=None, noise=None):
        return z if noise is None else z + self.spread * noise["jitter"]


def test_a_generator_of_ones_own_gets_the_noise_that_it_names():
    spec = DataSpec(kind="points", shape=(3,), dtype="float32")
    game = Versus().play(spec, Jitter(), MLP.tiny().discriminator(spec), latent=3)
    check_game(game, spec)
    noise = Noise(0, "s", 0, 5)
    x = game.sample(game.players, Query(noise))
    assert torch.equal(x, noise.drawn["z"] + 0.1 * noise.drawn["jitter"])
    assert phase(game, "generator").after is None


def test_noise_of_every_layer_counts_and_is_drawn_for_each_pixel():
    game, turn = built(Versus())
    generator = game.players["generator"]
    numbers = drawn(generator, turn.noise)
    shapes = {name: tuple(t.shape) for name, t in numbers.items()}
    assert shapes == {"noise/0": (B, 1, 4, 6), "noise/1": (B, 1, 8, 6), "noise/2": (B, 1, 8, 6)}
    z = turn.noise("z", (LATENT,))
    whole = generator(z, None, numbers)
    for name in numbers:
        fewer = {key: t for key, t in numbers.items() if key != name}
        assert not torch.allclose(generator(z, None, fewer), whole)


def test_training_mixes_the_styles_of_two_latents():
    game, turn = built(Versus(style_mixing=1.0, path_length=PathLength()))
    generator, noise = game.players["generator"], turn.noise
    with torch.no_grad():
        _, w = styled(generator, turn, LATENT, 1.0)
        first, second = (
            layered(generator.style(noise(name, (LATENT,))), 4) for name in ("z", "mixing/z")
        )
    at = 1 + (3 * noise.drawn["mixing/u"][:, 1]).long()
    assert set(at.tolist()) == {1, 2, 3}
    for i in range(B):
        assert torch.equal(w[i, : at[i]], first[i, : at[i]])
        assert torch.equal(w[i, at[i] :], second[i, at[i] :])
    with torch.no_grad():
        fake = generator.synthesise(w, drawn(generator, noise))
        logits = game.players["discriminator"](fake).logits
        for p in game.phases[:2]:
            losses = p.loss(game.players, turn)
            torch.testing.assert_close(losses.stats["fake"], logits)


def test_without_mixing_training_sees_the_samples_themselves():
    game, turn = built(Versus())
    with torch.no_grad():
        fake = game.sample(game.players, Query(turn.noise))
        logits = game.players["discriminator"](fake).logits
        stats = phase(game, "generator").loss(game.players, turn).stats
    torch.testing.assert_close(stats["fake"], logits)
    assert "mixing/z" not in turn.noise.drawn


def jacobian(generator, w, noise):
    """J of one sample, (pixels, layers, W), by reverse differentiation of each pixel."""
    one = {name: t[None] for name, t in noise.items()}
    with torch.no_grad():
        pixels = generator.synthesise(w[None], one).numel()

    def image(w):
        return generator.synthesise(w[None], one).flatten()

    return torch.autograd.functional.jacobian(image, w).view(pixels, *w.shape)


def test_a_path_length_is_that_of_the_jacobian():
    game, turn = built(Versus(style_mixing=0.5))
    generator = game.players["generator"]
    noise = drawn(generator, turn.noise)
    with torch.no_grad():
        _, w = styled(generator, turn, LATENT, 0.5)
    y = turn.noise("path/y", SPEC.shape)
    found = path_length(generator, w, y, noise)
    for i in range(3):
        J = jacobian(generator, w[i], {name: t[i] for name, t in noise.items()})
        slope = torch.einsum("plw,p->lw", J, y[i].flatten()) / (8 * 6) ** 0.5
        wanted = slope.square().sum(1).mean().sqrt()
        torch.testing.assert_close(found[i], wanted, rtol=1e-9, atol=0)


@pytest.mark.parametrize("mixing", [0.0, 0.9])
def test_the_gradient_of_path_lengths_is_that_of_finite_differences(mixing):
    game, turn = built(Versus(style_mixing=mixing, path_length=PathLength(weight=0.7, every=3)))
    path = phase(game, "path-length")
    game.players["path"].mean.fill_(0.2)
    weights = list(game.players["generator"].parameters())
    directions = [torch.randn_like(w) for w in weights]

    def loss():
        return path.loss(game.players, turn).per_sample.mean()

    gradients = torch.autograd.grad(loss(), weights, allow_unused=True)
    assert sum(g is not None and bool(g.any()) for g in gradients) > len(weights) / 2
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True) if g is not None)
    ends = []
    for step in (1e-6, -2e-6):
        for weight, direction in zip(weights, directions, strict=True):
            weight.data.add_(direction, alpha=step)
        ends.append(float(loss().detach()))
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float(slope), rel=1e-6)


def test_the_phase_pulls_lengths_to_their_running_mean_that_moves_after_the_step():
    game, turn = built(Versus(path_length=PathLength(weight=0.5, decay=0.1, every=3)))
    path, means = phase(game, "path-length"), game.players["path"]
    means.mean.fill_(0.3)
    means.count.fill_(2)
    losses = path.loss(game.players, turn)
    lengths = losses.stats["length"]
    torch.testing.assert_close(losses.per_sample, 0.5 * 3 * (lengths - 0.3) ** 2)
    assert float(means.mean) == 0.3
    path.after(game.players, losses.stats)
    w = 0.1 / (1 - 0.9**3)
    wanted = 0.3 + w * (float(lengths.mean()) - 0.3)
    assert float(means.mean) == pytest.approx(wanted, rel=1e-12)
    assert int(means.count) == 3


def test_the_phase_comes_after_as_many_generator_steps():
    game, _ = built(Versus(path_length=PathLength(every=3), critic_steps=2))
    names = [p.name for p in game.phases]
    assert names == ["discriminator", "generator", "path-length"]
    due = {p.name: [i for i in range(12) if p.is_due(i, 0)] for p in game.phases}
    assert due["generator"] == [1, 3, 5, 7, 9, 11]
    assert due["path-length"] == [5, 11]


def test_the_mean_style_follows_the_styles_of_generator_steps():
    game, turn = built(Versus(style_mixing=1.0))
    generator, maker = game.players["generator"], phase(game, "generator")
    means = []
    for step in range(3):
        moment = replace(turn, noise=Noise(0, f"n{step}", 0, B, dtype=torch.float64))
        losses = maker.loss(game.players, moment)
        with torch.no_grad():
            means.append(generator.style(moment.noise("z", (LATENT,))).mean(0))
        maker.after(game.players, losses.stats)
    weights = torch.tensor([0.995**2, 0.995, 1.0], dtype=torch.float64)
    wanted = (weights[:, None] * torch.stack(means)).sum(0) / weights.sum()
    torch.testing.assert_close(generator.mean, wanted, rtol=1e-9, atol=1e-12)


def test_the_recipe_keeps_its_means_in_averages_checkpoints_and_bundle(tmp_path):
    run = trainer(tmp_path / "run", "stylegan2", "game.path_length={}")
    ends = played(run, 5)
    mean = ends["live/generator.mean"]
    assert mean.any()
    assert torch.equal(ends["mean/generator.mean"], mean)
    assert float(ends["live/path.mean"]) > 0
    assert [int(ends[f"live/{name}"]) for name in ("path.count", "generator.count")] == [1, 5]
    facts = {"data": "mine", "count": 5, "seen": 80, "verdict": "unjudged", "own_game": False}
    write_bundle(tmp_path / "b", run.averaged, run.spec, to_mapping(run.config), facts)
    bundle = read_bundle(tmp_path / "b")
    assert list(bundle.players) == ["generator"]
    assert torch.equal(bundle.players["generator"].mean, mean)


def test_vectors_of_classes_move_styles_no_faster_than_the_mapping_does():
    torch.manual_seed(0)
    generator = StyleGAN2.tiny().generator(LABELLED)
    z, y, step = torch.randn(30, 8), torch.arange(30) % 3, 5e-3  # Adam's, of its rate

    def moved(module):
        before = generator.style(z, y)
        with torch.no_grad():
            for weight in module.parameters():
                weight.add_(step * torch.randn_like(weight).sign())
            return float((generator.style(z, y) - before).norm() / before.norm())

    of_vectors, of_layers = moved(generator.mapping.input), moved(generator.mapping.layers)
    assert 0 < of_vectors < of_layers < 1e-3


@pytest.mark.parametrize("name", ["style_mixing", "path_length"])
def test_other_generators_have_no_styles(name):
    settings = {"style_mixing": 0.5, "path_length": PathLength()}
    spec = DataSpec(kind="points", shape=(2,))
    with pytest.raises(UsageError, match=rf"game\.{name}.*network stylegan2"):
        Versus(**{name: settings[name]}).build(spec, MLP.tiny())


def test_mixing_leaves_the_layers_before_the_crossover_untouched():
    game, turn = built(Versus())
    generator, noise = game.players["generator"], turn.noise
    w, other = (layered(generator.style(noise(n, (LATENT,))), 4) for n in ("z", "mixing/z"))
    layers = [layer for level in generator.levels for layer in level.layers]
    assert len(layers) == 3

    def features(w):
        kept = []
        hooks = [one.register_forward_hook(lambda *call: kept.append(call[2])) for one in layers]
        generator.synthesise(w)
        for hook in hooks:
            hook.remove()
        return kept

    for at in (1, 2, 3, 4):
        for i, (a, b) in enumerate(zip(features(w), features(mixed(w, other, at)), strict=True)):
            assert torch.equal(a, b) == (i < at)
