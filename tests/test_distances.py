"""Distances between groups against closed forms and brute force, in float64."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
import torch
from torch import Tensor

from gantlet import distances
from gantlet.distances import DISTANCES
from gantlet.errors import UsageError

NAMES = sorted(DISTANCES)


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


REAL, FAKE, THETA = normal(0, 6, 4) * 2, normal(1, 6, 4) + 1, normal(2, 5, 4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_finite_differences(name: str) -> None:
    fake = FAKE.clone().requires_grad_()
    # The bandwidth of the MMD is a constant to the gradient, so a fixed one is differentiated.
    function = {"mmd": lambda r, f, _: distances.mmd(r, f, bandwidth=2.0)}.get(
        name, DISTANCES[name].function
    )
    assert torch.autograd.gradcheck(lambda f: function(REAL, f, THETA), (fake,))


@pytest.mark.parametrize("name", NAMES)
def test_order_of_samples_does_not_matter(name: str) -> None:
    distance = DISTANCES[name].function
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    expected = distance(REAL, FAKE, THETA)
    torch.testing.assert_close(distance(REAL[order], FAKE, THETA), expected)
    torch.testing.assert_close(distance(REAL, FAKE[order], THETA), expected)


@pytest.mark.parametrize("name", NAMES)
def test_leading_axes_are_groups(name: str) -> None:
    distance = DISTANCES[name].function
    real, fake, theta = normal(3, 3, 6, 4), normal(4, 3, 6, 4), normal(5, 3, 5, 4)
    apart = [distance(r, f, t) for r, f, t in zip(real, fake, theta, strict=True)]
    torch.testing.assert_close(distance(real, fake, theta), torch.stack(apart))


@pytest.mark.parametrize("name", ["euclidean", "mahalanobis", "sliced-wasserstein"])
def test_equal_groups_have_distance_and_gradient_zero(name: str) -> None:
    fake = REAL.clone().requires_grad_()
    distance = DISTANCES[name].function(REAL, fake, THETA)
    (gradient,) = torch.autograd.grad(distance, fake)
    assert distance.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("name", NAMES)
def test_descent_moves_a_shifted_group_onto_the_data(name: str) -> None:
    shift = torch.full((4,), 3.0, dtype=torch.float64, requires_grad=True)
    distance, start = DISTANCES[name].function, 6.0
    optimizer = torch.optim.Adam([shift], lr=0.1)
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 300)
        optimizer.zero_grad()
        distance(REAL, REAL + shift, THETA).backward()
        optimizer.step()
    assert shift.detach().norm() < 0.02 * start


@pytest.mark.parametrize("name", NAMES)
def test_real_samples_receive_no_gradient(name: str) -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    DISTANCES[name].function(real, fake, THETA).backward()
    assert real.grad is None
    assert fake.grad is not None


def test_euclidean_distance_of_a_shift() -> None:
    shift = torch.tensor([3.0, 0.0, 4.0, 0.0]).double()
    found = distances.mean_distance(REAL, REAL + shift)
    torch.testing.assert_close(found, torch.tensor(5.0).double())


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_mahalanobis_is_the_textbook_formula(n: int, shrinkage: float) -> None:
    real, fake = normal(6, n, 4) @ normal(7, 4, 4), normal(8, 5, 4)
    covariance = torch.cov(real.T)
    target = torch.eye(4).double() * covariance.trace() / 4
    s = (1 - shrinkage) * covariance + shrinkage * target
    d = fake.mean(0) - real.mean(0)
    found = distances.mahalanobis_of_means(real, fake, shrinkage)
    torch.testing.assert_close(found, (d @ torch.linalg.solve(s, d)).sqrt())


def test_mahalanobis_ignores_rotation_and_scale() -> None:
    rotation, _ = torch.linalg.qr(normal(9, 4, 4))
    found = distances.mahalanobis_of_means(7 * REAL @ rotation, 7 * FAKE @ rotation)
    torch.testing.assert_close(found, distances.mahalanobis_of_means(REAL, FAKE))


def test_mahalanobis_of_constant_data_is_finite() -> None:
    real = torch.zeros(4, 3).double()
    found = distances.mahalanobis_of_means(real, real + 0.001)
    torch.testing.assert_close(found, torch.tensor(math.sqrt(3)).double())


def test_sliced_wasserstein_of_a_shift() -> None:
    """A shift v moves every projection by theta . v; over an orthonormal basis W^2 = |v|^2 / D."""
    shift = normal(10, 4)
    basis, _ = torch.linalg.qr(normal(11, 4, 4))
    found = distances.sliced_wasserstein(REAL, REAL + shift, 3 * basis)
    torch.testing.assert_close(found, shift.norm() / 2)


def test_sliced_wasserstein_in_one_dimension_is_the_best_matching() -> None:
    real, fake = normal(12, 5, 1), normal(13, 5, 1)
    costs = [
        (real[list(order)] - fake).square().mean() for order in itertools.permutations(range(5))
    ]
    found = distances.sliced_wasserstein(real, fake, torch.ones(1, 1).double())
    torch.testing.assert_close(found.square(), torch.stack(costs).min())


def test_mmd_is_its_definition() -> None:
    real, fake = normal(14, 4, 3), normal(15, 5, 3) + 1

    def k(a: Tensor, b: Tensor) -> float:
        d = (a - b).square().sum().item()
        return sum(math.exp(-d / (2 * (w * 1.5) ** 2)) for w in (0.5, 1.0, 2.0)) / 3

    def within(x: Tensor) -> float:
        return sum(k(a, b) for a, b in itertools.permutations(x, 2)) / (len(x) * (len(x) - 1))

    across = sum(k(a, b) for a in real for b in fake) / 20
    found = distances.mmd(real, fake, bandwidth=1.5)
    assert found.item() == pytest.approx(within(real) + within(fake) - 2 * across, rel=1e-12)


def test_mmd_is_unbiased() -> None:
    """Over all samples of two from p and q on three points its mean is (p - q)^T K (p - q)."""
    points = torch.tensor([[0.0], [1.0], [2.5]]).double()
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.1, 0.2, 0.7]).double()
    mean = torch.zeros(()).double()
    for i, j, k, m in itertools.product(range(3), repeat=4):
        found = distances.mmd(points[[i, j]], points[[k, m]], bandwidth=1.0)
        mean = mean + p[i] * p[j] * q[k] * q[m] * found
    squared = (points - points.T).square()
    kernel = sum(torch.exp(-squared / (2 * w**2)) for w in (0.5, 1.0, 2.0)) / 3
    torch.testing.assert_close(mean, (p - q) @ kernel @ (p - q))


@pytest.mark.parametrize("n", [2, 3, 8])
def test_mmd_of_point_masses(n: int) -> None:
    """More than half the pairs lie across, so the median is the distance: 2 - 2 k(d), d = 1."""
    real = torch.zeros(n, 2).double()
    fake = real + torch.tensor([3.0, 4.0]).double()
    kernel = sum(math.exp(-1 / (2 * w**2)) for w in (0.5, 1.0, 2.0)) / 3
    torch.testing.assert_close(distances.mmd(real, fake), torch.tensor(2 - 2 * kernel).double())


def test_mmd_of_a_collapsed_pair_is_zero() -> None:
    same = torch.ones(4, 3).double()
    assert distances.mmd(same, same).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [2, 4])
def test_the_bandwidth_is_the_lower_median_of_all_pairs(n: int) -> None:
    """With 4 samples there are 6 pairs, with 6 there are 15."""
    real, fake = normal(16, 2, 3), normal(17, n, 3) + 1
    pairs = itertools.combinations(torch.cat([real, fake]), 2)
    bandwidth = statistics.median_low([(a - b).norm().item() for a, b in pairs])
    expected = distances.mmd(real, fake, bandwidth=bandwidth)
    torch.testing.assert_close(distances.mmd(real, fake), expected)


def test_median_bandwidth_makes_mmd_scale_free() -> None:
    found = distances.mmd(100 * REAL, 100 * FAKE)
    torch.testing.assert_close(found, distances.mmd(REAL, FAKE))


@pytest.mark.parametrize(
    "call",
    [
        lambda: distances.mahalanobis_of_means(REAL[:1], FAKE),
        lambda: distances.mahalanobis_of_means(REAL, FAKE, shrinkage=0.0),
        lambda: distances.sliced_wasserstein(REAL, FAKE[:5], THETA),
        lambda: distances.mmd(REAL, FAKE[:1]),
    ],
)
def test_groups_that_do_not_suffice_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match="expected"):
        call()
