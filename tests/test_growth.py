"""Growing networks: the schedule, what fades in, what is counted, what is averaged and bundled."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.distances import DISTANCES
from gantlet.games.base import Turn
from gantlet.games.versus import Pull, Versus
from gantlet.networks.progressive import Progressive
from gantlet.nn.equalised import EqualConv2d, EqualLinear, equalise_, pixel_norm
from gantlet.nn.resampling import average_down, nearest_up
from gantlet.nn.stages import Growth, stage_at
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.test_networks import count, on_meta

STEADY, FADE, GROUP = 64, 96, 4
SHAPES = [(1, 28, 28), (3, 17, 23), (2, 4, 33)]
NET = Progressive.tiny()


def grown(seen, *players):
    """Take players to the stage of so many samples."""
    for player in players:
        for module in player.modules():
            if isinstance(module, Growth):
                module.reach(seen)


def made(shape, net=NET):
    """Generator, discriminator, view, latents and images, all in float64."""
    torch.manual_seed(0)
    spec = DataSpec(kind="image", shape=shape)
    players = net.generator(spec), net.discriminator(spec, group=GROUP), net.view(spec)
    z = torch.randn(GROUP, net.latent, dtype=torch.float64)
    x = torch.randn(GROUP, *shape, dtype=torch.float64)
    return *(player.double() for player in players), z, x


@pytest.mark.parametrize(
    ("seen", "stage", "alpha"),
    [
        (0, 0, 1.0),
        (STEADY - 1, 0, 1.0),
        (STEADY, 1, 0.0),
        (STEADY + FADE // 4, 1, 0.25),
        (STEADY + FADE, 1, 1.0),
        (2 * STEADY + FADE - 1, 1, 1.0),
        (2 * STEADY + FADE, 2, 0.0),
        (2 * STEADY + FADE + 3 * FADE // 4, 2, 0.75),
        (2 * (STEADY + FADE), 2, 1.0),
        (10**9, 2, 1.0),
    ],
)
def test_the_stage_follows_from_the_samples_seen(seen, stage, alpha):
    assert stage_at(seen, 2, STEADY, FADE) == (stage, alpha)


def test_the_share_of_all_sizes_never_falls_and_ends_at_the_last():
    """Stage minus one plus alpha is continuous: it rises by 1 / FADE a sample at most."""
    course = [stage - 1 + alpha for stage, alpha in (stage_at(s, 3, 5, 7) for s in range(60))]
    steps = [b - a for a, b in pairwise(course)]
    assert all(0 <= step <= 1 / 7 + 1e-12 for step in steps)
    assert (course[0], course[-1]) == (0.0, 3.0)
    assert stage_at(0, 0, 5, 7) == (0, 1.0)
    assert stage_at(5, 1, 5, 0) == (1, 1.0)  # without fading in


@pytest.mark.parametrize("shape", SHAPES)
def test_at_alpha_0_a_new_stage_gives_what_the_old_one_gave(shape):
    G, D, view, z, x = made(shape)
    for begin in range(STEADY, G.growth.grown_at, STEADY + FADE):
        answers = []
        for seen in (begin - 1, begin):
            grown(seen, G, D, view)
            answers.append((G(z), D(x).logits, view(x)))
        assert (G.growth.fading, float(G.growth.alpha)) == (True, 0.0)
        for old, new in zip(*answers, strict=True):
            assert torch.equal(old, new)


@pytest.mark.parametrize("shape", SHAPES)
def test_at_alpha_1_the_old_stage_has_no_influence(shape):
    G, D, view, z, x = made(shape)
    end = STEADY + FADE
    grown(end, G, D, view)
    before = G(z), D(x).logits
    assert (G.growth.stage, G.growth.fading) == (1, False)
    low = view(x)
    with torch.no_grad():
        for layer in (G.to_image[0], D.from_image[0]):
            layer.weight.add_(1)
            layer.bias.add_(1)
    torch.testing.assert_close((G(z), D(x).logits), before, rtol=0, atol=0)
    grown(end - 1, G, D)  # alpha 95 / 96: it has some
    assert not torch.allclose(G(z), before[0])
    assert not torch.allclose(D(x).logits, before[1])
    size = G.sizes[1]
    for larger in reversed(G.sizes[1:-1]):
        x = average_down(x, larger)
    assert x.shape[2:] == size
    for larger in G.sizes[2:]:
        x = nearest_up(x, larger)
    assert torch.equal(low, x)


@pytest.mark.parametrize("shape", SHAPES)
def test_while_it_fades_in_all_three_are_blends_of_their_ends(shape):
    G, _, view, z, x = made(shape)
    begin = STEADY
    ends, alpha = [], 0.375
    for seen in (begin, begin + FADE, begin + int(alpha * FADE)):
        grown(seen, G, view)
        ends.append((G(z), view(x)))
    for old, new, between in zip(*ends, strict=True):
        torch.testing.assert_close(between, old + alpha * (new - old))


@pytest.mark.parametrize("shape", SHAPES)
def test_real_images_are_shown_as_detailed_as_generated_ones(shape):
    """What a stage can show stays itself; the grown stage shows images as they are."""
    G, D, view, z, x = made(shape)
    assert torch.equal(view(x), x)
    for seen in (0, STEADY + FADE, 2 * STEADY + 2 * FADE):
        grown(seen, G, D, view)
        torch.testing.assert_close(view(G(z)), G(z), rtol=0, atol=1e-12)
        torch.testing.assert_close(D(view(x)).logits, D(x).logits)
        steps = [d.abs().max() > 0 for d in G(z).diff(dim=3)[:, :, :1].unbind(3)]
        finest = G.sizes[G.growth.stage][1]
        assert sum(steps) <= finest - 1 < G.sizes[-1][1]


def test_the_critic_is_shown_real_images_as_the_stage_has_them():
    """In every loss that reads them, and where the critic is asked for its scores."""
    spec = DataSpec(kind="image", shape=(1, 28, 28))
    settings = Versus(pairing="pair", group=GROUP, pull=Pull(distance="euclidean", samples=1))
    torch.manual_seed(0)
    game = settings.build(spec, NET)
    players, noise = game.players.double(), Noise(0, "n", 0, GROUP, dtype=torch.float64)
    x = Noise(1, "x", 0, GROUP, dtype=torch.float64)("x", spec.shape)
    turn = Turn(Batch(x), noise, torch.tensor(0.0))
    grown(STEADY + FADE // 3, players)
    G, D = players["generator"], players["discriminator"]
    fake, shown = G(noise("z", (NET.latent,))), players["view"](x)
    assert not torch.allclose(shown, x)
    r, f = D(shown).logits, D(fake).logits
    found = {phase.name: phase.loss(players, turn) for phase in game.phases}
    torch.testing.assert_close(found["discriminator"].stats["real"], r)
    torch.testing.assert_close(found["discriminator"].per_sample, F.softplus(f - r))
    torch.testing.assert_close(found["generator"].per_sample, F.softplus(r - f))
    groups = (t.flatten(1)[None] for t in (fake, shown, shown))
    gap = DISTANCES["euclidean"].function(*groups).expand(GROUP)
    torch.testing.assert_close(found["pull"].per_sample, gap)
    torch.testing.assert_close(game.judge(players, turn.real), r)


def test_a_stage_leaves_larger_sizes_alone():
    G, D, _, z, _ = made((1, 28, 28))
    grown(STEADY + FADE, G, D)
    D(G(z)).logits.sum().backward()
    silent = G.ups[1], G.to_image[2], D.downs[1], D.from_image[2]
    assert all(w.grad is None for m in silent for w in m.parameters())
    assert all(w.grad.any() for m in (G.ups[0], D.downs[0]) for w in m.parameters())


def test_the_networks_of_1024_have_the_parameters_of_the_paper():
    """Layers of table 2, 23.1 million each, and the layers to and from smaller images."""
    spec = DataSpec(kind="image", shape=(3, 1024, 1024))
    G = on_meta(Progressive().generator, spec)
    D = on_meta(Progressive().discriminator, spec, group=4)
    widths = [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert Progressive().widths(G.sizes) == widths
    convs = [(512, 512, 3)]
    for a, b in pairwise(widths):
        convs += [(a, b, 3), (b, b, 3)]
    table = sum(k * k * a * b + b for a, b, k in [(512, 512, 4), *convs, (16, 3, 1)])
    smaller = sum(3 * w + 3 for w in widths[:-1])
    assert table == 23_071_507
    assert count(G) == table + smaller == 23_079_115
    convs = [(3, 16, 1), (513, 512, 3), (512, 512, 4), (512, 1, 1)]
    for a, b in pairwise(widths[::-1]):
        convs += [(a, a, 3), (a, b, 3)]
    table = sum(k * k * a * b + b for a, b, k in convs)
    assert table == 23_077_137
    assert count(D) == table + sum(4 * w for w in widths[:-1]) == 23_087_249


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_equalised_layers_compute_scaled_ones_and_learn_at_one_pace(multiplier):
    torch.manual_seed(0)
    x, maps = torch.randn(500, 300), torch.randn(40, 30, 9, 9)
    dense = EqualLinear(300, 200, multiplier=multiplier)
    conv = EqualConv2d(30, 50, (3, 3), padding=1, multiplier=multiplier)
    for layer, fan_in in ((dense, 300), (conv, 270)):
        assert layer.weight.std().item() == pytest.approx(1 / multiplier, rel=0.02)
        assert layer.scale == pytest.approx(multiplier * math.sqrt(2 / fan_in))
        nn.init.ones_(layer.bias)
    wanted = F.linear(x, dense.weight * dense.scale, torch.full((200,), multiplier))
    torch.testing.assert_close(dense(x), wanted)
    wanted = F.conv2d(maps, conv.weight * conv.scale, torch.full((50,), multiplier), padding=1)
    torch.testing.assert_close(conv(maps), wanted)
    # The variance of what leaves is that of He et al.: 2 times that of what came.
    assert (dense(x) - multiplier).var().item() == pytest.approx(2, rel=0.05)
    assert (conv(maps) - multiplier)[:, :, 1:-1, 1:-1].var().item() == pytest.approx(2, rel=0.05)


def test_heads_are_equalised_with_gain_one():
    head = nn.Module()
    head.score, head.table = nn.Linear(16, 1), nn.Embedding(3, 16)
    assert equalise_(head) is head
    assert isinstance(head.score, EqualLinear)
    assert head.score.scale == 1 / 4
    assert type(head.table) is nn.Embedding


def test_pixel_norm_leaves_a_mean_square_of_one():
    x = 3 * torch.randn(2, 6, 4, 5, dtype=torch.float64)
    y = pixel_norm(x)
    torch.testing.assert_close(y.square().mean(1), torch.ones(2, 4, 5, dtype=torch.float64))
    torch.testing.assert_close(y, x / x.square().mean(1, keepdim=True).sqrt())


def test_weights_of_a_stage_carry_it_along():
    """Copies and loaded weights are at the stage of those they were made from."""
    G, _, _, z, _ = made((1, 28, 28))
    grown(STEADY + FADE // 2, G)
    x = G(z)
    again = made((1, 28, 28))[0]
    assert not torch.equal(again(z), x)
    again.load_state_dict(G.state_dict())
    assert torch.equal(again(z), x)
    assert torch.equal(copy.deepcopy(G)(z), x)


@pytest.fixture
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_a_compiled_network_has_one_graph_a_stage_not_one_a_pass(fresh):
    graphs = []

    def counted(graph, _):
        graphs.append(graph)
        return graph.forward

    G, _, _, z, _ = made((1, 8, 8))
    forward = torch.compile(G, backend=counted, fullgraph=True)
    for seen in range(0, 2 * (STEADY + FADE), 8):
        grown(seen, G)
        torch.testing.assert_close(forward(z), G(z))
    assert len(graphs) == 3  # of 4x4, of 8x8 fading in, of 8x8
