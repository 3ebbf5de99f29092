"""Numbers are told with the digits that mean something."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantlet.metrics.estimate import Estimate
from gantlet.report.words import central, facts, interval, number, share, span


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((41.273, 39.4, 43.2), "41.3 [39.4, 43.2]"),
        ((0.9124, 0.894, 0.9281), "0.912 [0.894, 0.928]"),
        ((1.04, 0.99, 1.09), "1.04 [0.99, 1.09]"),
        ((19.49, 7.16, 31.8), "19.5 [7.2, 31.8]"),
        ((0.0004, -0.0021, 0.0029), "0.00040 [-0.00210, 0.00290]"),
        ((0.0, 0.0, 0.0787), "0.000 [0.000, 0.079]"),
        ((5612.3, 5234, 6018), "5,610 [5,230, 6,020]"),
        ((4005.0, 719.2, 157_653.0), "4,000 [719, 158,000]"),
        ((250.0, 3.0, 9_000.0), "250 [3, 9,000]"),
        ((1.234e-5, 1.2e-5, 1.27e-5), "1.23e-05 [1.20e-05, 1.27e-05]"),
        ((3.0, 3.0, 3.0), "3.000 [3.000, 3.000]"),
        ((5600, 2100, math.inf), "5,600 [2,100, ∞]"),
        ((math.nan, 0, 1), "not a number [0, 1.000]"),
    ],
)
def test_digits_follow_the_value_and_the_width_of_its_interval(ends, told):
    assert span(Estimate(*ends, "")) == told
    assert f"{central(Estimate(*ends, ''))} {interval(Estimate(*ends, ''))}" == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(1.234567, "1.235"), (0.0, "0"), (12345.6, "12,350"), (math.inf, "∞"), (-math.inf, "-∞")],
)
def test_without_an_interval_there_are_four_digits(value, told):
    assert number(value) == told


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 10), st.floats(1e-3, 10))
def test_what_is_rounded_away_is_a_twentieth_of_the_interval_at_most(value, below, above):
    told = central(Estimate(value, value - below, value + above, ""))
    assert abs(float(told.replace(",", "")) - value) <= (below + above) / 20 * (1 + 1e-9)


def test_shares():
    assert [share(value) for value in (0, 0.1234, 1, None)] == ["0.0 %", "12.3 %", "100.0 %", "–"]


def test_nested_facts_are_told_one_by_one():
    values = {
        "run": "runs/a",
        "seen": 60032,
        "seconds": 41.3,
        "price": 1.0,
        "best": True,
        "label": None,
        "shape": [1, 8, 8],
        "versions": {"torch": "2.13", "more": {"numpy": "2.4"}},
    }
    assert list(facts(values)) == [
        ("run", "runs/a"),
        ("seen", "60,032"),
        ("seconds", "41.30"),
        ("price", "1.000"),
        ("best", "yes"),
        ("label", "none"),
        ("shape", "1, 8, 8"),
        ("versions.torch", "2.13"),
        ("versions.more.numpy", "2.4"),
    ]
