"""Numbers against floors in words."""

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
        n_real=9,
        n_fake=9,
        extractor="",
        better=better,
    )


@pytest.mark.parametrize(
    ("value", "floor", "better", "worse", "words"),
    [
        (1.15, 1.0, "lower", False, "as real data"),
        (3.0, 1.0, "lower", True, "3 times the floor"),
        (0.2, 1.0, "lower", False, "as real data"),
        (1.0, 0.0, "lower", True, "worse than real data"),
        (0.4, 0.8, "higher", True, "50 % of real data's"),
        (0.9, 0.8, "higher", False, "as real data"),
    ],
)
def test_a_number_against_its_floor(value, floor, better, worse, words):
    told = judged(number(value, floor, better=better))
    assert is_worse(told) == worse
    assert told.verdict == words


def test_without_a_floor_nothing_is_said():
    alone = replace(number(1.0, 1.0), floor=None)
    assert judged(alone) == alone
    assert overall([alone], [alone.name]) == ("No verdict: nothing was set aside to compare with.")


def test_the_worst_number_decides_its_question():
    numbers = [
        judged(number(0.9, 0.9, better="higher", name="precision")),
        judged(number(0.6, 0.9, better="higher", name="density")),
        judged(number(0.1, 0.9, better="higher", name="coverage", question="coverage")),
    ]
    deciding = ["precision", "density", "coverage"]
    assert overall(numbers, deciding) == (
        "Samples resemble the data, but can be told from them (density 67 % of real data's); "
        "they miss most of the data (coverage 11 % of real data's)."
    )
    assert overall(numbers, ["precision"]) == "Samples look like the data."


def test_a_judge_that_tells_samples_apart_does_not_make_them_bad():
    found = [judged(number(1.0, 0.5, name="two_sample"))]
    assert "resemble the data" in overall(found, ["two_sample"])
