"""Gradients of single samples: against a loop over samples, and what one sample can change."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from gantlet.games.versus import Versus
from gantlet.networks.table import TableMLP
from gantlet.privacy import gradients
from gantlet.privacy.gradients import clipped_sum, gaussian
from tests.tables_for import TABLE

N, C = 13, 0.02


@pytest.fixture(scope="module", params=[{}, {"r1": 0.3, "r2": 0.1}], ids=["plain", "r1 and r2"])
def critic(request):
    """A critic in float64, the loss of one sample, its weights, real and generated rows."""
    torch.manual_seed(0)
    game = Versus(penalties=request.param).build(TABLE, TableMLP.tiny())
    player, term = game.players["discriminator"].double(), game.phases[0].alone.term
    x, beside = torch.randn(2, N, *TABLE.shape, dtype=torch.float64)
    x[3] *= 50  # one that is far out

    def loss(held, one, other):
        return term(lambda t: functional_call(player, held, (t,)), one, other)

    return player, term, loss, dict(player.named_parameters()), x, beside


def looped(player, term, x, beside, clip):
    """The sum over samples, one backward pass each."""
    total = [torch.zeros_like(w) for w in player.parameters()]
    norms = []
    for one, other in zip(x, beside, strict=True):
        own = torch.autograd.grad(term(player, one, other), list(player.parameters()))
        norms.append(float(torch.cat([g.flatten() for g in own]).norm()))
        total = [t + g * min(1.0, clip / norms[-1]) for t, g in zip(total, own, strict=True)]
    return total, norms


def test_the_sum_equals_a_loop_over_samples(critic, monkeypatch):
    player, term, loss, weights, x, beside = critic
    wanted, norms = looped(player, term, x, beside, clip=2.0)
    assert min(norms) < 2.0 < max(norms)  # some are cut, some are not
    count = sum(w.numel() for w in weights.values())
    for chunk in (count, 5 * count, 100 * count):
        monkeypatch.setattr(gradients, "_CHUNK", chunk)
        found = clipped_sum(loss, weights, x, beside, clip=2.0)
        for want, got in zip(wanted, found.values(), strict=True):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-14)


def test_a_sample_more_or_less_changes_the_sum_by_at_most_c(critic):
    _, _, loss, weights, x, beside = critic
    whole = clipped_sum(loss, weights, x, beside, clip=C)
    for left_out in range(N):
        kept = torch.arange(N) != left_out
        part = clipped_sum(loss, weights, x[kept], beside[kept], clip=C)
        gap = torch.cat([(whole[n] - part[n]).flatten() for n in whole]).norm()
        assert gap <= C * (1 + 1e-12)
        assert gap >= C * (1 - 1e-9)  # all gradients here are longer than C


def test_the_phase_has_the_same_loss_as_its_samples(critic):
    player, term, _, _, x, beside = critic
    game = Versus().build(TABLE, TableMLP.tiny())
    losses = [term(player, one, other) for one, other in zip(x, beside, strict=True)]
    assert torch.stack(losses).shape == (N,)
    assert game.phases[1].alone is None


def test_no_samples_give_nothing_and_infinite_gradients_count_for_nothing(critic):
    _, _, loss, weights, x, beside = critic
    none = clipped_sum(loss, weights, x[:0], beside[:0], clip=C)
    assert all(bool((g == 0).all()) for g in none.values())
    bad = torch.cat([x, torch.full_like(x[:1], torch.nan)])
    found = clipped_sum(loss, weights, bad, torch.cat([beside, beside[:1]]), clip=C)
    for name, want in clipped_sum(loss, weights, x, beside, clip=C).items():
        torch.testing.assert_close(found[name], want)


def test_noise_has_the_stated_spread_and_follows_the_generator():
    weights = {"a": torch.zeros(300, 100), "b": torch.zeros(7)}
    first, again = (gaussian(weights, 2.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first["a"], again["a"])
    n = first["a"].numel()
    assert abs(float(first["a"].mean())) < 4 * 2.5 / n**0.5
    assert abs(float(first["a"].std()) / 2.5 - 1) < 4 / (2 * n) ** 0.5
    halves = torch.stack([first["a"][:150].flatten(), first["a"][150:].flatten()])
    assert abs(float(torch.corrcoef(halves)[0, 1])) < 4 / halves.shape[1] ** 0.5


@pytest.mark.parametrize(
    "settings",
    [
        {"pairing": "pair"},
        {"pairing": "average"},
        {"pack": 2},
        {"lecam": 0.1},
        {"feature_matching": 1.0},
        {"penalties": {"gp": 10.0}},
        {"instance_noise": 0.1},
        {"historical_averaging": 0.1},
        {"apa": 0.1},
    ],
)
def test_games_in_which_samples_meet_offer_no_single_terms(settings):
    game = Versus(**settings).build(TABLE, TableMLP.tiny())
    assert all(phase.alone is None for phase in game.phases)


def test_a_critic_with_a_state_or_batch_statistics_offers_none():
    spectral = TableMLP(latent=8, hidden=(16,), discriminator_norm="spectral")
    assert Versus().build(TABLE, spectral).phases[0].alone is None
    plain = Versus().build(TABLE, TableMLP.tiny())
    critic = nn.Sequential(copy.deepcopy(nn.Linear(9, 8)), nn.BatchNorm1d(8), nn.Linear(8, 1))
    game = Versus().play(TABLE, plain.players["generator"], critic, latent=8)
    assert game.phases[0].alone is None
