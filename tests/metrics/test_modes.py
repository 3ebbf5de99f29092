"""Scores over known modes against closed forms, exact sums and published figures."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gantlet.data.builtin import MIXTURES
from gantlet.errors import UsageError
from gantlet.metrics.modes import (
    histogram,
    kl_floor,
    nearest_modes,
    reverse_kl,
    score_mixture,
    simulated,
    spread_within,
    stacked_modes,
    within,
)

MNIST = torch.tensor([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
"""Shares of the digits among MNIST's training images."""
TRIPLES = torch.einsum("a,b,c->abc", MNIST, MNIST, MNIST).flatten()
UNIFORM = torch.full((1000,), 1e-3)


def perfect(name: str, n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(MIXTURES[name]().draw(n, np.random.default_rng(seed)))


def scored(name: str, x: torch.Tensor, radius: float = 3.0):
    known = MIXTURES[name]()
    centres = torch.from_numpy(known.centres)
    return score_mixture(x, centres, known.std, radius=radius, dims=known.dims)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), dims=st.integers(1, 4), k=st.integers(1, 5))
def test_the_nearest_mode_is_that_of_loops(seed, dims, k):
    generator = torch.Generator().manual_seed(seed)
    x, centres = (torch.randn(n, dims, generator=generator) for n in (7, k))
    modes, distances = nearest_modes(x, centres, 0.5)
    for i, point in enumerate(x.tolist()):
        gaps = [math.dist(point, centre) / 0.5 for centre in centres.tolist()]
        assert modes[i] == gaps.index(min(gaps))
        assert distances[i].item() == pytest.approx(min(gaps), rel=1e-9)


@pytest.mark.parametrize("shape", [(0, 2), (4, 3), (4,)])
def test_samples_of_another_shape_are_an_error(shape):
    with pytest.raises(UsageError, match=r"samples of a mixture: expected shape \(N, 2\)"):
        nearest_modes(torch.zeros(shape), torch.zeros(3, 2), 1.0)


def test_the_divergence_of_modes_is_scipys():
    counts, target = torch.tensor([5, 0, 3, 2]), torch.tensor([0.1, 0.2, 0.3, 0.4])
    p = counts.double() / 10
    assert reverse_kl(counts) == pytest.approx(scipy.stats.entropy(p, np.full(4, 0.25)), rel=1e-12)
    assert reverse_kl(counts, target) == pytest.approx(scipy.stats.entropy(p, target), rel=1e-6)
    assert reverse_kl(torch.tensor([7, 7, 7])) == pytest.approx(0, abs=1e-15)
    assert reverse_kl(torch.tensor([9, 0, 0, 0])) == pytest.approx(math.log(4), rel=1e-12)
    with pytest.raises(UsageError, match="at least one sample"):
        reverse_kl(torch.zeros(4))


@pytest.mark.parametrize(("radius", "dims"), [(3.0, 2), (2.0, 1), (36.0, 700), (1.5, 9)])
def test_the_share_within_a_radius_is_that_of_chi_squared(radius, dims):
    assert within(radius, dims) == pytest.approx(scipy.stats.chi2.cdf(radius**2, dims), rel=1e-10)


def test_the_ceiling_of_quality_in_the_plane_is_98_9_percent():
    """P(chi^2_2 < 9) = 1 - exp(-9 / 2)."""
    assert within(3.0, 2) == pytest.approx(1 - math.exp(-4.5), rel=1e-12)
    assert round(100 * within(3.0, 2), 1) == 98.9


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_a_perfect_sampler_reaches_the_ceiling(name):
    n, k = 50_000, len(MIXTURES[name]().centres)
    found = scored(name, perfect(name, n))
    share = 1 - math.exp(-4.5)
    assert found.hit == k
    assert found.quality.value == pytest.approx(share, abs=4 * math.sqrt(share * 0.011 / n))
    assert found.quality.low < share < found.quality.high
    # 2 n KL is about chi-squared with K - 1 degrees of freedom.
    assert 0 < 2 * n * found.kl < scipy.stats.chi2.ppf(1 - 1e-6, k - 1)
    # The standard error of a standard deviation of 2 n numbers is about 1 / sqrt(4 n).
    assert found.spread == pytest.approx(1, abs=5 / math.sqrt(4 * n))


def test_a_perfect_sampler_of_the_mixture_in_1200_dimensions():
    found = scored("gaussians-1200d", perfect("gaussians-1200d", 400), math.sqrt(700) + 10)
    assert (found.hit, found.quality.value) == (10, 1.0)
    assert found.spread == pytest.approx(1, abs=5 / math.sqrt(2 * 400 * 700))


@pytest.mark.parametrize("factor", [0.3, 0.8, 1.0])
def test_shrunken_modes_have_quality_but_their_spread_tells(factor):
    """Modes of `factor` times the standard deviation, cut where they always were: at 3 stds."""
    known = MIXTURES["grid"]()
    x = torch.from_numpy(
        known._replace(std=factor * known.std).draw(40_000, np.random.default_rng(1))
    )
    found = scored("grid", x)
    r = 3 / factor
    left = scipy.stats.chi2.cdf(r**2, 4) / scipy.stats.chi2.cdf(r**2, 2)
    cut = scipy.stats.chi2.cdf(9, 4) / scipy.stats.chi2.cdf(9, 2)
    assert found.spread == pytest.approx(factor * math.sqrt(left / cut), rel=0.02)
    assert found.quality.value >= 0.98


