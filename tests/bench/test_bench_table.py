"""The table: intervals over seeds, floors, published rows to the letter."""

import json
import math

import pytest
import scipy.stats

from gantlet.bench import PROBLEMS
from gantlet.bench.base import Measure, Row
from gantlet.bench.table import Played, over_seeds, tabled
from gantlet.metrics.estimate import Estimate

RING = PROBLEMS["ring"]
SEEDS = (
    {"modes": 8.0, "quality": 97.0, "kl": 0.01, "spread": 0.9, "samples": 512.0, "seconds": 3.0},
    {"modes": 8.0, "quality": 98.0, "kl": 0.03, "spread": 1.1, "samples": 512.0, "seconds": 5.0},
)
FLOOR = {"perfect sampler": {"kl": Estimate(0.0014, 0.0003, 0.003, "simulated")}}


def table(*seeds, name="points"):
    return tabled("ring", RING, [Played(name, Row(line="what", theory="why"), seeds)], FLOOR)


def cells(made, name) -> dict[str, str]:
    line = next(line for line in made.lines if line.name == name)
    return dict(zip(made.columns[1:], [*line.cells, line.remark], strict=True))


@pytest.mark.parametrize("values", [[1.0, 2.0], [3.0, 5.0, 4.0], [8.0] * 5, list(range(12))])
def test_intervals_over_seeds_are_students(values):
    found = over_seeds(values)
    n, error = len(values), scipy.stats.sem(values)
    reach = scipy.stats.t.ppf(0.975, n - 1) * error
    assert found.value == pytest.approx(sum(values) / n)
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=1e-3)


def test_one_seed_has_no_interval():
    found = over_seeds([0.25])
    assert found.value == 0.25
    assert math.isnan(found.low)
    assert cells(table(SEEDS[0]), "points")["reverse KL"] == "0.010"


def test_own_rows_show_mean_and_interval():
    shown = cells(table(*SEEDS), "points")
    assert shown["modes of 8"] == "8.0"
    reach = 12.7062 * 0.5
    assert shown["high quality, %"] == f"97.5 [{97.5 - reach:.1f}, {97.5 + reach:.1f}]"
    assert shown["samples seen"] == "512"
    assert shown[""] == "what; why"


def test_a_number_that_a_seed_has_not_is_not_averaged_away():
    made = table(SEEDS[0], {**SEEDS[1], "kl": math.nan})
    assert cells(made, "points")["reverse KL"] == "undefined"
    text = json.dumps(made.contents, allow_nan=False)
    row = json.loads(text)["rows"][0]
    assert row["over_seeds"]["kl"] is None
    assert [seed["kl"] for seed in row["seeds"]] == [0.01, None]
    assert row["over_seeds"]["quality"]["value"] == 97.5


def test_the_floor_says_where_it_comes_from():
    shown = cells(table(*SEEDS), "perfect sampler")
    assert shown["reverse KL"] == "0.001 [0.000, 0.003]"
    assert shown["modes of 8"] == ""
    assert shown[""] == "simulated"


def test_published_rows_are_as_printed_and_name_their_source():
    made = table(*SEEDS)
    shown = [line for line in made.lines if line.remark.startswith("as printed: ")]
    assert len(shown) == len(RING.printed) == 9
    pacgan = next(line for line in shown if line.name == "PacGAN2")
    assert list(pacgan.cells)[:3] == ["7.9±0.1", "95.6±2.0", "0.07±0.03"]
    assert pacgan.remark == "as printed: PacGAN, arXiv 1712.04086, table 1"


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_are_described_and_their_published_rows_fit(name):
    problem = PROBLEMS[name]
    assert problem.rows
    assert "https://arxiv.org/abs/" in problem.source
    assert len(problem.protocol) > 40
    for row in problem.printed:
        assert set(row.cells) <= set(problem.measures)
        assert "arXiv" in row.source
        assert "table" in row.source


def test_words_stand_before_numbers():
    measure = Measure(title="left", words=((0.5, "near"), (math.inf, "far")))
    assert [measure.word(value) for value in (0.1, 0.5, 0.6)] == ["near", "near", "far"]
    assert Measure(title="left").word(1.0) == ""
