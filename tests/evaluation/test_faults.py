"""Faults of known kinds are found and named; fresh real samples pass as real."""

import re

import pytest

from gantlet.data import DataSettings, open_data
from gantlet.evaluation.verdict import is_worse
from tests.evaluation import faults

FAULTS = {
    # fault: numbers that must find it, patterns that the verdict must have. It names the three
    # surest numbers, whose order may differ between processors.
    faults.dropped: (["rarest", "frechet"], ["rarest class", r"class 7 is 0\."]),
    faults.blurred: (["frechet", "precision", "recall"], ["not look like the data"]),
    faults.noisy: (
        ["two_sample", "density", "frechet"],
        [r"told apart \(classifier\)|do not look like the data"],
    ),
    faults.copied: (["distance_ratio", "closer", "near", "authenticity"], ["they copy"]),
    faults.repeated: (["support"], [r"support \(birthday\)", "cover less of the data"]),
}


@pytest.fixture(scope="module")
def digits():
    return faults.stage(open_data("digits"), train=850, fresh=947, n=300)


@pytest.fixture(scope="module")
def mnist(real_data):
    data = open_data(str(real_data / "mnist"), DataSettings())
    return faults.stage(data, train=3000, fresh=12_000, n=500)


def found(stage, fault):
    return stage.numbers(stage.drawn(0, fault))


@pytest.mark.parametrize("data", ["digits", "mnist"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_moves_its_own_numbers_and_is_named(request, data, fault):
    numbers, verdict = found(request.getfixturevalue(data), fault)
    own, words = FAULTS[fault]
    for name in own:
        value, floor = numbers[name].value, numbers[name].floor
        assert is_worse(numbers[name]), (name, value, floor, verdict)
        lower = numbers[name].better == "lower"
        assert value.low > floor.high if lower else value.high < floor.low, (name, value, floor)
    for word in words:
        assert re.search(word, verdict)
    if fault is not faults.copied:
        assert "no sign of copying" in verdict


@pytest.mark.parametrize(("data", "n"), [("digits", 150), ("mnist", 300)])
def test_fresh_real_samples_pass_in_at_least_95_of_100_draws(request, data, n):
    stage = faults.sized(request.getfixturevalue(data), n)
    alarms = []
    for draw in range(100):
        numbers, verdict = stage.numbers(stage.drawn(draw))
        assert len(numbers) >= 22
        worse = [name for name, number in numbers.items() if is_worse(number)]
        assert ("samples look like the data" in verdict.lower()) or worse
        alarms += [worse] if worse else []
    assert len(alarms) <= 5, alarms
