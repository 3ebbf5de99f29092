"""The mixture on a line: known components are found, and counts are rows."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from gantlet.tables.mixture import fitted, uniform_of

DRAW = np.random.default_rng(0)
TWO = np.sort(np.concatenate([DRAW.normal(-5, 1, 4_000), DRAW.normal(5, 0.5, 12_000)]))
ONES = np.ones(len(TWO))


def log_likelihood(mixture, x):
    z = (x[:, None] - mixture.means) / mixture.stds
    density = mixture.weights / mixture.stds / np.sqrt(2 * np.pi) * np.exp(-(z**2) / 2)
    return float(np.log(density.sum(1)).mean())


def test_two_gaussians_are_found():
    found = fitted(TWO, ONES, 2)
    assert found.means == pytest.approx([-5, 5], abs=0.05)
    assert found.stds == pytest.approx([1, 0.5], abs=0.05)
    assert found.weights == pytest.approx([0.25, 0.75], abs=0.01)


def test_ten_components_are_as_likely_as_those_of_scikit_learn():
    oracle = GaussianMixture(10, random_state=0, reg_covar=1e-6).fit(TWO[:, None])
    assert log_likelihood(fitted(TWO, ONES, 10), TWO) > oracle.score(TWO[:, None]) - 0.02


def test_counts_are_rows():
    x = np.round(TWO, 1)
    values, counts = np.unique(x, return_counts=True)
    by_counts, by_rows = fitted(values, counts, 5), fitted(x, np.ones(len(x)), 5)
    assert len(values) < 1_000 < len(x)
    for name in ("weights", "means", "stds"):
        assert getattr(by_counts, name) == pytest.approx(getattr(by_rows, name), abs=0.05)


def test_a_component_of_fewer_rows_than_asked_vanishes():
    x = np.sort(np.append(DRAW.normal(0, 1, 200), [50.0, 50.1]))
    alone, together = fitted(x, np.ones(202), 10), fitted(x, np.ones(202), 10, fewest=5)
    assert np.abs(alone.means - 50).min() < 0.2
    assert (202 * together.weights >= 3).all()
    assert np.abs(together.means - 50).min() > 1


def test_the_posterior_is_bayes_rule():
    found = fitted(TWO, ONES, 2)
    x = np.array([-5.0, 0.0, 5.0])
    odds = (
        found.weights / found.stds * np.exp(-(((x[:, None] - found.means) / found.stds) ** 2) / 2)
    )
    assert found.posterior(x) == pytest.approx(odds / odds.sum(1, keepdims=True), rel=1e-9)


def test_the_numbers_of_values_are_uniform_and_theirs_alone():
    u = uniform_of(np.arange(100_000.0))
    assert np.histogram(u, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.03)
    assert np.array_equal(uniform_of(np.array([7.0, 3.0, 7.0]))[[0, 2]], u[[7, 7]])
