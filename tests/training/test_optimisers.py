"""Optimisers against closed forms; their state is put away and fetched bit for bit."""

import math

import pytest
import torch
from torch import nn

from gantlet.config import Optimiser
from gantlet.schedules import Schedule
from gantlet.training import checkpoint, optimisers

KINDS = {
    "adam": Optimiser(name="adam", lr=0.1, beta1=0.5, beta2=0.9, weight_decay=0.01),
    "adam without momentum": Optimiser(name="adam", lr=0.1, beta1=0.0, beta2=0.99),
    "rmsprop": Optimiser(name="rmsprop", lr=0.1, beta1=0.0, beta2=0.9),
    "rmsprop with momentum": Optimiser(name="rmsprop", lr=0.1, beta1=0.7, beta2=0.9),
    "sgd": Optimiser(name="sgd", lr=0.1),
    "sgd with momentum": Optimiser(name="sgd", lr=0.1, beta1=0.9, weight_decay=0.1),
}


def player():
    """Convolution weights in channels_last, vectors, and a single number."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Linear(3, 2))
    net[0].weight.data = net[0].weight.data.contiguous(memory_format=torch.channels_last)
    net.scale = nn.Parameter(torch.tensor(2.0))
    return net


def step(net, optimiser, settings, number):
    generator = torch.Generator().manual_seed(number)
    for weight in net.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator).to(
            memory_format=torch.channels_last if weight.dim() == 4 else torch.contiguous_format
        )
    optimisers.set_rates(optimiser, settings, 100 * number, 1.0)
    optimiser.step()


@pytest.mark.parametrize("kind", KINDS)
def test_state_put_away_and_fetched_goes_on_bit_exactly(kind, tmp_path):
    settings = KINDS[kind]
    whole, parted = player(), player()
    optimiser = optimisers.build(settings, whole)
    for number in range(8):
        step(whole, optimiser, settings, number)
    first = optimisers.build(settings, parted)
    for number in range(4):
        step(parted, first, settings, number)
    state = {"state": optimisers.state(first, parted), "weights": parted.state_dict()}
    path = checkpoint.write(tmp_path, "0", state, {})
    found = checkpoint.read(path).tensors
    other = player()
    other.load_state_dict(found["weights"])
    second = optimisers.build(settings, other)
    optimisers.load_state(second, other, found["state"])
    for number in range(4, 8):
        step(other, second, settings, number)
    for (name, mine), theirs in zip(whole.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs), name
    mine, theirs = optimisers.state(optimiser, whole), optimisers.state(second, other)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert other[0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_is_its_formula(kind):
    settings = KINDS[kind]
    net = nn.Linear(3, 2, bias=False).double()
    optimiser = optimisers.build(settings, net)
    w, m, v = net.weight.detach().clone(), torch.zeros(2, 3), torch.zeros(2, 3)
    for number in range(1, 4):
        generator = torch.Generator().manual_seed(number)
        net.weight.grad = torch.randn(2, 3, generator=generator, dtype=torch.float64)
        g = net.weight.grad + settings.weight_decay * w
        b1, b2 = settings.beta1, settings.beta2
        optimiser.step()
        v = b2 * v + (1 - b2) * g**2
        if settings.name == "adam":
            m = b1 * m + (1 - b1) * g
            move = (m / (1 - b1**number)) / ((v / (1 - b2**number)).sqrt() + 1e-8)
        else:
            change = g / (v.sqrt() + 1e-8) if settings.name == "rmsprop" else g
            m = move = b1 * m + change
        w = w - 0.1 * move
        torch.testing.assert_close(net.weight.detach(), w, rtol=1e-9, atol=1e-12)


def test_rates_follow_their_schedules_in_samples_and_the_factor_of_a_roll_back():
    settings = Optimiser(
        lr=Schedule(start=1e-3, end=1e-4, samples=1000, shape="exponential"),
        beta2=Schedule(start=0.9, end=0.99, samples=1000, shape="linear", delay=500),
    )
    optimiser = optimisers.build(settings, nn.Linear(2, 2))
    group = optimiser.param_groups[0]
    for seen, lr, beta2 in ((0, 1e-3, 0.9), (500, 10**-3.5, 0.9), (1000, 1e-4, 0.945)):
        for factor in (1.0, 0.25):
            optimisers.set_rates(optimiser, settings, seen, factor)
            assert group["lr"] == pytest.approx(lr * factor, rel=1e-9)
            assert group["betas"] == (0.0, pytest.approx(beta2, rel=1e-9))
    rmsprop = Optimiser(name="rmsprop", beta2=settings.beta2)
    other = optimisers.build(rmsprop, nn.Linear(2, 2))
    optimisers.set_rates(other, rmsprop, 10_000, 1.0)
    assert other.param_groups[0]["alpha"] == pytest.approx(0.99)


def test_gradients_are_cut_by_value_and_then_scaled_to_the_norm_of_all():
    a, b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1, 2))
    a.grad, b.grad = torch.tensor([3.0, -8.0]), torch.tensor([[0.5, 100.0]])
    optimisers.clip_([a, b], norm=None, bound=4.0)
    assert torch.equal(a.grad, torch.tensor([3.0, -4.0]))
    assert torch.equal(b.grad, torch.tensor([[0.5, 4.0]]))
    before = torch.cat([a.grad, b.grad[0]])
    a.grad, b.grad = torch.tensor([3.0, -8.0]), torch.tensor([[0.5, 100.0]])
    optimisers.clip_([a, b], norm=2.0, bound=4.0)
    norm = math.sqrt(9 + 16 + 0.25 + 16)
    torch.testing.assert_close(torch.cat([a.grad, b.grad[0]]), before * 2 / norm)
    small = [w.grad.clone() for w in (a, b)]
    optimisers.clip_([a, b], norm=100.0, bound=100.0)
    assert all(torch.equal(w.grad, g) for w, g in zip((a, b), small, strict=True))


def test_clipping_passes_weights_without_a_gradient():
    frozen, free = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    free.grad = torch.full((2,), 9.0)
    optimisers.clip_([frozen, free], norm=1.0, bound=5.0)
    torch.testing.assert_close(free.grad.norm(), torch.tensor(1.0))
    assert frozen.grad is None
