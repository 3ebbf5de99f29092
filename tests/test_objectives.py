"""Objectives against closed forms, divergences at the optimal discriminator, and invariances."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.objectives import LINKS, OBJECTIVES, PAIRINGS, Objective, objective

NAMES = sorted(OBJECTIVES)
TARGETED = ["leastsquares", "minimax", "nonsaturating"]
P = torch.tensor([0.5, 0.25, 0.2, 0.05], dtype=torch.float64)
Q = torch.tensor([0.1, 0.3, 0.2, 0.4], dtype=torch.float64)


def logits(seed: int, n: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, generator=generator, dtype=torch.float64)


def expected(loss: object, d: Tensor) -> Tensor:
    """The mean of loss(D(x), D(y)) over x ~ P and y ~ Q, D given at the four points."""
    i, j = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    weights = P[i] * Q[j]
    assert callable(loss)
    return (weights.flatten() * loss(d[i.flatten()], d[j.flatten()])).sum()


CLOSED = {
    "minimax": (
        lambda r, f: -math.log(1 / (1 + math.exp(-r))) - math.log(1 - 1 / (1 + math.exp(-f))),
        lambda r, f: math.log(1 - 1 / (1 + math.exp(-f))),
    ),
    "nonsaturating": (
        lambda r, f: -math.log(1 / (1 + math.exp(-r))) - math.log(1 - 1 / (1 + math.exp(-f))),
        lambda r, f: -math.log(1 / (1 + math.exp(-f))),
    ),
    "leastsquares": (lambda r, f: (r - 1) ** 2 + f**2, lambda r, f: (f - 1) ** 2),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (lambda r, f: max(0, 1 - r) + max(0, 1 + f), lambda r, f: -f),
}


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_the_published_formulas(name: str) -> None:
    r, f = logits(0), logits(1)
    discriminator, generator = CLOSED[name]
    pairs = list(zip(r.tolist(), f.tolist(), strict=True))
    of_d = torch.tensor([discriminator(*pair) for pair in pairs], dtype=torch.float64)
    of_g = torch.tensor([generator(*pair) for pair in pairs], dtype=torch.float64)
    torch.testing.assert_close(OBJECTIVES[name].discriminator(r, f), of_d)
    torch.testing.assert_close(OBJECTIVES[name].generator(r, f), of_g)


@pytest.mark.parametrize("pairing", sorted(PAIRINGS))
@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_finite_differences(name: str, pairing: str) -> None:
    whole = objective(name, pairing, group=4)
    r, f = logits(2).requires_grad_(), logits(3).requires_grad_()
    assert torch.autograd.gradcheck(whole.discriminator, (r, f))
    assert torch.autograd.gradcheck(whole.generator, (r, f))


@pytest.mark.parametrize("pairing", sorted(PAIRINGS))
@pytest.mark.parametrize("name", ["minimax", "nonsaturating"])
def test_entropies_are_finite_and_linear_far_out(name: str, pairing: str) -> None:
    whole = objective(name, pairing)
    far = torch.tensor([1e4, -1e4])
    r, f = far.clone().requires_grad_(), (-far).requires_grad_()
    for loss in (whole.discriminator, whole.generator):
        values = loss(r, f)
        gradients = torch.autograd.grad(values.sum(), (r, f), allow_unused=True)
        assert torch.isfinite(values).all()
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)
    lost = whole.discriminator(r, f)[1].item()
    assert lost == pytest.approx({"none": 2e4, "pair": 2e4, "average": 4e4}[pairing])


def test_minimax_is_zero_sum_and_saturates() -> None:
    r, f = logits(4), logits(5)
    minimax = OBJECTIVES["minimax"]
    on_fake = minimax.discriminator(r, f) - minimax.discriminator(r, torch.full_like(f, -1e9))
    torch.testing.assert_close(minimax.generator(r, f), -on_fake)
    for pairing in ("pair", "average"):
        paired = objective("minimax", pairing, group=3)
        torch.testing.assert_close(paired.generator(r, f), -paired.discriminator(r, f))


@pytest.mark.parametrize(("name", "slope"), [("minimax", 0.0), ("nonsaturating", -1.0)])
def test_slope_of_the_generator_where_the_discriminator_wins(name: str, slope: float) -> None:
    lost = torch.tensor([-50.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(OBJECTIVES[name].generator(lost, lost).sum(), lost)
    assert gradient.item() == pytest.approx(slope, abs=1e-20)


def entropy(p: Tensor, m: Tensor) -> Tensor:
    return (p * (p / m).log()).sum()


def test_minimax_at_the_best_discriminator_is_the_jensen_shannon_divergence() -> None:
    """max_D V = 2 JSD(p, q) - log 4 at D* = log(p / q): Goodfellow et al. 2014, theorem 1."""
    m = (P + Q) / 2
    jsd = (entropy(P, m) + entropy(Q, m)) / 2
    value = -expected(OBJECTIVES["minimax"].discriminator, (P / Q).log())
    torch.testing.assert_close(value, 2 * jsd - math.log(4))


def test_leastsquares_at_the_best_discriminator() -> None:
    """At D* = p / (p + q) the loss is 1/2 - 1/4 of Le Cam's sum of (p - q)^2 / (p + q)."""
    value = expected(OBJECTIVES["leastsquares"].discriminator, P / (P + Q))
    torch.testing.assert_close(value, 0.5 - ((P - Q) ** 2 / (P + Q)).sum() / 4)


