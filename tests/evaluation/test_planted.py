"""Verdicts on generators whose faults are known."""

import json

import numpy as np
import pytest

from gantlet.data import open_data
from gantlet.data.split import split
from gantlet.evaluation import evaluate, kept_evidence
from gantlet.evaluation.verdict import is_worse
from tests.evaluation import planted


def evaluated(law, folder, **options):
    path, game = planted.run(law, folder)
    return evaluate(path, n=600, train=planted.data(), game=game, **options)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return evaluated(planted.honest, tmp_path_factory.mktemp("honest") / "run")


def named(found):
    return {number.name: number for number in found.evidence.numbers}


def test_a_perfect_sampler_is_found_to_be_one(honest):
    numbers = named(honest)
    worse = [name for name, number in numbers.items() if is_worse(number)]
    assert len(worse) <= 1, worse  # one of twenty 95 % intervals may miss
    assert "samples look like" in honest.evidence.verdict.lower()
    assert "as real samples would" in honest.evidence.verdict
    assert "no sign of copying" in honest.evidence.verdict


def test_every_number_has_its_floor_its_interval_and_its_numbers_of_samples(honest):
    names = named(honest)
    assert {"frechet", "kernel", "precision", "recall", "coverage", "authenticity"} <= set(names)
    for number in names.values():
        assert number.floor is not None, number.name
        assert number.value.low <= number.value.value <= number.value.high
        if number.question == "copying":  # samples near to different training samples
            assert 0.5 < number.n_fake / len(honest.subject.floor) < 1
        else:
            assert number.n_fake == len(honest.subject.floor)
        assert number.verdict


@pytest.mark.parametrize("law", ["honest", "copier"])
def test_data_handed_over_tell_copying_where_nothing_was_set_aside(law, tmp_path):
    x = planted.data()
    made = planted.copier(x) if law == "copier" else planted.honest
    path, game = planted.run(made, tmp_path / "run", x, "data.held_out=false")
    found = evaluate(path, planted.data(600, seed=1), n=600, train=x, game=game)
    numbers, verdict = named(found), found.evidence.verdict
    assert all(number.floor is not None for number in numbers.values())
    assert ("no sign of copying" in verdict) == (law == "honest"), verdict
    assert is_worse(numbers["distance_ratio"]) == (law == "copier")
    assert not any("not tested" in note for note in found.evidence.notes)


@pytest.mark.parametrize("aside", [True, False])
def test_a_perfect_sampler_of_points_that_recur_passes_on_data_handed_over(tmp_path, aside):
    x = np.rint(3 * planted.data())
    path, game = planted.run(planted.rounded, tmp_path / "run", x, f"data.held_out={aside}")
    fresh = np.rint(3 * planted.data(1200, seed=1))
    found = evaluate(path, fresh, n=600, train=x, game=game)
    assert "no sign of copying" in found.evidence.verdict


def test_copying_of_points_that_recur_is_not_told_by_those_set_aside(tmp_path):
    x = np.rint(3 * planted.data())
    path, game = planted.run(planted.rounded, tmp_path / "run", x)
    found = evaluate(path, n=600, train=x, game=game)
    assert "copying" in found.evidence.verdict.split("not measured")[1]
    assert any("not tested: samples recur" in note for note in found.evidence.notes)


def test_a_collapsed_generator_covers_nothing(tmp_path):
    found = evaluated(planted.collapsed, tmp_path / "run")
    assert is_worse(named(found)["coverage"])
    assert is_worse(named(found)["recall"])
    assert "miss most of the data" in found.evidence.verdict


def test_a_generator_that_is_far_off_does_not_look_real(tmp_path):
    found = evaluated(planted.far, tmp_path / "run")
    assert named(found)["two_sample"].value.value > 0.95
    assert named(found)["precision"].value.value < 0.2
    assert "do not look like the data" in found.evidence.verdict


def test_a_generator_that_copies_is_caught_and_the_pairs_are_named(tmp_path):
    x = planted.data()
    dataset = open_data(x)
    train = split(dataset, gantlet_settings()).train
    path, game = planted.run(planted.copier(x[train]), tmp_path / "run", x)
    found = evaluate(path, n=600, train=x, game=game)
    for name in ("distance_ratio", "closer", "near", "authenticity"):
        assert is_worse(named(found)[name]), name
    assert "copy training samples" in found.evidence.verdict
    pair = found.evidence.pairs[0]
    assert pair.real in train
    assert np.abs(found.subject.fake.x[pair.fake] - x[pair.real]).max() < 0.02


def gantlet_settings():
    from gantlet.data import DataSettings

    return DataSettings()


def test_a_verdict_from_few_samples_says_so(honest):
    few = len(honest.subject.floor)
    assert any(note.startswith(f"{few} samples a side") for note in honest.evidence.notes)


def test_the_evidence_is_kept_and_read_again(honest):
    assert kept_evidence(honest.path.parent) == type(honest.evidence).from_json(
        json.loads(honest.path.read_text())
    )
    assert kept_evidence(honest.path.parent).verdict == honest.evidence.verdict
