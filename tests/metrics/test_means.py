"""Distances of means against textbook formulas, SciPy and invariances."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import Tensor

from gantlet import distances
from gantlet.errors import UsageError
from gantlet.metrics.means import euclidean, mahalanobis
from gantlet.metrics.moments import Moments, grouped, jackknifed


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def of(*sets: Tensor) -> list[Moments]:
    return [Moments.of(x) for x in sets]


X, Y = normal(0, 30, 4) @ normal(1, 4, 4), normal(2, 20, 4) + 0.5


def pooled(x: Tensor, y: Tensor) -> np.ndarray:
    n, m = len(x), len(y)
    scatter = (n - 1) * np.cov(x.numpy().T) + (m - 1) * np.cov(y.numpy().T)
    return scatter / (n + m - 2)


def test_euclidean_is_that_of_scipy_and_of_the_loss():
    expected = distance.euclidean(X.mean(0).numpy(), Y.mean(0).numpy())
    assert euclidean(*of(X, Y)) == pytest.approx(expected, rel=1e-12)
    assert euclidean(*of(X, Y)) == pytest.approx(float(distances.mean_distance(X, Y)), rel=1e-12)


def test_mahalanobis_is_that_of_scipy():
    inverse = np.linalg.inv(pooled(X, Y))
    expected = distance.mahalanobis(X.mean(0).numpy(), Y.mean(0).numpy(), inverse)
    assert mahalanobis(*of(X, Y)) == pytest.approx(expected, rel=1e-10)
    assert mahalanobis(*of(Y, X)) == pytest.approx(expected, rel=1e-10)


def test_mahalanobis_ignores_affine_maps_and_euclidean_rotations():
    mix, (rotation, _) = normal(3, 4, 4), torch.linalg.qr(normal(4, 4, 4))
    found = mahalanobis(*of(X @ mix + 7, Y @ mix + 7))
    assert found == pytest.approx(mahalanobis(*of(X, Y)), rel=1e-9)
    turned = euclidean(*of(X @ rotation + 7, Y @ rotation + 7))
    assert turned == pytest.approx(euclidean(*of(X, Y)), rel=1e-10)


def test_features_that_are_constant_in_both_sets_do_no_harm():
    found = mahalanobis(*of(X, Y))
    mix, _ = torch.linalg.qr(normal(5, 6, 6))
    dead = [torch.cat([z, torch.ones(len(z), 2).double()], 1) @ mix for z in (X, Y)]
    assert mahalanobis(*of(*dead)) == pytest.approx(found, rel=1e-9)


def test_a_difference_where_nothing_varies_is_infinite_and_refused():
    a, b = torch.zeros(5, 3), torch.zeros(5, 3)
    assert mahalanobis(*of(a, b)) == 0
    b[:, 0] = 1e-3
    with pytest.raises(UsageError, match="infinitely many standard deviations"):
        mahalanobis(*of(a, b))
    assert euclidean(*of(a, b)) == pytest.approx(1e-3)
    few, others = normal(6, 5, 20), normal(7, 5, 20)
    with pytest.raises(UsageError, match="more samples than features"):
        mahalanobis(*of(few, others))


def test_equal_samples_have_no_distance():
    few = normal(8, 5, 20)
    assert euclidean(*of(few, few)) == mahalanobis(*of(few, few)) == 0


def test_chance_alone_gives_the_distance_that_the_docstrings_say():
    n, m, d, draws = 100, 50, 5, 400
    pairs = [of(normal(i, n, d), normal(5000 + i, m, d)) for i in range(draws)]
    tolerance = 4 * math.sqrt(2 / d / draws)
    squares = np.array([euclidean(*pair) for pair in pairs]) ** 2
    assert squares.mean() == pytest.approx(d * (1 / n + 1 / m), rel=tolerance)
    squares = np.array([mahalanobis(*pair) for pair in pairs]) ** 2
    hotelling = (n + m - 2) / (n + m - d - 3)  # the mean of an F distribution
    assert squares.mean() == pytest.approx(hotelling * d * (1 / n + 1 / m), rel=tolerance)


@pytest.mark.parametrize("statistic", [euclidean, mahalanobis])
def test_the_interval_holds_the_distance_in_95_of_100(statistic):
    shift = torch.tensor([3.0, 0.0, 4.0]).double() / 5
    draws, hits = 200, 0
    for i in range(draws):
        real, fake = grouped(normal(i, 200, 3)), grouped(normal(5000 + i, 300, 3) + shift)
        found = jackknifed(statistic, real, fake)
        hits += found.low <= 1 <= found.high
    assert 0.91 * draws <= hits <= 0.99 * draws


@pytest.mark.parametrize(
    "call",
    [
        lambda: euclidean(*of(X, Y[:, :2])),
        lambda: mahalanobis(*of(X, Y[:, :2])),
        lambda: mahalanobis(*of(X[:1], Y[:1])),
        lambda: mahalanobis(Moments.empty(4), Moments.of(Y)),
    ],
)
def test_what_cannot_be_compared_is_refused(call):
    with pytest.raises(UsageError, match="expected"):
        call()
