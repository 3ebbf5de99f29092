"""Numbers against floors in words."""

import math
from dataclasses import replace

import pytest

from gantlet.evaluation.verdict import is_worse, judged, overall
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Number


def number(value, floor, *, better="lower", name="kernel", question="fidelity", reach=0.1):
    around = (Estimate(x, x - reach, x + reach, "") for x in (value, floor))
    value, floor = around
    return Number(
        name=name,
        question=question,
        title=name.capitalize(),
        value=value,
        floor=floor,
        n_real=100,
        n_fake=9,
        extractor="",
        better=better,
    )


@pytest.mark.parametrize(
    ("value", "floor", "better", "worse", "words"),
    [
        (1.1, 1.0, "lower", False, "as real data"),
        (3.0, 1.0, "lower", True, "3 times the floor"),
        (0.2, 1.0, "lower", False, "as real data"),
        (1.0, 0.0, "lower", True, "worse than real data"),
        (0.4, 0.8, "higher", True, "50 % of real data's"),
        (0.9, 0.8, "higher", False, "as real data"),
    ],
)
def test_a_number_against_its_floor(value, floor, better, worse, words):
    (told,) = judged([number(value, floor, better=better)])
    assert is_worse(told) == worse
    assert told.verdict == words


def test_a_share_that_rounds_to_all_is_not_told():
    (told,) = judged([number(1.0009, 1.0045, better="higher", reach=1e-4)])
    assert is_worse(told)
    assert told.verdict == "worse than real data"


def test_what_condemns_one_number_does_not_condemn_one_of_many():
    """A gap of 2.4 standard errors: p = 0.008 alone, 0.16 as the least of twenty."""
    gap = number(1.174, 1.0)
    assert is_worse(judged([gap])[0])
    alone, *others = judged([gap, *[number(1.0, 1.0)] * 19])
    assert not is_worse(alone)
    assert alone.p == pytest.approx(20 * judged([gap])[0].p)
    assert not any(map(is_worse, others))


def test_the_worst_of_many_pays_for_the_choice_and_is_named():
    gap = replace(number(1.23, 1.0, name="worst", question="coverage"), where="column age")
    (alone,) = judged([gap])
    (picked,) = judged([replace(gap, of=20)])
    assert is_worse(alone)
    assert picked.p == pytest.approx(20 * alone.p)
    assert not is_worse(judged([replace(gap, of=100)])[0])
    assert judged([replace(gap, of=10**6)])[0].p == 1
    assert "(worst 1.23 times the floor, column age)" in overall([alone], [])


def test_without_a_floor_nothing_is_said():
    alone = replace(number(1.0, 1.0), floor=None)
    assert judged([alone]) == [alone]
    told = "No verdict: there are too few unseen samples for a floor."
    assert overall([alone], [alone.name]) == told
    copies = replace(number(0.0, 0.0), name="copies", question="copying")
    assert overall(judged([alone, copies]), []) == told
    worse = replace(copies, value=number(0.5, 0.0).value)
    assert "too close" in overall(judged([worse]), [])


def test_the_worst_share_decides_how_bad_it_is_and_the_surest_numbers_are_named():
    numbers = judged(
        [
            number(0.9, 0.9, better="higher", name="precision"),
            number(0.6, 0.9, better="higher", name="density"),
            number(0.1, 0.9, better="higher", name="coverage", question="coverage"),
            number(0.5, 0.9, better="higher", name="recall", question="coverage"),
        ]
    )
    assert overall(numbers, ["precision", "density", "coverage"]) == (
        "Samples resemble the data, but can be told from them (density 67 % of real data's); "
        "they miss most of the data (coverage 11 % of real data's; recall 56 % of real data's); "
        "not measured: copying, usefulness."
    )


def test_a_number_without_a_worst_is_named_but_says_not_how_bad_it_is():
    found = judged([number(100.0, 1.0)])
    assert overall(found, ["precision"]) == (
        "Samples resemble the data, but can be told from them (kernel 100 times the floor); "
        "not measured: coverage, copying, usefulness."
    )


