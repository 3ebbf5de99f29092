"""Sliced Wasserstein distance against SciPy, best matchings and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from torch import Tensor
from torch.nn.functional import normalize

from gantlet import distances
from gantlet.errors import UsageError
from gantlet.metrics.estimate import groups, jackknife
from gantlet.metrics.sliced import matching, sliced_wasserstein
from gantlet.rng import rows


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def standard(x: Tensor) -> Tensor:
    """With mean 0 and covariance I exactly, so that chance is left in higher moments only."""
    centred = x - x.mean(0)
    factor = torch.linalg.cholesky(torch.cov(x.mT))
    return torch.linalg.solve_triangular(factor.mT, centred, upper=True, left=False)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 99))
def test_the_matching_gives_scipys_distance(n, m, seed):
    x, y = normal(seed, n).sort().values, normal(seed + 100, m).sort().values
    i, j, weights = matching(n, m)
    expected = stats.wasserstein_distance(x.numpy(), y.numpy())
    assert float((x[i] - y[j]).abs() @ weights) == pytest.approx(expected, rel=1e-10)
    assert len(weights) <= n + m - 1
    np.testing.assert_allclose(np.bincount(i, weights, n), 1 / n, rtol=1e-12)
    np.testing.assert_allclose(np.bincount(j, weights, m), 1 / m, rtol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(12, 12), (10, 15), (12, 18)])
def test_in_one_dimension_it_is_the_best_matching_of_repeated_samples(n, m):
    x, y = normal(0, n, 1), normal(1, m, 1) + 0.5
    common = math.lcm(n, m)
    left, right = x.repeat(common // n, 1).numpy(), y.repeat(common // m, 1).numpy()
    costs = (left - right.T) ** 2
    best = costs[optimize.linear_sum_assignment(costs)].mean()
    found = sliced_wasserstein(x, y, directions=3)
    assert found.value == pytest.approx(math.sqrt(best), rel=1e-10)


def test_it_is_that_of_the_loss_along_the_same_directions():
    x, y = normal(0, 40, 5), normal(1, 40, 5) * 2
    theta = rows(7, "sliced-wasserstein", 0, 50, (5,)).double()
    expected = float(distances.sliced_wasserstein(x, y, theta))
    assert sliced_wasserstein(x, y, directions=50, seed=7).value == pytest.approx(expected)


def test_a_shift_is_the_same_along_every_direction_of_the_line():
    """Of samples: |v . theta|, whose mean square is |v|^2 / D on the sphere."""
    x, shift = normal(0, 30, 6), normal(1, 6)
    assert sliced_wasserstein(x[:, :1], x[:, :1] - 3).value == pytest.approx(3, rel=1e-12)
    found = sliced_wasserstein(x, x + shift, directions=4000).value
    assert found == pytest.approx(float(shift.norm()) / math.sqrt(6), rel=0.03)


def test_of_two_gaussians_it_is_the_closed_form():
    """W_2^2 = (v . theta)^2 + (s - t)^2 along every direction of N(0, s^2 I) and N(v, t^2 I)."""
    x, y = standard(normal(0, 6000, 3)), standard(normal(1, 4500, 3)) * 1.5 + 1
    theta = normalize(rows(0, "sliced-wasserstein", 0, 256, (3,)).double(), dim=1)
    expected = float((theta.sum(1).square().mean() + 0.25).sqrt())
    assert sliced_wasserstein(x, y).value == pytest.approx(expected, rel=0.005)


def test_equal_samples_in_any_order_have_no_distance_and_scale_scales():
    x, y = normal(0, 30, 4), normal(1, 20, 4)
    assert sliced_wasserstein(x, x.flip(0)).value == pytest.approx(0, abs=1e-12)
    once = sliced_wasserstein(x, y).value
    assert sliced_wasserstein(3 * x, 3 * y).value == pytest.approx(3 * once, rel=1e-12)
    assert sliced_wasserstein(y, x).value == pytest.approx(once, rel=1e-12)
    doubled = sliced_wasserstein(x.repeat(2, 1), y).value
    assert doubled == pytest.approx(once, rel=1e-12), "a set is a distribution, of any size"


def test_constant_features_have_exact_distances():
    half, quarter = torch.full((12, 1), 0.5), torch.full((15, 1), 0.25)
    found = sliced_wasserstein(half, quarter)
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_directions_depend_on_the_seed_alone():
    x, y = normal(0, 30, 4), normal(1, 20, 4)
    first = sliced_wasserstein(x, y, directions=40, seed=1)
    assert sliced_wasserstein(x, y, directions=40, seed=1) == first
    assert sliced_wasserstein(x, y, directions=40, seed=2).value != first.value
    assert sliced_wasserstein(x.float(), y.float(), directions=40, seed=1).value == pytest.approx(
        first.value, rel=1e-5
    )


def test_the_interval_is_a_jackknife_over_groups_of_both_sets():
    x, y = normal(0, 33, 4), normal(1, 24, 4)
    left_out = [
        sliced_wasserstein(torch.tensor(r), torch.tensor(f), directions=40).value
        for r, f in (
            (np.delete(x.numpy(), i.numpy(), 0), np.delete(y.numpy(), j.numpy(), 0))
            for i, j in zip(groups(33), groups(24), strict=True)
        )
    ]
    found = sliced_wasserstein(x, y, directions=40)
    expected = jackknife(found.value, left_out)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-10)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sliced_wasserstein(torch.ones(9, 2), torch.ones(20, 2)), "each of 10"),
        (lambda: sliced_wasserstein(torch.ones(20, 3), torch.ones(20, 2)), "D alike"),
        (lambda: sliced_wasserstein(torch.ones(20, 1), torch.full((20, 1), torch.inf)), "NaN or"),
        (lambda: sliced_wasserstein(torch.ones(20, 1), torch.ones(20, 1), directions=0), "1 dir"),
    ],
)
def test_what_has_no_distance_is_refused(call, says):
    with pytest.raises(UsageError, match=says):
        call()
