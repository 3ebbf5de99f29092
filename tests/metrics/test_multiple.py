"""Deviations from floors, and the adjustment for many of them."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gantlet.metrics.estimate import Estimate, normal, wilson
from gantlet.metrics.multiple import deviation, holm, inverse, upper_tail

shares = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_symmetric_intervals_give_the_z_of_a_difference():
    value, floor = normal(3.0, 0.3, ""), normal(2.0, 0.4, "")
    assert deviation(value, floor, "lower") == pytest.approx(1 / 0.5)
    assert deviation(value, floor, "higher") == pytest.approx(-1 / 0.5)


def test_two_shares_touch_five_percent_where_newcombes_interval_touches_zero():
    """56 of 70 against 48 of 80: the limits that Newcombe (1998, table II a, method 10) prints."""
    one, other = wilson(56, 70), wilson(48, 80)
    low = 0.2 - math.hypot(one.value - one.low, other.high - other.value)
    high = 0.2 + math.hypot(one.high - one.value, other.value - other.low)
    assert (low, high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    reach = 0.2 - low
    assert deviation(one, other, "lower") == pytest.approx(0.2 / reach * 1.959963984540054)


def test_the_inverse_turns_an_interval_around_and_makes_an_infinite_one_end():
    assert inverse(Estimate(10.0, 8.0, 20.0, "")) == Estimate(0.1, 0.05, 0.125, "")
    assert inverse(Estimate(math.inf, 1000.0, math.inf, "")) == Estimate(0.0, 0.0, 0.001, "")


def test_without_width_any_difference_counts():
    a, b = (Estimate(x, x, x, "") for x in (1.0, 2.0))
    assert deviation(a, a, "lower") == 0
    assert deviation(b, a, "lower") == math.inf
    assert deviation(b, a, "higher") == -math.inf


@pytest.mark.parametrize("z", [-3.0, 0.0, 1.0, 5.0])
def test_the_upper_tail_is_that_of_the_normal_distribution(z):
    assert upper_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


def test_holms_own_steps():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7]) == [0.7]
    assert holm([0.01, math.nan, 0.001]) == pytest.approx([0.02, 1.0, 0.003])


@given(shares)
def test_the_adjustment_keeps_the_order_and_lies_between_none_and_bonferronis(p):
    adjusted = holm(p)
    order = sorted(range(len(p)), key=p.__getitem__)
    assert all(adjusted[i] <= adjusted[j] for i, j in pairwise(order))
    assert all(
        p_i <= a <= min(1, len(p) * p_i) + 1e-12 for p_i, a in zip(p, adjusted, strict=True)
    )


def test_families_of_true_hypotheses_err_in_one_of_twenty():
    """20,000 families of 20 uniform p, as independent as can be: 1 - 0.95 in the worst case."""
    p = torch.rand(20_000, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    errs = sum(min(holm(family)) <= 0.05 for family in p.tolist()) / len(p)
    assert 0.045 < errs < 0.0525
