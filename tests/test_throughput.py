"""What the benchmark of throughput counts: operations, exclusive seconds, the price of ticks."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.common import Setup, stepper
from benchmarks.flops import Flops, flops_of_a_sample
from benchmarks.spans import Spans, timed
from benchmarks.ticks import Price
from gantlet.config import override
from gantlet.data import open_data
from gantlet.penalties import input_gradient
from gantlet.recipes import tiny
from gantlet.training.machine import Machine
from tests.training.small import images

UNLABELLED = open_data(np.random.default_rng(0).integers(0, 256, (240, 8, 8), dtype=np.uint8))


def setup_of(recipe, *settings, dataset=None):
    dataset = dataset or images()
    config = override(tiny(recipe, dataset.spec), settings)
    return Setup(dataset, config, Machine("cpu", "float32", 1))


def layers(player):
    return [m.weight.numel() for m in player.modules() if isinstance(m, nn.Linear)]


def test_a_sample_of_the_mlp_costs_what_its_layers_say():
    """With 2 operations a weight: forward F, backward 2 F but for the first layer's input."""
    what = setup_of("mlp", dataset=UNLABELLED)
    players = stepper(what).game.players
    g, d = (layers(players[name]) for name in ("generator", "discriminator"))
    critic = sum(g) + 2 * (3 * sum(d) - d[0])  # G forward; D forward and back, real and fake
    maker = (3 * sum(g) - g[0]) + 2 * sum(d)  # weights of D are frozen
    assert flops_of_a_sample(what) == 2 * (critic + maker)


def test_all_phases_count_as_often_as_they_are_due():
    one, three = (
        flops_of_a_sample(setup_of("mlp", f"game.critic_steps={n}", dataset=UNLABELLED))
        for n in (1, 3)
    )
    players = stepper(setup_of("mlp", dataset=UNLABELLED)).game.players
    g, d = (layers(players[name]) for name in ("generator", "discriminator"))
    maker = 2 * ((3 * sum(g) - g[0]) + 2 * sum(d))
    assert one - three == pytest.approx(maker * 2 / 3)


def test_a_penalty_counts_its_slope_and_the_slope_of_that():
    """R1 of linear layers: the slope passes back through each weight, and so do its gradients."""
    sizes, batch = (5, 7, 11, 1), 3
    critic = nn.Sequential(*(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes)))
    x, n = torch.randn(batch, 5), [a * b for a, b in pairwise(sizes)]
    with Flops() as counted:
        gradient, _ = input_gradient(lambda t: critic(t).squeeze(1), x)
    assert counted.total == 2 * batch * 2 * sum(n)
    with Flops() as counted:
        gradient.square().sum().backward()
    # v_l = W_l^T v_(l+1): each has a gradient to W_l, and all but the last one to v_(l+1).
    assert counted.total == 2 * batch * (2 * sum(n) - n[-1])


def test_it_counts_as_torch_does_where_torch_can():
    what = setup_of("dcgan")
    play = stepper(what)
    with FlopCounterMode(display=False) as theirs:
        play.play(0)
    assert flops_of_a_sample(what) * what.config.train.batch == theirs.get_total_flops()


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("way", [F.conv2d, F.conv_transpose2d])
def test_both_gradients_of_a_convolution_cost_what_it_costs(way, groups):
    x = torch.randn(2, 8, 5, 5, requires_grad=True)
    shape = (16, 8) if way is F.conv2d else (8, 16)
    weight = torch.randn(shape[0], shape[1] // groups, 3, 3, requires_grad=True)
    with Flops() as forward:
        y = way(x, weight, padding=1, groups=groups)
    assert forward.total == 2 * 2 * 25 * 9 * 8 * 16 // groups
    with Flops() as backward:
        y.sum().backward()
    assert backward.total == 2 * forward.total


def test_time_within_a_span_counts_for_the_innermost_one():
    readings = iter([0.0, *accumulate([1.0, 2.0, 4.0, 8.0, 16.0])])
    span = Spans(wait=lambda: None, clock=lambda: next(readings))
    with span("pass"), span("loss"), span("forward"):  # begin at 0, 1, 3; end at 7, 15, 31
        pass
    assert span.seconds == {"pass": 1.0 + 16.0, "loss": 2.0 + 8.0, "forward": 4.0}


@pytest.mark.parametrize("recipe", ["dcgan", "r3gan", "stylegan2"])
def test_a_timed_stepper_plays_the_same_bits_and_misses_nothing(recipe):
    what = setup_of(recipe)
    play, plain = timed(what), stepper(what)
    readings = iter(range(1_000_000))
    play.span._clock = lambda: float(next(readings))
    for position in range(2):
        play.play(position)
        plain.play(position)
    theirs = plain.game.players.state_dict()
    for name, tensor in play.game.players.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name
    assert sum(play.span.seconds.values()) == next(readings) - 2  # but between the passes
    assert {"data", "random numbers", "optimisers", "averages"} < play.span.seconds.keys()


def test_the_price_of_ticks_is_a_share_of_all_time():
    price = Price(training=95.0, tick=5.0, once=40.0, ticks=10.0)
    assert price.of_a_tick == pytest.approx(5.0)
    assert price.of_all == pytest.approx(100 * 90 / 1040)
