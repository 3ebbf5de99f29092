"""Side by side: equal runs differ by noise, unlike ones do not, and unlike numbers are refused."""

import json
import math
import re
import shutil

import pytest

from gantlet.cli.compare_verb import _told
from gantlet.cli.tables import interval
from gantlet.errors import UsageError
from gantlet.evaluation import evaluate
from gantlet.evaluation.comparison import compare, difference, over_seeds, paired
from gantlet.evaluation.evaluated import kept_evidence
from gantlet.metrics.estimate import Estimate, normal
from tests.cli.door import gantlet
from tests.evaluation import planted


def evaluated(law, path, seed=0):
    run, game = planted.run(law, path)
    evaluate(run, n=300, train=planted.data(), game=game, seed=seed)
    record = json.loads((run / "run.json").read_text())
    record["identity"]["train"]["seed"] = seed
    record["identity"]["law"] = law.__name__
    (run / "run.json").write_text(json.dumps(record))
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three seeds of a perfect sampler, three of a collapsed one."""
    folder = tmp_path_factory.mktemp("compare")
    return {
        (law.__name__, seed): evaluated(law, folder / f"{law.__name__}-{seed}", seed)
        for law in (planted.honest, planted.collapsed)
        for seed in range(3)
    }


def test_seeds_of_one_setting_are_taken_together_and_unlike_settings_differ(runs):
    found = compare(list(runs.values()))
    assert [sorted(group.by_seed) for group in found.groups] == [[0, 1, 2], [0, 1, 2]]
    rows = {row.title: row for row in found.rows}
    gap = rows["Coverage"].differences[0]
    assert gap.how == "paired over 3 seeds"
    assert gap.high < 0
    assert rows["Coverage"].values[0].how == "Student over 3 seeds"


def test_one_seed_each_is_said_to_hold_the_noise_of_sampling_alone(runs):
    found = compare([runs["honest", 0], runs["collapsed", 1]])
    assert any("noise of sampling alone" in note for note in found.notes)
    assert {row.title: row for row in found.rows}["Recall"].differences[0].high < 0


def test_the_door_shows_values_differences_and_a_word(runs):
    answer = gantlet("compare", str(runs["honest", 0]), str(runs["collapsed", 0]))
    assert answer.code == 0
    line = next(line for line in answer.out.splitlines() if "Coverage" in line)
    assert re.search(r"0\.\d+ \[.*\] +0\.\d+ \[.*\] +-0\.\d+ \[.*\] worse", line)


def test_faults_are_told(runs, tmp_path):
    one = runs["honest", 0]
    with pytest.raises(UsageError, match="at least two"):
        compare([one])
    with pytest.raises(UsageError, match="the same of both"):
        compare([one, one])
    with pytest.raises(UsageError, match="one setting"):
        compare([one, runs["honest", 1]])
    with pytest.raises(UsageError, match="gantlet evaluate"):
        compare([one, tmp_path])


def test_other_samples_of_the_same_name_are_refused(runs, tmp_path):
    path = shutil.copytree(runs["collapsed", 0], tmp_path / "other")
    kept = json.loads((path / "evidence.json").read_text())
    mark = kept["about"]["reference_fingerprint"]
    assert mark == kept_evidence(runs["honest", 0]).about["reference_fingerprint"]
    kept["about"]["reference_fingerprint"] = mark[::-1]
    (path / "evidence.json").write_text(json.dumps(kept))
    with pytest.raises(UsageError, match="other samples of the same name"):
        compare([runs["honest", 0], path])


def test_evaluations_of_unlike_numbers_of_samples_are_refused(runs, tmp_path):
    path, game = planted.run(planted.far, tmp_path / "far")
    evaluate(path, n=100, train=planted.data(), game=game)
    with pytest.raises(UsageError, match=r"as many samples.*the same -n"):
        compare([runs["honest", 0], path])


def test_the_worst_of_several_is_compared_where_it_is_the_same_one(runs, tmp_path):
    paths = [shutil.copytree(runs[law, 0], tmp_path / law) for law in ("honest", "collapsed")]
    for path, where in zip(paths, ("column a", "column b"), strict=True):
        kept = json.loads((path / "evidence.json").read_text())
        next(n for n in kept["numbers"] if n["name"] == "coverage")["where"] = where
        (path / "evidence.json").write_text(json.dumps(kept))
    found = compare(paths)
    assert "Coverage" not in {row.title for row in found.rows}
    assert any("coverage" in note and "column a, column b" in note for note in found.notes)


def test_names_with_brackets_are_shown_as_they_are(runs, tmp_path):
    paths = [
        shutil.copytree(runs[law, 0], tmp_path / f"a[{law}]") for law in ("honest", "collapsed")
    ]
    answer = gantlet("compare", *map(str, paths))
    assert "a[honest]" in answer.out
    assert "a[collapsed]" in answer.out


def test_sizes_without_bounds_over_seeds_have_no_interval():
    sizes = [Estimate(x, 5.0, math.inf, "capture") for x in (10.0, math.inf, 12.0)]
    mean = over_seeds(sizes)
    assert math.isinf(mean.value)
    assert interval(mean) == "inf"
    assert math.isnan(paired([10.0, math.inf], [1.0, 2.0]).low)


def test_two_numbers_without_bounds_have_no_difference():
    endless = Estimate(math.inf, 10.0, math.inf, "capture")
    assert _told(difference(endless, endless), "higher") == "-"


def test_unlike_extractors_are_refused(runs, tmp_path):
    path, game = planted.run(planted.far, tmp_path / "far")
    evaluate(path, n=300, train=planted.data(), game=game)
    kept = json.loads((path / "evidence.json").read_text())
    kept["about"]["extractor"] = "inception 0123 (299x299)"
    (path / "evidence.json").write_text(json.dumps(kept))
    with pytest.raises(UsageError, match=r"one extractor.*inception 0123"):
        compare([runs["honest", 0], path])


def test_students_interval_of_known_numbers():
    """t_{0.975, 2} = 4.302653: mean 2, deviation 1, n = 3."""
    seeds = [Estimate(x, x, x, "") for x in (1.0, 2.0, 3.0)]
    found = over_seeds(seeds)
    assert found.value == pytest.approx(2)
    assert found.high - 2 == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert paired([2, 3, 4], [1, 1, 1]).low == pytest.approx(2 - 4.302653 / 3**0.5, rel=1e-6)


def test_independent_errors_add_in_squares():
    gap = difference(normal(5, 3, ""), normal(1, 4, ""))
    assert gap.value == 4
    assert gap.high - 4 == pytest.approx(1.959964 * 5, rel=1e-6)
