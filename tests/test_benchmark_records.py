"""The results that benchmarks keep, and how they are told."""

import pytest

from benchmarks.common import mean_text, record, recorded


def test_a_torn_line_is_passed_over_and_spoils_no_later_one(tmp_path):
    path = tmp_path / "new" / "results.jsonl"
    assert recorded(path) == []
    record(path, {"seed": 0})
    with path.open("a") as file:
        file.write('{"seed": 1, "fre')
    assert recorded(path) == [{"seed": 0}]
    record(path, {"seed": 2})
    assert recorded(path) == [{"seed": 0}, {"seed": 2}]


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([1.23], "1.2"), ([1.0, 2.0, 3.0], "2.0 [-0.5, 4.5]")],  # 2 +- 4.303 / sqrt(3)
)
def test_a_mean_is_told_with_students_interval(values, text):
    assert mean_text(values, ".1f") == text
