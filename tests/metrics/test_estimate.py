"""Intervals against SciPy's quantiles, textbook formulas and their promise of 95 %."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gantlet.errors import UsageError
from gantlet.metrics.estimate import groups, jackknife, mean_of, normal, student, wilson


def test_a_normal_interval_reaches_the_normal_quantile():
    found = normal(3.0, 0.5, "so")
    reach = 0.5 * stats.norm.ppf(0.975)
    assert (found.low, found.high) == pytest.approx((3 - reach, 3 + reach), rel=1e-12)
    assert (found.value, found.how) == (3.0, "so")


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 6, 9, 19, 100, 10_000])
def test_students_interval_reaches_students_quantile(freedom):
    found = student(-1.0, 2.0, freedom, "so")
    assert found.high + 1 == pytest.approx(2 * stats.t.ppf(0.975, freedom), rel=2e-4)
    assert found.high + found.low == pytest.approx(-2)


@pytest.mark.parametrize("n", [2, 3, 7, 500])
def test_the_interval_of_a_mean_is_that_of_scipy(n):
    terms = np.random.default_rng(n).exponential(size=n)
    expected = stats.ttest_1samp(terms, 0).confidence_interval(0.95)
    found = mean_of(torch.tensor(terms, dtype=torch.float32))
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=5e-4, abs=1e-4)
    assert found.value == pytest.approx(terms.mean(), rel=1e-6)


@given(n=st.integers(1, 2000), share=st.floats(0, 1))
def test_wilson_is_scipys_and_holds_the_share(n, share):
    hits = round(share * n)
    found = wilson(hits, n)
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert 0 <= found.low <= found.value == hits / n <= found.high <= 1


def test_the_jackknife_of_a_mean_is_its_standard_error():
    """Exactly so for groups of one sample: the classical identity."""
    x = np.random.default_rng(0).normal(size=12)
    found = jackknife(x.mean(), [np.delete(x, i).mean() for i in range(12)])
    reach = stats.t.ppf(0.975, 11) * x.std(ddof=1) / math.sqrt(12)
    assert found.high - x.mean() == pytest.approx(reach, rel=2e-4)
    assert found.how == "jackknife over 12 groups"


def test_the_jackknife_over_ten_groups_covers_95_in_100():
    """Of a variance, at n = 300; with the normal quantile it would be 92."""
    random, draws, hits = np.random.default_rng(0), 1500, 0
    chosen = [index.numpy() for index in groups(300)]
    for _ in range(draws):
        x = random.normal(size=300)
        found = jackknife(x.var(ddof=1), [np.delete(x, i).var(ddof=1) for i in chosen])
        hits += found.low <= 1 <= found.high
    assert 0.935 <= hits / draws <= 0.965


@given(n=st.integers(2, 300), count=st.integers(2, 20))
def test_groups_are_even_parts_of_all_samples(n, count):
    if count > n:
        with pytest.raises(UsageError, match=f"a sample for each of {count}"):
            groups(n, count)
        return
    found = groups(n, count)
    assert sorted(torch.cat(found).tolist()) == list(range(n))
    assert {len(group) for group in found} <= {n // count, n // count + 1}
    assert len(found) == count


def test_groups_mix_samples_that_come_in_order():
    classes = torch.arange(1000) // 100
    counts = torch.stack([classes[group].bincount(minlength=10) for group in groups(1000)])
    counts = counts.double()
    assert counts.max() < 30
    assert counts.std() > 1, "strata would hide the variance of the classes' shares"
    assert all(map(torch.equal, groups(1000), groups(1000)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_of(torch.ones(1)),
        lambda: jackknife(1.0, [1.0]),
        lambda: wilson(1, 0),
        lambda: wilson(-1, 3),
        lambda: wilson(4, 3),
        lambda: groups(5, 1),
    ],
)
def test_too_little_to_tell_anything_is_refused(call):
    with pytest.raises(UsageError, match="expected"):
        call()
