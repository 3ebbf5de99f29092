"""Curves of losses by mode: what their difference is by chance, and of curves that are apart."""

import math

import numpy as np
import pytest

from benchmarks.curves import by_chance, curves, difference


def drawn(seed, seeds, windows=4000):
    return np.random.default_rng(seed).normal(size=(seeds, windows)).tolist()


def test_curves_of_one_law_differ_as_chance_says():
    """12 degrees of freedom: sqrt(12 / 10), and its error over 4,000 windows is about 0.02."""
    assert by_chance(7) == pytest.approx(math.sqrt(1.2))
    assert difference(drawn(0, 7), drawn(1, 7)) == pytest.approx(by_chance(7), abs=0.06)


def test_curves_that_are_apart_stand_out_by_their_distance():
    """Apart by d standard deviations, t has about d sqrt(n / 2) more."""
    apart = (np.array(drawn(1, 7)) + 3).tolist()
    assert difference(drawn(0, 7), apart) > 3 * math.sqrt(7 / 2)


def test_equal_curves_have_no_difference_and_constant_ones_apart_an_infinite_one():
    assert difference(drawn(0, 3), drawn(0, 3)) == 0
    assert difference([[1.0], [1.0]], [[1.0], [1.0]]) == 0
    assert difference([[1.0], [1.0]], [[2.0], [2.0]]) == math.inf


def test_curves_are_means_of_windows_of_each_phase():
    found = curves("mlp", 8, ["train.device=cpu", "train.batch=16", "train.threads=1"], 100)
    assert set(found) == {"discriminator/loss", "generator/loss"}
    assert [len(points) for points in found.values()] == [2, 2]
    assert all(math.isfinite(p) for points in found.values() for p in points)
