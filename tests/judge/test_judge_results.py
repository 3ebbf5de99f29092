"""Scores of raters, by hand and against scipy."""

import pytest
from scipy.stats import binomtest

from gantlet.judge import Answer, Answers, results, scored


def answers(fooled, fakes, doubted, reals, rater="Ada"):
    made = [Answer("p", rater, f"f{i}", True, i >= fooled, 1.0, "") for i in range(fakes)]
    real = [Answer("p", rater, f"r{i}", False, i < doubted, 1.0, "") for i in range(reals)]
    return made + real


def test_errors_are_those_on_fakes_and_on_reals():
    found = scored("Ada", answers(12, 25, 5, 25))
    assert (found.answers, found.errors.value) == (50, 17 / 50)
    assert (found.fooled.value, found.doubted.value) == (12 / 25, 5 / 25)
    for estimate, hits, n in (
        (found.errors, 17, 50),
        (found.fooled, 12, 25),
        (found.doubted, 5, 25),
    ):
        interval = binomtest(hits, n).proportion_ci(method="wilson")
        assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high), 1e-9)


def test_one_sided_answers_have_no_share_of_the_other_side():
    found = scored("Ada", answers(1, 3, 0, 0))
    assert found.doubted is None
    assert found.fooled.value == 1 / 3


def test_panels_are_scored_apart_and_raters_pooled(tmp_path):
    store = Answers.of(tmp_path)
    for key, seconds in (("first", None), ("second", 0.5), ("unanswered", 1.0)):
        store.open_panel(key, {"run": "x", "seen": 1, "real": "set aside"}, seconds=seconds)
    for rater, wrong in (("Ada", 3), ("Bob", 1)):
        for i in range(4):
            store.add("first", rater, f"{i}", i % 2 == 0, (i % 2 == 0) != (i < wrong), 1.0)
    store.add("second", "Ada", "0", True, True, 1.0)
    (first, second), notes = results(tmp_path)
    assert notes == []
    assert [(s.rater, s.answers, s.errors.value) for s in first.scores] == [
        ("all raters", 8, 0.5),
        ("Ada", 4, 0.75),
        ("Bob", 4, 0.25),
    ]
    assert (first.about["seconds"], second.about["seconds"]) == (None, 0.5)
    assert second.to_json()["scores"][0]["errors"]["value"] == 0
