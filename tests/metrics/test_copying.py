"""Copying against scipy, loops, closed forms of mutual neighbours, and planted copies."""

import math

import numpy as np
import pytest
import torch
from scipy.special import betainc
from scipy.stats import betabinom, binom, mannwhitneyu

from gantlet.errors import UsageError
from gantlet.metrics.copying import (
    authenticity,
    beside,
    closer,
    distance_ratio,
    near_bound,
    near_share,
    twin_share,
    twin_threshold,
    worst_pairs,
)
from gantlet.metrics.diversity import pair_order, placements
from gantlet.metrics.estimate import wilson
from gantlet.metrics.neighbours import (
    Nearest,
    identical,
    nearest,
    neighbour_distances,
    within,
)


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_what_stands_beside_unseen_samples_has_one_law_wherever_the_data_are_as_dense():
    """d^D and u^D are exponential of rates N and M: P(d / u <= q) = N q^D / (N q^D + M)."""
    draw, (n, m, dims) = np.random.default_rng(0), (4000, 1000, 2)
    known, unseen = (torch.from_numpy(draw.random((k, dims))) for k in (n, m))
    for low, high in ((0.1, 0.9), (0.4, 0.6)):  # everywhere, and a generator that collapsed
        x = torch.from_numpy(draw.uniform(low, high, (400, dims)))
        told = beside(nearest(x, known).distance, nearest(x, unseen).distance)
        for r in (0.1, 0.25, 0.4, 0.6):
            q = (r / (1 - r)) ** dims
            share = float((told <= r).double().mean())
            assert share == pytest.approx(n * q / (n * q + m), abs=0.1)
    assert beside(torch.tensor([0.0, 0, 3]), torch.tensor([0.0, 2, 3])).tolist() == [0.5, 0, 0.5]


def gaps(x):
    return neighbour_distances(x, 1)[:, 0]


TRAIN, HELD_OUT = drawn(0, 400, 6), drawn(1, 300, 6)
HELD = nearest(HELD_OUT, TRAIN).distance
FRESH = nearest(drawn(2, 300, 6), TRAIN)
COPIES = nearest(TRAIN[:300] + 0.05 * drawn(3, 300, 6), TRAIN)


def test_copies_with_noise_are_caught():
    ratio = distance_ratio(COPIES.distance, HELD)
    assert ratio.value < 0.11
    assert ratio.high < 0.12
    told = closer(COPIES.distance, HELD)
    assert told.share.low > 0.98
    assert told.p < 1e-20
    assert near_share(COPIES.distance, HELD).low > 0.9
    assert authenticity(COPIES, gaps(TRAIN)).high < 0.02


def test_fresh_draws_are_not_caught():
    ratio = distance_ratio(FRESH.distance, HELD)
    assert ratio.low < 1 < ratio.high
    assert ratio.high - ratio.low < 0.2
    told = closer(FRESH.distance, HELD)
    assert told.share.low < 0.5 < told.share.high
    assert told.p > 0.05
    near = near_share(FRESH.distance, HELD)
    assert near.low < 15 / 301 < near.high
    real, fake = (
        authenticity(nearest(x, TRAIN), gaps(TRAIN)) for x in (HELD_OUT, drawn(2, 300, 6))
    )
    assert real.low < fake.value < real.high


def test_half_copied_is_caught_by_every_number():
    mixed = torch.cat([FRESH.distance[:150], COPIES.distance[:150]])
    assert distance_ratio(mixed, HELD).high < 0.7
    assert closer(mixed, HELD).share.low > 0.65
    assert near_share(mixed, HELD).low > 0.4


def test_copies_beside_rubbish_are_caught_by_the_near_share_alone():
    mixed = torch.cat([10 * FRESH.distance[:150], COPIES.distance[:150]])
    assert distance_ratio(mixed, HELD).low > 1
    assert closer(mixed, HELD).p > 0.01
    assert near_share(mixed, HELD).low > 0.4


@pytest.mark.parametrize(("n", "m"), [(1, 100), (200, 60), (1000, 180), (24, 20), (333, 1000)])
def test_the_bound_of_the_near_share_is_a_quantile_of_the_beta_binomial(n, m):
    k = math.ceil(0.05 * m)
    assert near_bound(n, m) == betabinom.ppf(0.975, n, k, m + 1 - k) / n
    assert near_bound(n, m, 0.1, 0.9) == betabinom.ppf(
        0.9, n, math.ceil(0.1 * m), m + 1 - math.ceil(0.1 * m)
    ) / n  # fmt: skip


def test_a_perfect_sampler_stays_within_the_bound_of_the_near_share():
    bound = near_bound(200, 180)
    shares = [near_share(drawn(seed, 200), drawn(seed + 10_000, 180)).value for seed in range(800)]
    beyond = sum(share > bound for share in shares) / len(shares)
    assert beyond <= 0.025 + 3 * math.sqrt(0.025 / len(shares))
    assert beyond >= 0.005  # it is a quantile, not a wide guess


