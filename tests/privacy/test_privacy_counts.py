"""Noisy counts: their noise, their threshold, and how the choice of rows is distributed."""

import math

import numpy as np
import pytest
from scipy import stats

from gantlet.privacy.accounting import gaussian_delta
from gantlet.privacy.counts import NoisyCounts
from gantlet.rng import chosen

COUNTS = NoisyCounts.costing(0.5, 1e-5, 9)


def draws(seed=0):
    return np.random.default_rng(seed)


def test_the_noise_is_what_the_budget_buys():
    """k counts of each row change by sqrt(k) together: epsilon and delta of one such step."""
    assert COUNTS.spent.sigma == pytest.approx(COUNTS.spread / 3)
    delta = gaussian_delta(0.5, COUNTS.spread / math.sqrt(9))
    assert 0.999 * 0.9e-5 <= delta <= 0.9e-5
    noisy = COUNTS.of(dict.fromkeys(range(20_000), 10**6), draws())
    noise = np.array(list(noisy.values())) - 10**6 + draws(1).uniform(-0.5, 0.5, 20_000)
    assert stats.kstest(noise, "norm", (0, COUNTS.spread)).pvalue > 1e-3


def test_a_key_of_one_row_is_released_with_the_stated_probability():
    """Checked with a delta that is large enough to be seen: 0.1 of 0.5, over 2 histograms."""
    counts = NoisyCounts.costing(1.0, 0.5, 2)
    assert counts.beyond == pytest.approx(0.05)
    rounded = stats.norm.sf(counts.threshold - 0.5, 1, counts.spread)
    assert rounded <= 0.05 / 2 <= stats.norm.sf(counts.threshold - 2, 1, counts.spread)
    single = counts.of(dict.fromkeys(range(20_000), 1), draws())
    assert stats.binomtest(len(single), 20_000, rounded).pvalue > 1e-3
    assert min(single.values()) >= counts.threshold


def test_what_is_public_is_released_and_what_is_rare_is_not():
    found = COUNTS.of({"a": 10_000, "b": 3, "c": 5_000}, draws(), public=["b", "z"])
    assert set(found) == {"a", "b", "c", "z"}
    assert list(found)[:2] == ["a", "c"]
    assert min(found.values()) >= 0
    assert COUNTS.of({"b": 3}, draws()) == {}


def test_more_keys_of_other_rows_leave_the_noise_of_a_key_independent():
    one = COUNTS.of({"a": 9_000}, draws(1))
    assert one != COUNTS.of({"a": 9_000}, draws(2))


def test_poisson_batches_are_binomial_and_rows_independent():
    n, q, passes = 400, 0.1, 2_000
    sizes, taken, both = [], np.zeros(n), 0
    for index in range(passes):
        places = chosen(7, "s", index, n, q).numpy()
        sizes.append(len(places))
        taken[places] += 1
        both += {3, 250} <= set(places.tolist())
    expected = stats.binom(n, q)
    edges = [0, 32, 36, 39, 41, 44, 48, n]
    seen = np.histogram(sizes, np.array(edges) + 0.5)[0]
    wanted = np.diff(expected.cdf(edges)) * passes
    assert stats.chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 1e-3
    assert stats.kstest(taken, stats.binom(passes, q).cdf).statistic < 0.1
    assert stats.binomtest(both, passes, q * q).pvalue > 1e-3
    assert min(sizes) < 40 < max(sizes)


def test_the_draw_of_a_row_does_not_depend_on_rows_that_follow():
    one, more = (chosen(7, "s", 5, n, 0.3) for n in (100, 101))
    assert one.tolist() == more[more < 100].tolist()
    assert chosen(7, "s", 5, 100, 1.0).tolist() == list(range(100))
    assert chosen(7, "s", 5, 100, 0.0).tolist() == []
