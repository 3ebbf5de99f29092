"""What is tried: values of settings, their combinations, and what cannot be tried."""

import pytest

from gantlet.cli.sweep_verb import _asked
from gantlet.config import assignments
from gantlet.errors import UsageError
from gantlet.sweeping.space import read_space, shown, space, trials

WORDS = ["train.batch=32,64", "optimisers.generator.lr=1e-4,2e-4,4e-4", "game.penalties.r1=0.1"]
PLAIN = {
    "train.batch": [32, 64],
    "optimisers.generator.lr": [1e-4, 2e-4, 4e-4],
    "game.penalties.r1": 0.1,
}


def test_text_and_python_ask_for_the_same():
    assert space(WORDS) == space(PLAIN)
    assert space(WORDS).plain() == PLAIN


def test_yaml_asks_for_the_same_by_dotted_keys_or_by_sections(tmp_path):
    for text in (
        "train.batch: [32, 64]\noptimisers.generator.lr: [1e-4, 2e-4, 4e-4]\n"
        "game.penalties.r1: 0.1\n",
        "train: {batch: [32, 64]}\noptimisers:\n  generator:\n    lr: [1e-4, 2e-4, 4e-4]\n"
        "game: {penalties: {r1: 0.1}}\n",
    ):
        path = tmp_path / "space.yaml"
        path.write_text(text)
        assert space(read_space(path)) == space(WORDS)


def test_words_override_the_file_under_whichever_name_it_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text("network: [mlp, dcgan]\ntrain.batch: [16, 32]\n")
    _, asked = _asked(("digits", "space.yaml", "network=mlp"), None)
    assert asked == {"network.name": ["mlp"], "train.batch": [16, 32]}


def test_the_grid_has_each_combination_once_the_last_setting_fastest():
    tried = trials(space(WORDS))
    assert [trial.number for trial in tried] == [1, 2, 3, 4, 5, 6]
    assert [tuple(trial.chosen.values()) for trial in tried] == [
        (batch, lr) for batch in (32, 64) for lr in (1e-4, 2e-4, 4e-4)
    ]
    assert {trial.settings["game.penalties.r1"] for trial in tried} == {0.1}
    assert str(tried[0]) == "train.batch=32 optimisers.generator.lr=0.0001"


def test_random_trials_are_some_of_the_grid_and_always_the_same():
    found = space(WORDS)
    grid = {trial.number: trial.chosen for trial in trials(found)}
    drawn = trials(found, random=3)
    assert len(drawn) == 3
    assert drawn == trials(found, random=3)
    assert all(grid[trial.number] == trial.chosen for trial in drawn)
    assert trials(found, random=100) == trials(found)
    assert [trial.number for trial in drawn] == sorted({trial.number for trial in drawn})


def test_commas_within_brackets_and_quotes_separate_nothing():
    found = space(["network.hidden=[8,8],[16]", "game.penalties.r1={start: 1, end: 0.1},2"])
    assert found.axes[0].values == ([8, 8], [16])
    assert found.axes[1].values == ({"start": 1, "end": 0.1}, 2)


@pytest.mark.parametrize("value", [1e-4, 0.1 + 0.2, 32, True, None, "r3gan", [8, 16], {"a": 1}])
def test_values_are_shown_as_settings_read_them(value):
    assert assignments([f"train.x={shown(value)}"]) == [("train.x", value)]


def test_recipes_and_sizes_are_no_settings_of_a_trial():
    first = trials(space(["recipe=dcgan,mlp", "size_model=s", "train.batch=64"]))[0]
    assert (first.named("recipe"), first.named("size_model")) == ("dcgan", "s")
    assert first.settings == {"train.batch": 64}


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["train.batch=64"], "at least one with several values"),
        ([], "received none"),
        (["train.batch=64,64"], "each value once, received 64 twice"),
        (["train.batch=8,16", "train.batch=32"], "given once, received twice"),
        (["train.batch"], "expected key=value"),
        (["train.batch=8,"], "a value after ="),
        (["data.size=8,16"], "one value for all trials"),
        (["validation.samples=100,200", "train.batch=8,16"], "It is the judge"),
        (["train.seed=1,2"], "--seeds N"),
        (["train.seed=1", "train.batch=8,16"], "--seeds N"),
        (["stop.samples=100", "train.batch=8,16"], "--samples N"),
        (["stop.minutes=1,2"], "--samples N"),
        (["train={batch: 8, tick: 9},{batch: 9, tick: 9}"], "a whole section"),
        ([f"a.b{k}={','.join(map(str, range(100)))}" for k in range(3)], "at most 10,000"),
    ],
)
def test_what_cannot_be_tried_is_told(words, parts):
    with pytest.raises(UsageError, match=parts):
        space(words)


def test_a_single_random_trial_is_no_sweep():
    with pytest.raises(UsageError, match="at least 2 of them"):
        trials(space(WORDS), random=1)


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "a: [", ""])
def test_a_file_that_is_no_mapping_is_refused(text, tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"settings .*space\.yaml"):
        read_space(path)
