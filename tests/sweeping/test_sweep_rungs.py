"""Rungs of successive halving: their counts, lengths and cost, in closed form."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantlet.errors import UsageError
from gantlet.sweeping.rungs import Rung, fraction, rungs, samples_in_all

THIRD = Fraction(1, 3)


def test_hyperband_s_most_aggressive_bracket():
    """Table 1 of arXiv 1603.06560, s = 4, with R = 81 and eta = 3."""
    found = [(rung.trials, rung.samples) for rung in rungs(81, 81, THIRD)]
    assert found == [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]


def test_trials_that_are_no_power_are_cut_down():
    assert rungs(8, 900, THIRD) == (Rung(8, 300), Rung(2, 900))
    assert rungs(2, 900, THIRD) == (Rung(2, 900),)
    assert rungs(5, 400, Fraction(1, 2)) == (Rung(5, 100), Rung(2, 200), Rung(1, 400))


@given(
    n=st.integers(1, 200),
    samples=st.integers(10_000, 10**7),
    keep=st.fractions(Fraction(1, 10), Fraction(2, 3), max_denominator=10),
)
def test_each_rung_has_fewer_trials_that_go_further(n, samples, keep):
    found = rungs(n, samples, keep)
    assert found[0].trials == n
    assert found[-1].samples == samples
    assert int(found[-1].trials * keep) == 0
    for a, b in pairwise(found):
        assert b.trials == int(a.trials * keep)
        assert a.samples == pytest.approx(b.samples * keep, abs=1)
    # Going on costs less than every rung anew, and than all trials to the end.
    assert samples_in_all(found) <= sum(rung.trials * rung.samples for rung in found)
    assert samples_in_all(found) <= n * samples


def test_the_cost_counts_what_is_added():
    found = rungs(9, 900, THIRD)
    assert samples_in_all(found) == 9 * 100 + 3 * 200 + 1 * 600
    assert samples_in_all(found, seeds=2) == 2 * samples_in_all(found)


@pytest.mark.parametrize(
    ("text", "share"),
    [("1/3", THIRD), ("0.5", Fraction(1, 2)), ("25%", Fraction(1, 4)), (0.5, Fraction(1, 2))],
)
def test_shares_are_written_as_people_do(text, share):
    assert fraction(text) == share


@pytest.mark.parametrize("text", ["0", "1", "3", "-0.5", "a third", "1/0", "", "100%"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="between 0 and 1"):
        fraction(text)


def test_too_few_samples_are_refused_with_how_many_are_enough():
    with pytest.raises(UsageError, match="at least 576 for 3 rungs") as caught:
        rungs(9, 575, THIRD, 64)
    assert "received 63 samples in the first rung" in str(caught.value)
    assert rungs(9, 576, THIRD, 64)[0].samples == 64
