"""Kernel distance against loops, its mean and its variance against exact expectations."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics import kernel
from gantlet.metrics.kernel import kernel_distance, kernel_estimate


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def k(a: Tensor, b: Tensor) -> float:
    return (float(a @ b) / len(a) + 1) ** 3


def by_loops(x: Tensor, y: Tensor) -> float:
    within = [
        sum(k(a, b) for a, b in itertools.permutations(z, 2)) / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    return sum(within) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


@pytest.mark.parametrize(("n", "m"), [(4, 4), (9, 6), (5, 12)])
def test_the_distance_is_that_of_loops(n, m):
    x, y = normal(0, n, 3), normal(1, m, 3) + 0.5
    assert kernel_distance(x, y).value == pytest.approx(by_loops(x, y), rel=1e-12)
    assert kernel_estimate(x, y).value == kernel_distance(x, y).value


def test_blocks_change_nothing(monkeypatch):
    x, y = normal(0, 23, 3), normal(1, 17, 3) + 0.5
    whole = kernel_distance(x, y)
    monkeypatch.setattr(kernel, "_BLOCK", 5)
    parts = kernel_distance(x, y)
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.first == pytest.approx(whole.first, rel=1e-9)
    assert parts.second == pytest.approx(whole.second, rel=1e-9)


def test_no_block_is_larger_than_a_thousand_squared(monkeypatch):
    sizes, original = [], kernel._kernel

    def watched(x: Tensor, y: Tensor) -> Tensor:
        sizes.append(len(x) * len(y))
        return original(x, y)

    monkeypatch.setattr(kernel, "_kernel", watched)
    kernel_distance(normal(0, 2100, 1), normal(1, 1500, 1))
    assert max(sizes) <= 1000**2
    assert len(sizes) == 6 + 3 + 6


def test_exchange_of_the_sets_changes_nothing():
    x, y = normal(0, 9, 3), normal(1, 14, 3) * 2
    one, other = kernel_distance(x, y), kernel_distance(y, x)
    assert one.value == pytest.approx(other.value, rel=1e-12)
    assert one.variance == pytest.approx(other.variance, rel=1e-10)


def test_mean_and_variance_are_unbiased_exactly():
    """Over all sets of four from two distributions on two points: 2^8 equal or unequal odds."""
    points = torch.tensor([[0.5, 1.0], [-1.5, 0.5]]).double()
    p, q = (0.3, 0.7), (0.6, 0.4)
    odds, values, variances = [], [], []
    for drawn in itertools.product((0, 1), repeat=8):
        of_x, of_y = drawn[:4], drawn[4:]
        found = kernel_distance(points[list(of_x)], points[list(of_y)])
        odds.append(math.prod(p[i] for i in of_x) * math.prod(q[i] for i in of_y))
        values.append(found.value)
        variances.append(found.variance)
    gap = torch.tensor(p).double() - torch.tensor(q).double()
    gram = torch.tensor([[k(a, b) for b in points] for a in points]).double()
    mean = np.average(values, weights=odds)
    assert mean == pytest.approx(float(gap @ gram @ gap), rel=1e-6)
    variance = np.average((np.array(values) - mean) ** 2, weights=odds)
    assert np.average(variances, weights=odds) == pytest.approx(variance, rel=1e-9)


def test_over_a_thousand_draws_it_is_unbiased_for_equal_distributions():
    found = [kernel_distance(normal(i, 25, 4), normal(5000 + i, 15, 4)) for i in range(1000)]
    values = np.array([f.value for f in found])
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(1000)
    assert np.mean([f.variance for f in found]) == pytest.approx(values.var(), rel=0.2)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (40, 64)])
def test_the_interval_holds_0_in_95_of_100_for_equal_distributions(n, d):
    """Above 95: parts of the variance below 0 count as 0."""
    found = [kernel_estimate(normal(i, n, d), normal(5000 + i, n, d)) for i in range(300)]
    hits = np.mean([e.low <= 0 <= e.high for e in found])
    assert hits >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 300)


def test_the_interval_holds_the_distance_of_different_distributions():
    """N(0, I) and N(c, I): with t = x . y / D the third moments are known."""
    n, d, c, draws = 300, 16, 0.3, 200

    def mean_kernel(a: float, b: float) -> float:
        """E (t + 1)^3 for means a 1 and b 1: t has mean ab and the moments below."""
        first = a * b
        second = first**2 + (1 + a**2 + b**2) / d
        third = first**3 + 3 * first * (1 + a**2 + b**2) / d + 6 * first / d**2
        return third + 3 * second + 3 * first + 1

    truth = mean_kernel(0, 0) + mean_kernel(c, c) - 2 * mean_kernel(0, c)
    found = [kernel_estimate(normal(i, n, d), normal(5000 + i, n, d) + c) for i in range(draws)]
    values = np.array([e.value for e in found])
    assert abs(values.mean() - truth) < 3 * values.std() / math.sqrt(draws)
    assert np.mean([e.low <= truth <= e.high for e in found]) >= 0.9


def test_constant_features_have_the_distance_of_points():
    a, b = torch.full((6, 2), 0.5), torch.full((5, 2), 0.25)
    expected = k(a[0], a[0]) + k(b[0], b[0]) - 2 * k(a[0], b[0])
    found = kernel_estimate(a, b)
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.high - found.low < 1e-6
    assert kernel_estimate(a, a[:4]).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (torch.ones(3, 2), torch.ones(9, 2), "at least 4 samples"),
        (torch.ones(9, 3), torch.ones(9, 2), "D alike"),
        (torch.ones(9, 1), torch.full((9, 1), torch.nan), "NaN or infinity"),
    ],
)
def test_what_has_no_distance_is_refused(x, y, says):
    with pytest.raises(UsageError, match=f"kernel distance: .*{says}"):
        kernel_distance(x, y)