def test_spread_is_about_the_samples_own_means():
    """A mode that is off its place is not wide; one sample a mode says nothing."""
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [10.0, 5.0], [10.0, 9.0], [50.0, 50.0]])
    modes = torch.tensor([0, 0, 4, 4, 2])
    wanted = math.sqrt((1 + 1 + 4 + 4) / (2 * (5 - 3)))
    assert spread_within(x, modes, 0.5, 1e3, 2) == pytest.approx(wanted / 0.5, rel=1e-9)
    assert math.isnan(spread_within(x[[0, 2]], modes[[0, 2]], 0.5, 1e3, 2))


def test_lost_modes_and_bad_samples_each_move_their_own_number():
    x = perfect("grid", 5000)
    modes, _ = nearest_modes(x, torch.from_numpy(MIXTURES["grid"]().centres), 0.05)
    fewer = scored("grid", x[modes != 7])
    assert fewer.hit == 24
    assert fewer.kl == pytest.approx(math.log(25 / 24), abs=0.01)
    assert fewer.spread == pytest.approx(1, abs=0.03)
    between = torch.cat([x, torch.full((5000, 2), 1.0)])
    bad = scored("grid", between)
    assert bad.quality.value == pytest.approx(0.4945, abs=0.005)
    assert (bad.hit, bad.kl) == (25, scored("grid", x).kl)


def test_without_a_sample_of_quality_there_is_no_divergence():
    found = scored("ring", torch.full((10, 2), 0.5))
    assert (found.hit, found.quality.value) == (0, 0.0)
    assert math.isnan(found.kl)
    assert math.isnan(found.spread)
    broken = scored("ring", torch.tensor([[float("nan"), 0.0], [1.0, 0.0]]))
    assert (broken.hit, broken.quality.value) == (1, 0.5)


def exact_mean(n: int, shares: torch.Tensor) -> float:
    """E KL(p || uniform): counts are binomial, and the terms of a sum may be taken singly."""
    c = np.arange(1, n + 1)
    term = c / n * np.log(c / n * len(shares))
    values, times = np.unique(shares.double().numpy(), return_counts=True)
    return sum(
        t * (scipy.stats.binom.pmf(c, n, p) * term).sum()
        for p, t in zip(values, times, strict=True)
    )


@pytest.mark.parametrize("shares", [torch.full((7,), 1 / 7), torch.tensor([0.5, 0.3, 0.2])])
def test_the_floor_is_the_exact_mean_of_a_perfect_sampler(shares):
    n, draws = 60, 2000
    found = kl_floor(n, shares, draws=draws)
    spread = (found.high - found.low) / 4
    assert found.value == pytest.approx(exact_mean(n, shares), abs=6 * spread / math.sqrt(draws))


def test_the_floors_of_stacked_digits():
    """0.0194 +- 0.0008 at 26,000 samples of equal classes, 0.0236 +- 0.0010 with MNIST's."""
    equal, real = kl_floor(26_000, UNIFORM), kl_floor(26_000, TRIPLES)
    assert equal.value == pytest.approx(0.0194, abs=0.0002)
    assert equal.value == pytest.approx(999 / 52_000, rel=0.02)
    assert equal.value == pytest.approx(exact_mean(26_000, UNIFORM), abs=0.0002)
    assert real.value == pytest.approx(0.0236, abs=0.0003)
    assert (equal.high - equal.low) / 3.92 == pytest.approx(0.0008, abs=0.0002)
    assert (real.high - real.low) / 3.92 == pytest.approx(0.0010, abs=0.0003)
    # Unequal classes add the divergence of their shares from equal ones, three times that of one.
    added = 3 * scipy.stats.entropy(MNIST, np.full(10, 0.1))
    assert real.value - equal.value == pytest.approx(added, abs=0.0003)


def test_a_floor_depends_on_its_seed_alone():
    shares = torch.full((10,), 0.1)
    first = kl_floor(100, shares, draws=20)
    torch.rand(5)
    assert kl_floor(100, shares, draws=20) == first
    assert kl_floor(100, shares, draws=20, seed=1) != first
    with pytest.raises(UsageError, match="at least 1"):
        kl_floor(0, shares)


def test_a_floor_against_the_shares_themselves_has_only_the_bias():
    shares = torch.tensor([0.7, 0.2, 0.1])
    assert kl_floor(1000, shares, shares).value == pytest.approx(2 / 2000, rel=0.25)
    assert kl_floor(1000, shares).value > 0.25


def test_a_simulated_floor_is_mean_and_range():
    found = simulated(torch.arange(1001) / 1000)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.025, 0.975))


@given(digits=st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=12))
def test_a_stack_is_the_number_that_its_digits_write(digits):
    """Images of one pixel that holds their digit; the classifier answers one-hot."""
    images = torch.tensor(digits)[:, :, None, None]

    def classify(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(x[:, 0, 0, 0], 10).float()

    found = stacked_modes(images, classify)
    assert found.tolist() == [int("".join(map(str, triple))) for triple in digits]


def test_stacks_are_classified_in_parts_and_in_any_base():
    images = torch.arange(1200).remainder(2)[:, None].expand(-1, 2)[:, :, None, None]
    found = stacked_modes(images, lambda x: torch.stack([1 - x[:, 0, 0, 0], x[:, 0, 0, 0]], 1))
    assert histogram(found, 4).tolist() == [600, 0, 0, 600]
