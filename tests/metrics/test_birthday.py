"""Support size against closed forms of the birthday paradox, scipy and draws."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, chi2

from gantlet.errors import UsageError
from gantlet.metrics.birthday import poisson_limits, support_size
from gantlet.metrics.neighbours import identical, within


def draws(support, s, generator):
    return torch.randint(support, (s, 1), generator=generator)


@pytest.mark.parametrize("count", [0.3, 1, 2, 7, 30, 1000, 1e5])
def test_limits_of_a_poisson_mean_are_those_of_chi_square(count):
    wanted = chi2.ppf(0.025, 2 * count) / 2, chi2.ppf(0.975, 2 * count + 2) / 2
    assert poisson_limits(count) == pytest.approx(wanted, rel=1e-9)


def test_limits_after_no_event():
    assert poisson_limits(0) == (0, pytest.approx(-math.log(0.025), rel=1e-12))


def test_three_pairs_among_four_hundred():
    twins = torch.zeros(400)
    twins[[3, 90, 17, 18, 200, 399]] = 1
    found = support_size(twins)
    assert found.value == pytest.approx(400 * 399 / 2 / 3)
    assert found.low == pytest.approx(400 * 399 / 2 / (chi2.ppf(0.975, 8) / 2))
    assert found.high == pytest.approx(400 * 399 / 2 / (chi2.ppf(0.025, 6) / 2))
    pairs = torch.tensor([[3, 90], [17, 18], [200, 399]])
    assert support_size(torch.bincount(pairs.flatten(), minlength=400)) == found


def test_no_twins_give_a_lower_bound_only_and_it_says_so():
    found = support_size(torch.zeros(500))
    assert found.value == found.high == math.inf
    assert "a lower bound only" in found.how
    # At the bound no collision has the probability of the tail.
    exactly = math.exp(sum(math.log1p(-i / found.low) for i in range(500)))
    assert exactly == pytest.approx(0.025, rel=0.02)


@pytest.mark.parametrize(("support", "s"), [(50, 120), (1000, 200), (30_000, 200)])
def test_the_interval_holds_the_support_over_draws(support, s):
    generator = torch.Generator().manual_seed(s)
    found = [support_size(identical(draws(support, s, generator))) for _ in range(150)]
    hits = sum(e.low <= support <= e.high for e in found)
    assert binom.cdf(hits, 150, 0.95) > 0.001
    inverse = np.array([1 / e.value for e in found])
    assert abs(inverse.mean() - 1 / support) < 4 * inverse.std() / math.sqrt(150)
    none = np.mean([math.isinf(e.value) for e in found])
    chance = math.exp(-s * (s - 1) / (2 * support))
    assert abs(none - chance) < 4 * math.sqrt(chance * (1 - chance) / 150) + 0.01


def test_one_mode_repeated_shrinks_the_support_and_widens_its_interval():
    generator = torch.Generator().manual_seed(0)
    share, others, s = 0.1, 2000, 400
    true = 1 / (share**2 + (1 - share) ** 2 / others)
    hits, ratios = 0, []
    for _ in range(100):
        x = draws(others, s, generator) + 1
        x[torch.rand(s, generator=generator) < share] = 0
        found = support_size(identical(x))
        hits += found.low <= true <= found.high
        low, high = poisson_limits(s * (s - 1) / 2 / found.value)
        ratios.append(math.log(found.high / found.low) / math.log(high / low))
    assert hits >= 88
    assert np.median(ratios) > 3  # Poisson's own interval would be far too narrow


def test_a_collapsed_generator_has_a_support_of_one():
    found = support_size(identical(torch.ones(100, 3)))
    assert found.value == 1
    assert found.high < 1.1


def test_near_twins_count_like_exact_ones():
    generator = torch.Generator().manual_seed(1)
    codes = draws(300, 200, generator)
    jittered = codes.double() + 0.01 * torch.rand(200, 1, generator=generator)
    assert support_size(within(jittered, 0.02)) == support_size(identical(codes))


@pytest.mark.parametrize("twins", [torch.zeros(2), torch.eye(3)[0] * 3, -torch.eye(3)[0]])
def test_numbers_of_twins_that_cannot_be_are_an_error(twins):
    with pytest.raises(UsageError, match="at least 3 samples, each with 0 to s - 1 twins"):
        support_size(twins)
