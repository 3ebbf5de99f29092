"""Coverage, spread and order of pairs against loops and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gantlet.errors import UsageError
from gantlet.metrics import neighbours
from gantlet.metrics.diversity import class_spread, coverage, pair_order, spread


def brute_coverage(real, fake, k):
    """By loops over exact integers."""
    covered = 0
    for i, r in enumerate(real):
        others = sorted(
            sum((a - b) ** 2 for a, b in zip(r, o, strict=True)) for o in real[:i] + real[i + 1 :]
        )
        nearest = min(sum((a - b) ** 2 for a, b in zip(r, f, strict=True)) for f in fake)
        covered += nearest <= others[k - 1]
    return covered / len(real)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(3, 14),
    m=st.integers(1, 12),
    k=st.integers(1, 2),
    side=st.integers(1, 4),
)
def test_coverage_is_that_of_loops_also_where_samples_recur_and_distances_tie(seed, n, m, k, side):
    random = np.random.default_rng(seed)
    real, fake = (random.integers(0, side, (count, 3)).tolist() for count in (n, m))
    numbers = (torch.tensor(x, dtype=torch.float32) for x in (real, fake))
    assert coverage(*numbers, k=k) == brute_coverage(real, fake, k)


def test_coverage_of_continuous_data_is_that_of_loops():
    torch.manual_seed(0)
    real, fake = torch.randn(70, 5), torch.randn(50, 5) + 1
    distance = torch.cdist(
        real.double(), real.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    covered = 0
    for i in range(70):
        radius = distance[i].sort().values[4]
        covered += bool((real[i].double() - fake.double()).norm(dim=1).min() <= radius)
    assert coverage(real, fake, k=4) == covered / 70


def test_columns_are_taken_in_parts_that_change_nothing(monkeypatch):
    torch.manual_seed(0)
    real, fake = torch.randn(20, 33), torch.randn(20, 33)
    whole = coverage(real, fake, 3), spread(real)
    monkeypatch.setattr(neighbours, "_COLUMNS", 7)
    assert coverage(real, fake, 3) == whole[0]
    assert spread(real) == pytest.approx(whole[1], rel=1e-12)


@pytest.mark.parametrize(("n", "m", "k"), [(20, 20, 1), (20, 20, 3), (30, 15, 2), (12, 20, 2)])
def test_a_perfect_sampler_covers_as_the_docstring_says(n, m, k):
    draws = 400
    generator = torch.Generator().manual_seed(n + m + k)
    scores = [
        coverage(*torch.randn(n + m, 2, generator=generator).split([n, m]), k=k)
        for _ in range(draws)
    ]
    expected = 1 - math.prod((n - 1 - j) / (n - 1 + m - j) for j in range(k))
    error = np.std(scores) / math.sqrt(draws)
    assert abs(np.mean(scores) - expected) < 4 * error
    assert expected > (1 - 2**-k if n == m else 0)


@pytest.mark.parametrize(("n", "m", "k"), [(5, 5, 5), (2, 3, 5), (1, 1, 1), (6, 0, 5), (6, 6, 0)])
def test_too_few_samples_for_k_are_an_error(n, m, k):
    with pytest.raises(UsageError, match=f"more than k = {k} real samples"):
        coverage(torch.randn(n, 2), torch.randn(m, 2), k)


def test_copies_cover_all_and_a_constant_nearly_nothing():
    torch.manual_seed(0)
    real = torch.randn(100, 8)
    assert coverage(real, real) == 1
    assert coverage(real, real[:1].expand(100, -1)) < 0.25
    assert coverage(real, real + 100) == 0
    recurring = real[:4].repeat(25, 1)
    assert coverage(recurring, recurring) == 1
    assert coverage(recurring, recurring[:1]) == 0.25


def test_spread_is_the_mean_over_pairs():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [0.0, 8.0]])
    pairs = [math.dist(a, b) for i, a in enumerate(x.tolist()) for b in x.tolist()[i + 1 :]]
    assert spread(x) == pytest.approx(sum(pairs) / 6, rel=1e-12)
    assert spread(torch.full((5, 4000), 0.3)) < 1e-5
    with pytest.raises(UsageError, match="at least 2"):
        spread(x[:1])


def test_class_spread_is_the_mean_over_pairs_of_one_class():
    torch.manual_seed(0)
    x, y = torch.randn(9, 3), [2, 7, 2, 2, 7, 5, 9, 7, 2]
    pairs = [
        math.dist(x[i].tolist(), x[j].tolist()) for i in range(9) for j in range(i) if y[i] == y[j]
    ]
    assert len(pairs) == 6 + 3
    assert class_spread(x, torch.tensor(y)) == pytest.approx(sum(pairs) / 9, rel=1e-6)
    assert class_spread(x, torch.zeros(9, dtype=torch.int64)) == pytest.approx(spread(x))
    with pytest.raises(UsageError, match="2 samples of a class"):
        class_spread(x, torch.arange(9))


@given(seed=st.integers(0, 1000), n=st.integers(1, 9), m=st.integers(1, 9))
def test_pair_order_counts_pairs_and_half_the_ties(seed, n, m):
    random = np.random.default_rng(seed)
    high, low = random.integers(0, 4, n), random.integers(0, 4, m)
    wanted = sum((h > x) + (h == x) / 2 for h in high for x in low) / (n * m)
    found = pair_order(torch.tensor(high), torch.tensor(low))
    assert found == pytest.approx(wanted)
    assert found + pair_order(torch.tensor(low), torch.tensor(high)) == pytest.approx(1)


def test_nan_exceeds_nothing_and_nothing_exceeds_nan():
    nan, numbers = torch.tensor([math.nan, math.nan]), torch.tensor([1.0, 2.0])
    assert pair_order(nan, numbers) == pair_order(numbers, nan) == 0
    assert pair_order(torch.tensor([3.0, math.nan]), torch.tensor([math.nan, 1.0])) == 0.25
