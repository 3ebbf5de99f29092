"""What is asked for, and what is drawn of it: conditions by name, the rest as the data have it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.labels import (
    asked_labels,
    drawn_labels,
    ends_labels,
    ends_of,
    label_table,
    swept_labels,
    usual_labels,
    way_labels,
)
from gantlet.spec import Condition, DataSpec

SMILING = Condition(name="smiling", kind="flag", shares=(0.7, 0.3))
ANGLE = Condition(
    name="angle", kind="number", knots=(-45.0, -5.0, 0.0, 45.0), shares=(0.2, 0.4, 0.4)
)
LEGS = Condition(name="legs", kind="level", knots=(2.0, 4.0, 8.0), shares=(0.1, 0.6, 0.3))
KIND = Condition(name="kind", kind="choice", names=("ant", "cat"), shares=(0.25, 0.75))
ALONE = DataSpec(kind="image", shape=(1, 8, 8), conditions=(SMILING, ANGLE, LEGS, KIND))
TOGETHER = DataSpec(
    kind="image",
    shape=(1, 8, 8),
    conditions=(
        replace(SMILING, after=2, given=((0, 1), (0, 1), (1, 0))),
        replace(ANGLE, after=2, given=((0, 0, 1), (0, 1, 0), (1, 0, 0))),
        replace(LEGS, shares=(0.5, 0.25, 0.25)),
        replace(KIND, after=0, given=((1, 0), (0, 1))),
    ),
)
N = 4000


def values(spec, label=None, n=N):
    return spec.untold(asked_labels(spec, n, label, 0))


@pytest.mark.parametrize("condition", ALONE.conditions, ids=lambda c: c.kind)
def test_what_is_told_can_be_read_again(condition):
    """A number between two knots is the mixture of both; at a knot it is that one alone."""
    last = condition.last
    given = condition.value(np.linspace(0, last, 4 * last + 1))
    told = condition.told(given)
    assert told.shape == (4 * last + 1, condition.width)
    np.testing.assert_allclose(condition.untold(told), given, atol=1e-12)
    if condition.kind != "flag":
        np.testing.assert_allclose(told.sum(1), 1)
        np.testing.assert_array_equal(told[::4], np.eye(last + 1))


def test_beyond_the_knots_is_at_the_last():
    np.testing.assert_array_equal(ANGLE.told(np.array([-90, 90.0])), np.eye(4)[[0, 3]])


def test_each_is_drawn_by_its_own_shares():
    made = values(ALONE)
    assert made[:, 0].mean() == pytest.approx(0.3, abs=0.03)
    assert (made[:, 1] < -5).mean() == pytest.approx(0.2, abs=0.03)
    assert (made[:, 1] > 0).mean() == pytest.approx(0.4, abs=0.03)
    assert set(made[:, 2].tolist()) == {2, 4, 8}
    assert (made[:, 2] == 4).mean() == pytest.approx(0.6, abs=0.03)
    assert made[:, 3].mean() == pytest.approx(0.75, abs=0.03)


def test_what_goes_together_is_drawn_together():
    made = values(TOGETHER)
    cells = {(int(s), float(g), int(k)) for s, _, g, k in made.tolist()}
    assert cells == {(0, 8, 0), (1, 4, 1), (1, 2, 1)}
    third = made[made[:, 2] == 2, 1]
    assert len(third) == pytest.approx(N / 2, abs=0.03 * N)
    assert third.min() >= 0
    assert third.mean() == pytest.approx(22.5, abs=1)


@pytest.mark.parametrize("spec", [ALONE, TOGETHER], ids=["alone", "together"])
def test_sample_i_depends_on_its_number_alone(spec):
    whole = drawn_labels(spec, 3, "sample", 0, 200)
    assert torch.equal(drawn_labels(spec, 3, "sample", 70, 30), whole[70:100])


def test_what_is_not_named_goes_with_what_is():
    """Asked to smile, the others are those of images that smile; asked for a way to go together
    that no image has, they are as in all images."""
    made = values(TOGETHER, "smiling=1")
    assert (made[:, 0] == 1).all()
    assert (made[:, 3] == 1).all()
    assert (made[:, 2] == 2).mean() == pytest.approx(2 / 3, abs=0.03)
    made = values(TOGETHER, {"angle": -30, "kind": "cat"})
    assert np.allclose(made[:, 1], -30)
    assert (made[:, 3] == 1).all()
    assert (made[:, 2] == 8).mean() == pytest.approx(0.25, abs=0.03)


def test_text_and_mapping_ask_alike():
    text = values(ALONE, "smiling=yes, angle=12.5,kind=ant", 20)
    assert np.array_equal(text, values(ALONE, {"smiling": True, "angle": 12.5, "kind": "ant"}, 20))
    assert np.allclose(text[:, [0, 1, 3]], [1, 12.5, 0])


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("smilling=1", "unknown condition 'smilling'.*Did you mean smiling"),
        ("angle=46", r"condition angle: expected a number from -45 to 45.*received '46'"),
        ("angle=steep", "condition angle: expected a number.*received 'steep'"),
        ("angle=nan", "condition angle: expected a number.*received 'nan'"),
        ({"smiling": 2}, "condition smiling: expected 0 or 1.*received 2"),
        ("smiling=perhaps", "condition smiling: expected 0 or 1.*received 'perhaps'"),
        ("kind=cow", "unknown kind 'cow': expected one of ant, cat"),
        ("cat", r"label 'cat': expected conditions.*This run has smiling \(no or yes\), angle"),
        (3, "label 3: expected conditions and their values"),
        ("", "label '': expected conditions and their values"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(label, words):
    with pytest.raises(UsageError, match=words):
        asked_labels(ALONE, 4, label, 0)


def test_names_and_choices_may_hold_commas_and_signs():
    choices = ("a=b", "black", "red, dark", "red, legs=2, dark")
    spec = DataSpec(
        kind="image",
        shape=(1, 8, 8),
        conditions=(Condition(name="co,lour=x", kind="choice", names=choices), ANGLE, LEGS),
    )
    for place, choice in enumerate(choices):
        if "legs=" not in choice:
            text = values(spec, f"co,lour=x={choice}, angle=-5,legs=4", 4)
            assert text.tolist() == [[place, -5, 4]] * 4
        told = values(spec, {"co,lour=x": choice, "angle": -5, "legs": 4}, 4)
        assert told.tolist() == [[place, -5, 4]] * 4
    with pytest.raises(UsageError, match=r"\(a=b, black, 'red, dark', 'red, legs=2, dark'\)"):
        asked_labels(spec, 4, "red", 0)
    with pytest.raises(UsageError, match=r"unknown condition 'leg': .*Did you mean legs"):
        asked_labels(spec, 4, "angle=3,leg=4", 0)


def test_conditions_are_no_labels_of_classes():
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b"))
    with pytest.raises(UsageError, match="unknown label"):
        asked_labels(spec, 4, "angle=30", 0)


def test_usual_is_the_median_or_what_most_have():
    assert ALONE.untold(usual_labels(ALONE, "legs=2", 2)).tolist() == [[0, -1.25, 2, 1]] * 2


def test_pictures_go_from_end_to_end():
    way = ALONE.untold(ends_labels(ALONE, 1, 5))
    assert way[:, 1].tolist() == [-45, -15, -2.5, 11.25, 45]
    assert (way[:, [0, 2, 3]] == way[0, [0, 2, 3]]).all()
    grid = ALONE.untold(swept_labels(ALONE, 40, 10)).reshape(4, 10, 4)
    for row in range(4):
        condition = ALONE.conditions[row]
        ends = condition.value(np.array([0, condition.last]))
        assert grid[row, [0, -1], row].tolist() == ends.tolist()
        others = np.delete(grid[row], row, 1)
        assert (others == others[0]).all()


def test_ways_pass_numbers_between_but_no_third_choice():
    cows = Condition(name="kind", kind="choice", names=("ant", "cat", "cow"))
    spec = DataSpec(kind="image", shape=(1, 8, 8), conditions=(SMILING, LEGS, cows))
    way = way_labels(spec, ["smiling=0,legs=2,kind=ant", "smiling=1,legs=8,kind=cow"], 3)
    assert way.shape == (4, spec.condition_size)
    np.testing.assert_allclose(
        spec.untold(way)[:, :2].T, [[0, 1 / 3, 2 / 3, 1], [2, 4, 6, 8]], 1e-6
    )
    np.testing.assert_allclose(way[1, -3:], [2 / 3, 0, 1 / 3], 1e-6)


def test_a_table_of_conditions_is_what_training_takes():
    text = label_table(ALONE, ["a.png", "b.png"], np.array([[1, 30.25, 4, 1], [0, -1, 2, 0.0]]))
    assert text.splitlines() == [
        "file,smiling,angle,legs,kind",
        "a.png,1,30.25,4,cat",
        "b.png,0,-1,2,ant",
    ]


def test_ends_are_asked_for_in_words():
    told = [ends_of(condition) for condition in ALONE.conditions]
    assert told[1:] == [("angle=-45", "angle=45"), ("legs=2", "legs=8"), ("kind=ant", "kind=cat")]
    for first, last in told:
        assert not np.array_equal(values(ALONE, first, 8), values(ALONE, last, 8))