def test_a_ratio_is_that_of_means_with_the_delta_method():
    fake, held = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([2.0, 4.0])
    found = distance_ratio(fake, held)
    variance = 7 / 3 + 2 / 2  # of both means: s^2 / n with R = 1
    assert found.value == pytest.approx(1)
    assert found.high - 1 == pytest.approx(1.959964 * math.sqrt(variance) / 3, rel=1e-6)
    for scale in (0.01, 1000):
        scaled = distance_ratio(scale * fake, scale * held)
        assert scaled.low == pytest.approx(found.low)


def test_intervals_and_p_hold_over_draws():
    generator = torch.Generator().manual_seed(5)
    held_ratio, held_share, held_near, near, p = [], [], [], [], []
    for _ in range(300):
        train, fake, held_out = torch.randn(210, 3, generator=generator).split([80, 70, 60])
        f, h = (nearest(x, train).distance for x in (fake, held_out))
        ratio, told, share = distance_ratio(f, h), closer(f, h), near_share(f, h, 0.1)
        held_ratio.append(ratio.low <= 1 <= ratio.high)
        held_share.append(told.share.low <= 0.5 <= told.share.high)
        held_near.append(share.low <= 6 / 61 <= share.high)
        near.append(share.value)
        p.append(told.p)
    for hits in (held_ratio, held_share, held_near):
        assert binom.cdf(sum(hits), 300, 0.95) > 0.001
    assert binom.sf(sum(np.array(p) < 0.05) - 1, 300, 0.05) > 0.001
    assert np.mean(p) == pytest.approx(0.5, abs=0.07)
    assert abs(np.mean(near) - 6 / 61) < 4 * np.std(near) / math.sqrt(300)


@pytest.mark.parametrize("grid", [None, 4])
@pytest.mark.parametrize(("n", "m", "shift"), [(30, 40, 0.0), (50, 20, 0.7), (25, 25, -0.5)])
def test_the_test_is_that_of_scipy(n, m, shift, grid):
    fake, held = drawn(n, n).abs(), drawn(m, m).abs() + shift
    if grid:
        fake, held = (fake * grid).round(), (held * grid).round()
    wanted = mannwhitneyu(held, fake, alternative="greater", method="asymptotic")
    found = closer(fake, held)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
    assert found.share.value == pytest.approx(wanted.statistic / (n * m))
    assert found.share.value == pytest.approx(pair_order(held, fake))


def test_the_variance_is_that_of_delong():
    fake, held = (drawn(7, 12) * 3).round(), (drawn(8, 9) * 3).round() + 1
    order = np.array([[(h > f) + (h == f) / 2 for f in fake.tolist()] for h in held.tolist()])
    rows, columns = order.mean(1), order.mean(0)
    error = math.sqrt(rows.var(ddof=1) / 9 + columns.var(ddof=1) / 12)
    found = closer(fake, held).share
    assert found.value - found.low == pytest.approx(1.959964 * error, rel=1e-6)
    np.testing.assert_allclose(placements(held, fake), rows)


def test_a_test_without_overlap_or_with_ties_only_stays_uncertain():
    apart = closer(torch.zeros(20), torch.ones(30))
    assert apart.share.value == apart.share.high == 1
    assert 0.8 < apart.share.low < 0.9
    equal = closer(torch.ones(20), torch.ones(30))
    assert equal.p == 1
    assert equal.share.low < equal.share.value == 0.5 < equal.share.high


def test_worst_pairs_show_planted_copies_first():
    fake = drawn(9, 50, 6)
    fake[7], fake[31] = TRAIN[123], TRAIN[45] + 1e-3
    pairs = worst_pairs(nearest(fake, TRAIN), HELD, 5)
    assert [(pair.fake, pair.real) for pair in pairs[:2]] == [(7, 123), (31, 45)]
    assert pairs[0].distance == pairs[0].ratio == 0
    assert pairs[1].distance == pytest.approx(1e-3 * math.sqrt(6), rel=1e-6)
    assert [p.distance for p in pairs] == sorted(p.distance for p in pairs)
    assert len(pairs) == 5
    for pair in pairs:
        distance = float((fake[pair.fake] - TRAIN[pair.real]).norm())
        assert pair.distance == pytest.approx(distance)
        assert pair.ratio == pytest.approx(distance / float(HELD.sort().values[149]))


def circles(generator, n, count):
    """Points of a torus: `count` circles, uniformly."""
    angle = 2 * math.pi * torch.rand(n, count, generator=generator, dtype=torch.float64)
    return torch.cat([angle.cos(), angle.sin()], 1)


