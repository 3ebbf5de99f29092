"""Verdicts on samplers of rows whose faults are known."""

import numpy as np
import pytest

from gantlet.data import DataSettings, open_data
from gantlet.data.split import split
from gantlet.errors import UsageError
from gantlet.evaluation import evaluate
from gantlet.evaluation.verdict import is_worse
from tests.evaluation import planted_tables

TABLE = planted_tables.data()
PRIVACY = ("copies", "distance_ratio", "closer", "near", "member_distance", "member_density",
           "member_relative", "guessed")  # fmt: skip


def evaluated(pool, folder, table=TABLE, **options):
    game = planted_tables.run(pool, folder / "run", table)
    options = {"n": 600, **options}
    return evaluate(folder / "run", train=table, game=game, **options).evidence


def named(evidence):
    return {number.name: number for number in evidence.numbers}


def trained_on(table):
    return table.iloc[split(open_data(table), DataSettings()).train]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return evaluated(planted_tables.data(50_000, 1), tmp_path_factory.mktemp("fresh"))


def test_a_perfect_sampler_of_rows_passes(fresh):
    assert [name for name, number in named(fresh).items() if is_worse(number)] == []
    assert "there is no sign of copying" in fresh.verdict
    assert "learns as much from them as from real data" in fresh.verdict
    assert set(PRIVACY) <= set(named(fresh))


def test_every_number_has_an_interval_around_it_and_a_floor(fresh):
    for name, number in named(fresh).items():
        assert number.value.low <= number.value.value <= number.value.high, name
        assert number.floor is not None, name
    assert named(fresh)["member_distance"].floor.value == 0.5
    assert any("predicting ill (chosen as the last" in note for note in fresh.notes)


def test_a_sampler_that_copies_training_rows_is_condemned_for_copying(tmp_path):
    numbers = named(found := evaluated(trained_on(TABLE), tmp_path))
    assert [name for name in PRIVACY if not is_worse(numbers[name])] == []
    assert "they copy training samples" in found.verdict
    assert not is_worse(numbers["useful"])
    assert numbers["copies"].value.low > 0.9 > numbers["copies"].floor.high


def test_of_a_table_whose_rows_recur_a_perfect_sampler_passes(tmp_path):
    """Twenty different rows: every generated row is in the training data, by chance alone."""
    whole = planted_tables.data(30_000, 2)[["town", "ill"]]
    whole["age"] = planted_tables.data(30_000, 2)["age"] > 50
    found = evaluated(whole.iloc[4000:], tmp_path, whole.iloc[:4000].reset_index(drop=True))
    assert [name for name, number in named(found).items() if is_worse(number)] == []


def test_rows_of_a_rare_class_are_asked_for_and_what_they_bring_is_told(tmp_path):
    table = planted_tables.data(1500, 3, rare=0.06)
    found = evaluated(planted_tables.data(5000, 4, rare=0.5), tmp_path, table)
    gain = named(found)["rare_gain"]
    assert gain.title == "Gain in F1 of ill=yes"
    assert gain.floor is None
    assert gain.verdict == ("a gain" if gain.value.low > 0 else "no gain")
    assert any("ill=yes is rare" in note and gain.verdict in note for note in found.notes)


def test_a_target_that_nothing_can_be_learned_of_is_refused(tmp_path):
    table = planted_tables.data(400).assign(same="x", few=np.arange(400) == 0)
    game = planted_tables.run(table, tmp_path / "run", table)
    refused = {"height": "unknown column 'height'", "same": "unknown column 'same'"}
    for target, words in refused.items():
        with pytest.raises(UsageError, match=words):
            evaluate(tmp_path / "run", n=100, train=table, game=game, target=target)


def test_an_attacker_guesses_the_chosen_columns_from_those_he_knows(tmp_path):
    attack = {"sensitive": ["town"], "known": ["weight", "dose"]}
    found = evaluated(trained_on(TABLE), tmp_path, **attack)
    guessed = named(found)["guessed"]
    # Town depends on nothing: 0.16 + 0.09 + 0.04 + 0.01 by chance. 600 of 2,700 rows are copied.
    assert guessed.floor.low < 0.3 < guessed.floor.high
    assert guessed.value.value == pytest.approx(0.3 + 0.7 * 600 / 2_700, abs=0.04)
    assert is_worse(guessed)
    (note,) = [note for note in found.notes if "Hidden values guessed" in note]
    assert "those of town, by an attacker who knows weight, dose of a row" in note
