"""One sample by all that makes it what it is, against what other commands make."""

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.latents import Still, directions, mix, move, opened, still
from gantlet.sample import sample
from tests.latents.bundles import GREY, LABELLED, bundle, styled


def gap(a, b):
    """Largest difference of levels; 1 is the rounding of x to bytes."""
    return np.abs(a.astype(int) - b).max()


@pytest.mark.parametrize(("make", "value"), [(styled, 0.4), (bundle, 0.7)])
def test_a_still_is_the_sample_of_its_number(make, value):
    made = make(spec=LABELLED)
    for truncation in (None, value):
        own = sample(made, 71, seed=3, label="owl", truncation=truncation)
        found = still(made, 70, seed=3, label="owl", truncation=truncation)
        assert len(found) == 1
        assert gap(found.values, own.values[70:]) <= 1
        assert found.labels.tolist() == [2]


def test_moves_are_those_of_directions_and_add_up():
    made = bundle(spec=LABELLED)
    found = directions(made, 3, method="ganspace")
    rows = move(made, found, steps=3, reach=1.5, seed=2, label="dog").values
    ends = rows.reshape(3, 3, *GREY.shape)
    for k in range(3):
        moves = [-1.5 if i == k else 0 for i in range(3)]
        one = still(made, seed=2, label="dog", moves=moves, method="ganspace")
        assert gap(one.values[0], ends[k, 0]) <= 1
        assert gap(one.values[0], ends[k, 1]) > 1
    both = Still(seed=2, label="dog", moves=(1.0, -2.0, 0.0))
    with opened(made) as space:
        y = space.labels("dog", 1)
        numbers = space.drawn(2, torch.arange(1), y)
        numbers["z"] = numbers["z"] + found.vectors[:1] - 2 * found.vectors[1:2]
        assert gap(both.values(space, found), space.values(numbers, y)) <= 1


def test_styles_of_another_are_those_of_mix():
    made = styled(LABELLED)
    figure = mix(made, [1], [4], layers="fine", seed=2, other=8, label="dog", truncation=0.6)
    one = still(made, 1, seed=2, label="dog", truncation=0.6, layers="fine", other=(8, 4))
    assert gap(one.values, figure.mixed.values) <= 1
    assert gap(one.values, figure.rows.values) > 1


def test_the_other_sample_does_not_move():
    made = styled(LABELLED)
    moved = still(made, 1, seed=2, label="dog", layers="all", other=(8, 4), moves=[2.0, -1.0])
    assert gap(moved.values, sample(made, 5, seed=8, label="dog").values[4:]) <= 1


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: still(bundle(), -1), "0 or more"),
        (lambda: still(bundle(), label="cat"), "trained without labels"),
        (lambda: still(bundle(), moves=[1.0] * 9), "1 to 8, the length of z"),
        (lambda: still(bundle(), moves=[1.0], method="sefia"), "Did you mean sefa"),
        (lambda: still(bundle(), layers="fine"), "recipe stylegan2"),
        (lambda: still(styled(), layers="9"), "layers from 0 to 3"),
        (lambda: still(styled(), layers="all", other=(0, -2)), "0 or more"),
        (lambda: still(bundle(), truncation=0), "a number above 0"),
    ],
)
def test_what_cannot_be_is_told(act, words):
    with pytest.raises(UsageError, match=words):
        act()


def test_moves_need_as_many_directions():
    made = bundle()
    with opened(made) as space, pytest.raises(UsageError, match="2, one for each direction"):
        Still(moves=(1.0,)).values(space, directions(made, 2))