@pytest.mark.parametrize(
    ("dimension", "n", "draws"), [(1, 3, 800), (1, 60, 30), (2, 1200, 3), (3, 2000, 3)]
)
def test_fresh_draws_are_as_authentic_as_mutual_neighbours_are_rare(dimension, n, draws):
    generator = torch.Generator().manual_seed(dimension)
    mutual = 1 / (2 - betainc((dimension + 1) / 2, 0.5, 0.75))
    assert mutual == pytest.approx(
        (2 / 3, 6 * math.pi / (8 * math.pi + 27**0.5), 16 / 27)[dimension - 1]
    )
    shares = []
    for _ in range(draws):
        train, fake = (circles(generator, count, dimension) for count in (n, max(1, n // 3)))
        shares.append(authenticity(nearest(fake, train), gaps(train)).value)
    total = draws * max(1, n // 3)
    error = math.sqrt(mutual * (1 - mutual) / total)
    assert abs(np.mean(shares) - (1 - mutual)) < 4 * error < 0.08


def test_authenticity_in_any_dimension_is_the_share_without_a_mutual_neighbour():
    """A fresh draw and N training samples are exchangeable: both count the same event."""
    generator = torch.Generator().manual_seed(4)
    by_fresh, by_pool = [], []
    for _ in range(150):
        pool = torch.randn(61, 12, generator=generator, dtype=torch.float64)
        by_fresh.append(authenticity(nearest(pool[60:], pool[:60]), gaps(pool[:60])).value)
        distance = torch.cdist(pool, pool).fill_diagonal_(math.inf)
        other = distance.argmin(1)
        by_pool.append(float((other[other] != torch.arange(61)).double().mean()))
    error = math.hypot(np.std(by_fresh), np.std(by_pool)) / math.sqrt(150)
    assert abs(np.mean(by_fresh) - np.mean(by_pool)) < 4 * error
    assert np.mean(by_pool) > 0.5  # hubs, as the docstring says


def test_copies_and_equal_distances_are_not_authentic():
    train = torch.tensor([[0.0], [1.0], [4.0]])
    fake = torch.tensor([[0.0], [-1.0], [-1.01], [5.0], [8.0]])
    found = authenticity(nearest(fake, train), gaps(train))
    assert found.value == 2 / 5  # -1.01 and 8


def test_twins_are_counted_and_groups_are_what_is_independent():
    x = torch.cat([drawn(10, 90, 4), torch.ones(10, 4)])
    found = twin_share(identical(x))
    assert found.value == 0.1
    one_of_ten = wilson(1, 10)  # groups of ten
    assert (found.low, found.high) == (one_of_ten.low, one_of_ten.high)
    none = twin_share(identical(x[:90]))
    assert none.value == none.low == 0
    assert 0.05 < none.high < 0.1  # no pair among 45
    collapsed = twin_share(identical(torch.ones(100, 4)))
    assert collapsed.value == collapsed.high == 1
    assert 0.1 < collapsed.low < 0.3  # one group


@pytest.mark.parametrize("support", [1000, 5000])
def test_the_interval_of_twins_holds_over_draws(support):
    generator = torch.Generator().manual_seed(support)
    true = 1 - (1 - 1 / support) ** 299
    hits = 0
    for _ in range(300):
        found = twin_share(identical(torch.randint(support, (300, 1), generator=generator)))
        hits += found.low <= true <= found.high
    assert binom.cdf(hits, 300, 0.95) > 0.001


def test_the_threshold_of_twins_leaves_real_data_alone_and_finds_repeats():
    threshold = twin_threshold(gaps(drawn(11, 1000, 3)), 0.05)
    fresh = twin_share(within(drawn(12, 1000, 3), threshold))
    assert fresh.low < 0.05 < fresh.high
    repeats = drawn(12, 1000, 3)
    repeats[:200] = repeats[200:400] + 1e-3
    assert twin_share(within(repeats, threshold)).low > 0.3


def test_held_out_samples_that_are_training_samples_are_an_error():
    zeros = torch.zeros(3)
    with pytest.raises(UsageError, match="held-out samples at distance 0"):
        distance_ratio(torch.ones(3), zeros)
    with pytest.raises(UsageError, match="held-out samples at distance 0"):
        worst_pairs(Nearest(torch.arange(3), torch.ones(3)), zeros, 2)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: distance_ratio(torch.ones(1), HELD), "at least 2 finite distances of generated"),
        (lambda: closer(HELD, torch.tensor([1.0, math.nan])), "at least 2 finite .* held_out"),
        (lambda: near_share(HELD, HELD, 1.0), "above 0 and below 1, received 1.0"),
        (lambda: worst_pairs(FRESH, torch.ones(0), 1), "at least 1 finite .* held_out"),
        (lambda: authenticity(FRESH, torch.ones(0)), "at least 1 finite .* training"),
        (lambda: twin_threshold(torch.ones(2, 2)), r"received shape \(2, 2\)"),
        (lambda: twin_share(torch.zeros(1)), "at least 2 samples"),
    ],
)
def test_too_few_or_impossible_distances_are_an_error(call, reason):
    with pytest.raises(UsageError, match=reason):
        call()