def test_hinge_and_wasserstein_at_the_best_bounded_discriminator() -> None:
    """At D* = sign(p - q): 2 - 2 TV and -2 TV (Lim & Ye 2017; Kantorovich for the 0-1 metric)."""
    total_variation = (P - Q).abs().sum() / 2
    best = torch.where(P >= Q, 1.0, -1.0).double()
    hinge = expected(OBJECTIVES["hinge"].discriminator, best)
    wasserstein = expected(OBJECTIVES["wasserstein"].discriminator, best)
    torch.testing.assert_close(hinge, 2 - 2 * total_variation)
    torch.testing.assert_close(wasserstein, -2 * total_variation)


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("minimax", (P / Q).log()),
        ("nonsaturating", (P / Q).log()),
        ("leastsquares", P / (P + Q)),
    ],
)
def test_best_discriminators_are_stationary(name: str, best: Tensor) -> None:
    d = best.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(expected(OBJECTIVES[name].discriminator, d), d)
    torch.testing.assert_close(gradient, torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("name", TARGETED)
def test_smoothing_moves_the_best_discriminator(name: str) -> None:
    """The best share of real becomes (1 - s) p / (p + q): Salimans et al. 2016, section 3.4."""
    share = 0.9 * P / (P + Q)
    d = (share if name == "leastsquares" else share.logit()).requires_grad_()
    loss = objective(name, smoothing=0.1).discriminator
    (gradient,) = torch.autograd.grad(expected(loss, d), d)
    torch.testing.assert_close(gradient, torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("pairing", sorted(PAIRINGS))
@pytest.mark.parametrize("name", TARGETED)
def test_smoothing_is_one_sided(name: str, pairing: str) -> None:
    plain, smooth = objective(name, pairing), objective(name, pairing, smoothing=0.25)
    r, f = logits(6), logits(7)
    torch.testing.assert_close(smooth.generator(r, f), plain.generator(r, f), rtol=0, atol=0)
    changed = smooth.discriminator(r, f) - plain.discriminator(r, f)
    t = r if pairing == "none" else r - f
    span = 1 if pairing == "none" else 2
    on_real = (
        (t - 1 + 0.25 * span).square() - (t - 1).square() if name == "leastsquares" else 0.25 * t
    )
    torch.testing.assert_close(changed, on_real)


@pytest.mark.parametrize("name", NAMES)
def test_pair_is_half_of_the_papers_two_terms(name: str) -> None:
    """Jolicoeur-Martineau 2018: f1(r - f) + f2(f - r) and g1(r - f) + g2(f - r)."""
    link = LINKS[name].relative or LINKS[name]
    r, f = logits(8), logits(9)
    pair, average = objective(name, "pair"), objective(name, "average", group=1)
    both_d, both_g = link.f1(r - f) + link.f2(f - r), link.g1(r - f) + link.g2(f - r)
    torch.testing.assert_close(2 * pair.discriminator(r, f), both_d)
    torch.testing.assert_close(2 * pair.generator(r, f), both_g)
    torch.testing.assert_close(average.discriminator(r, f), both_d)
    torch.testing.assert_close(average.generator(r, f), both_g)


RELATIVE = {
    "nonsaturating": lambda t: torch.log1p(torch.exp(-t)),
    "leastsquares": lambda t: (t - 1) ** 2,
    "wasserstein": lambda t: -t,
    "hinge": lambda t: torch.clamp(1 - t, min=0),
}


@pytest.mark.parametrize("name", sorted(RELATIVE))
def test_relativistic_losses_swap_real_and_fake_for_the_generator(name: str) -> None:
    """RpGAN: D takes h(r - f), G takes h(f - r); the averages likewise, over the group."""
    r, f = logits(10), logits(11)
    h = RELATIVE[name]
    pair, average = objective(name, "pair"), objective(name, "average", group=12)
    torch.testing.assert_close(pair.discriminator(r, f), h(r - f))
    torch.testing.assert_close(pair.generator(r, f), h(f - r))
    of_d = h(r - f.mean()) + h(r.mean() - f)
    of_g = h(f.mean() - r) + h(f - r.mean())
    torch.testing.assert_close(average.discriminator(r, f), of_d)
    torch.testing.assert_close(average.generator(r, f), of_g)


@pytest.mark.parametrize("pairing", ["pair", "average"])
@pytest.mark.parametrize("name", NAMES)
def test_relativistic_losses_ignore_a_common_shift(name: str, pairing: str) -> None:
    whole = objective(name, pairing, group=4)
    r, f = logits(12), logits(13)
    torch.testing.assert_close(whole.discriminator(r + 7, f + 7), whole.discriminator(r, f))
    torch.testing.assert_close(whole.generator(r + 7, f + 7), whole.generator(r, f))


@pytest.mark.parametrize("pairing", sorted(PAIRINGS))
@pytest.mark.parametrize("name", NAMES)
def test_micro_batches_of_whole_groups_give_the_whole_batch(name: str, pairing: str) -> None:
    whole = objective(name, pairing, group=3)
    # Parts of whole vectors: what is left of one is computed, and may be rounded, in another way.
    r, f = logits(14, 96), logits(15, 96)
    for loss in (whole.discriminator, whole.generator):
        parts = [loss(r[k : k + 48], f[k : k + 48]) for k in (0, 48)]
        torch.testing.assert_close(torch.cat(parts), loss(r, f), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_only_paired_generators_read_the_real_logits(name: str) -> None:
    def reads_real(whole: Objective) -> bool:
        f = logits(17)
        return not torch.equal(whole.generator(logits(16), f), whole.generator(logits(18), f))

    for pairing in PAIRINGS:
        whole = objective(name, pairing)
        assert whole.relative == reads_real(whole) == (pairing != "none")


def test_half_precision_logits_are_widened() -> None:
    r, f = logits(19).bfloat16(), logits(20).bfloat16()
    loss = OBJECTIVES["nonsaturating"].discriminator(r, f)
    torch.testing.assert_close(
        loss, OBJECTIVES["nonsaturating"].discriminator(r.float(), f.float())
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: objective("nonsaturated"), "nonsaturating"),
        (lambda: objective("hinge", "pairs"), "pair"),
        (lambda: objective("hinge", smoothing=0.1), "targets"),
        (lambda: objective("wasserstein", smoothing=0.1), "targets"),
        (lambda: objective("minimax", smoothing=0.5), "below 0.5"),
        (lambda: objective("minimax", smoothing=-0.1), "from 0"),
        (lambda: objective("minimax", "average", group=0), "at least one"),
        (lambda: objective("hinge", "average", group=5).generator(logits(0), logits(1)), "group"),
        (lambda: objective("hinge").discriminator(logits(0), logits(1, 1)), "as many real"),
        (lambda: objective("hinge").discriminator(logits(0)[:, None], logits(1)), "per sample"),
    ],
)
def test_wrong_settings_are_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize("pairing", sorted(PAIRINGS))
@pytest.mark.parametrize("name", NAMES)
def test_an_objective_can_be_pickled(name: str, pairing: str) -> None:
    """So can what holds one: a game, a bundle, a fitted `TableSynthesizer`."""
    smoothing = 0.1 if LINKS[name].smooth else 0.0
    first = objective(name, pairing, group=2, smoothing=smoothing)
    again = pickle.loads(pickle.dumps(first))
    real, fake = torch.linspace(-2, 2, 6), torch.linspace(3, -1, 6)
    for side in ("discriminator", "generator"):
        assert torch.equal(getattr(again, side)(real, fake), getattr(first, side)(real, fake))
