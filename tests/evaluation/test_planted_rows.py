"""Faults of rows are found and named; fresh rows pass as real."""

import pytest

from gantlet.evaluation import novel
from gantlet.evaluation.verdict import is_worse
from tests.evaluation import planted_rows as planted

FAULTS = {
    # fault: numbers that must find it, words that the verdict must have
    planted.shuffled: (["trends", "worst_trend"], ["columns "]),
    planted.shifted: (["worst_shape"], ["column weight"]),
    planted.dropped: (["worst_shape", "rarest_category"], ["clerk of column trade"]),
    planted.full: (["missing", "worst_missing"], ["column weight"]),
    planted.copied: (["new_rows"], ["too close to training"]),
    planted.repeated: (["duplicates"], ["cover less"]),
    planted.beyond: (["boundaries"], ["within the range of the data"]),
    planted.invented: (["categories"], ["categories that the data have"]),
    planted.constant: (["worst_shape", "worst_trend"], ["column pay"]),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_moves_its_own_numbers_and_is_named(fault):
    numbers, verdict = planted.found(fault, 400)
    own, words = FAULTS[fault]
    for name in own:
        assert is_worse(numbers[name]), (name, numbers[name], verdict)
    for word in words:
        assert word in verdict
    if fault is not planted.copied:
        assert "no sign of copying" in verdict


def test_independent_columns_are_told_by_their_pairs_alone_and_a_dependent_pair_is_named():
    numbers, verdict = planted.found(planted.shuffled, 400)
    assert not is_worse(numbers["shapes"])
    assert not is_worse(numbers["worst_shape"])
    dependent = [{"town", "owns"}, {"age", "town"}, {"owns", "weight"}, {"age", "pay"}]
    named = numbers["worst_trend"].where.removeprefix("columns ").split(" and ")
    assert set(named) in dependent
    assert f"columns {' and '.join(named)}" in verdict


def test_fresh_rows_pass_in_at_least_95_of_100_draws():
    alarms = []
    for draw in range(100):
        numbers, verdict = planted.found(planted.fresh, 100, draw)
        assert len(numbers) >= 12
        worse = [(name, number.where) for name, number in numbers.items() if is_worse(number)]
        assert ("samples look like the data" in verdict.lower()) or worse
        alarms += [worse] if worse else []
    assert len(alarms) <= 5, alarms


def test_training_rows_in_blocks_are_matched_as_in_one(monkeypatch):
    whole, _ = planted.found(planted.copied, 100)
    monkeypatch.setattr(novel, "_BLOCK", 300)
    assert planted.found(planted.copied, 100)[0]["new_rows"] == whole["new_rows"]
    assert whole["new_rows"].value.value == 0.5