def test_scores_on_the_same_samples_are_judged_by_their_difference():
    """0.65 and 0.69, each known to 0.05, and their difference to 0.01."""
    apart = number(0.65, 0.69, better="higher", name="useful", question="usefulness", reach=0.05)
    assert not is_worse(judged([apart])[0])
    together = replace(apart, gap=Estimate(-0.04, -0.05, -0.03, ""))
    assert is_worse(judged([together])[0])
    assert not is_worse(judged([replace(apart, gap=Estimate(0.04, 0.03, 0.05, ""))])[0])
    assert not is_worse(judged([replace(apart, gap=Estimate(0.0, 0.0, 0.0, ""))])[0])


def test_a_judge_that_tells_samples_apart_does_not_make_them_bad():
    found = judged([number(1.0, 0.5, name="two_sample")])
    assert "resemble the data" in overall(found, ["two_sample"])


def test_sizes_of_which_only_a_lower_limit_is_known_are_compared_as_rates():
    """Pairs of twins: 4 % against at most 0.1 %; on the scale of sizes the floor has no end."""
    size = number(1.0, 1.0, name="support", question="coverage", better="higher")
    few = Estimate(25.0, 18.0, 37.0, "")
    unknown = Estimate(math.inf, 1000.0, math.inf, "")
    assert is_worse(judged([replace(size, value=few, floor=unknown)])[0])
    assert not is_worse(judged([replace(size, value=unknown, floor=few)])[0])
    assert not is_worse(judged([replace(size, value=unknown, floor=unknown)])[0])


def test_a_size_without_a_bound_among_real_data_is_told_as_itself():
    size = number(50.0, 1.0, name="support", question="coverage", better="higher")
    found = judged([replace(size, floor=Estimate(math.inf, 1e5, math.inf, ""))])
    assert found[0].verdict == "50, where real data show no bound"


@pytest.mark.parametrize(
    ("name", "floor", "copies", "words"),
    [
        ("near", 0.05, 0.1, "Some samples lie too close"),
        ("near", 0.05, 0.3, "They copy"),
        ("closer", 0.5, 0.2, "Some samples lie too close"),
        ("closer", 0.5, 0.3, "They copy"),
    ],
)
def test_a_quarter_of_copies_is_called_copying(name, floor, copies, words):
    """A copy is among the nearest, and nearer than any unseen sample: both shares grow to 1."""
    value = copies + (1 - copies) * floor
    found = judged([number(value, floor, name=name, question="copying", reach=0.01)])
    assert overall(found, [name]).startswith(words)


def test_the_class_that_lacks_is_counted_by_one_classifier_on_both_sides():
    found = judged([number(0.3, 1.0, better="higher", name="rarest", question="coverage")])
    rows = [
        {"name": "hard", "share": 0.1, "read": 0.0, "made": 0.0},  # never recognised
        {"name": "gone", "share": 0.2, "read": 0.25, "made": 0.05},
        {"name": "rest", "share": 0.7, "read": 0.75, "made": 0.95},
    ]
    assert "class gone is 5.0 % of them and 25.0 % of real ones" in overall(found, [], rows)


def test_the_class_that_lacks_most_is_named():
    found = judged([number(0.3, 0.1, name="balance", question="coverage", reach=0.01)])
    rows = [
        {"name": "cat", "share": 0.5, "made": 0.79},
        {"name": "dog", "share": 0.3, "made": 0.21},
        {"name": "owl", "share": 0.16, "made": 0.0},
        {"name": "elk", "share": 0.04, "made": 0.0},  # 4 real samples, too few to tell
    ]
    assert overall(found, [], rows) == (
        "They cover less of the data than real samples would (balance 3 times the floor, "
        "class owl is 0.0 % of them and 16.0 % of real ones); not measured: fidelity, copying, "
        "usefulness."
    )
