"""A generator that repeats itself, and has not seen the training samples, is no copier."""

import numpy as np
import pytest
import torch

from gantlet.evaluation.copies import score_copying
from gantlet.evaluation.evaluated import DECIDING
from gantlet.evaluation.scoring import Scorer, Side, Sides
from gantlet.evaluation.verdict import judged, overall

DRAWS = 40
TRAIN, UNSEEN, MADE = 2700, 150, 600


def side(x):
    x = x.astype(np.float32)
    return Side(x, None, torch.from_numpy(x), None)


def verdict(made, draw, train=TRAIN, unseen=UNSEEN, flat=0, dims=3):
    """Of samples made from training samples (N, dims + flat), normal in `dims`, else 0."""
    sizes, wide = (train, unseen, unseen), ((0, 0), (0, flat))
    real = [np.pad(draw.standard_normal((n, dims)), wide) for n in sizes]
    known, reference, floor = real
    sides = Sides(side(made(known, draw)), side(known), side(reference), side(floor))
    scorer = Scorer(sides, "pixels")
    score_copying(scorer)
    return overall(judged(scorer.numbers), DECIDING)


def accused(made, **data):
    """In how many of the draws it is said to copy, or to lie too close."""
    told = [verdict(made, np.random.default_rng(draw), **data) for draw in range(DRAWS)]
    return sum("no sign of copying" not in words for words in told)


def around(modes, spread):
    """Samples around so many places of the data's own law."""

    def made(train, draw):
        centres = draw.standard_normal((modes, 3))
        return centres[draw.integers(0, modes, MADE)] + spread * draw.standard_normal((MADE, 3))

    return made


@pytest.mark.parametrize(
    ("modes", "spread"), [(1, 0.05), (1, 0.3), (10, 0.01), (30, 0.01), (10, 0.1)]
)
def test_who_collapsed_is_hardly_ever_accused(modes, spread):
    assert accused(around(modes, spread)) <= 6


def test_who_blurs_is_hardly_ever_accused_though_training_samples_are_few():
    def blurred(known, draw):
        x = np.pad(draw.standard_normal((MADE, 3)), ((0, 0), (0, 3)))
        return x + 0.3 * draw.standard_normal((MADE, 6))

    assert accused(blurred, train=200, unseen=600, flat=3) <= 6


@pytest.mark.parametrize("dims", [8, 16])
@pytest.mark.parametrize("scale", [0.5, 0.8])
def test_who_has_too_little_spread_is_hardly_ever_accused(dims, scale):
    def narrow(known, draw):
        return scale * draw.standard_normal((MADE, dims))

    assert accused(narrow, train=500, unseen=300, dims=dims) <= 6


def test_who_draws_from_the_law_is_hardly_ever_accused():
    assert accused(lambda _, draw: draw.standard_normal((MADE, 3))) <= 6


@pytest.mark.parametrize("copied", [4, 100, 2700])
def test_who_makes_training_samples_again_is_always_accused(copied):
    def made(train, draw):
        return train[draw.integers(0, copied, MADE)] + 1e-3 * draw.standard_normal((MADE, 3))

    assert accused(made) == DRAWS


def test_a_fifth_of_copies_among_good_samples_is_found():
    def made(train, draw):
        x = draw.standard_normal((MADE, 3))
        copies = draw.random(MADE) < 0.2
        return np.where(copies[:, None], train[:MADE] + 1e-3 * x, x)

    assert accused(made) >= DRAWS - 4
