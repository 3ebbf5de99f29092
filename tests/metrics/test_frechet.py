"""Fréchet distance against closed forms, SciPy's matrix square root and invariances."""

import math

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics import frechet as module
from gantlet.metrics.frechet import frechet, frechet_estimate, rank_deficient
from gantlet.metrics.moments import Moments, grouped, merged


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gaussian(mean: Tensor, covariance: Tensor, count: int = 10_000) -> Moments:
    """Moments that are exactly these."""
    return Moments(count, mean, covariance * (count - 1))


def by_square_root(real: Moments, fake: Moments) -> float:
    """The formula as it is printed."""
    a, b = real.covariance.numpy(), fake.covariance.numpy()
    root = linalg.sqrtm(a @ b).real
    shift = (real.mean - fake.mean).numpy()
    return float(shift @ shift + np.trace(a + b - 2 * root))


@pytest.mark.parametrize("d", [1, 2, 30, 200])
def test_covariances_that_commute_have_a_closed_form(d):
    """|mu - nu|^2 + sum (s_i - t_i)^2 with the deviations along common axes."""
    axes, _ = torch.linalg.qr(normal(d, d, d))
    s, t, shift = normal(1, d).exp(), normal(2, d).exp(), normal(3, d)
    expected = float(shift.square().sum() + (s - t).square().sum())
    for basis in (torch.eye(d).double(), axes):
        real = gaussian(shift, basis * s**2 @ basis.mT)
        fake = gaussian(torch.zeros(d).double(), basis * t**2 @ basis.mT)
        assert frechet(real, fake) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("d", [2, 20, 100])
def test_the_matrix_square_root_gives_the_same(d):
    real, fake = (Moments.of(normal(s, 3 * d, d) @ normal(s + 5, d, d)) for s in (1, 2))
    assert frechet(real, fake) == pytest.approx(by_square_root(real, fake), rel=1e-8)


def test_both_routes_agree_where_both_work(monkeypatch):
    real, fake = Moments.of(normal(1, 90, 30)), Moments.of(normal(2, 90, 30) + 1)
    by_cholesky = frechet(real, fake)
    monkeypatch.setattr(module, "_cholesky", lambda covariance: None)
    assert frechet(real, fake) == pytest.approx(by_cholesky, rel=1e-10)


@pytest.mark.parametrize("n", [15, 100])
def test_rotation_shift_and_exchange_change_nothing_and_scale_squares(n):
    x, y = normal(1, n, 20) * torch.arange(1, 21), normal(2, n, 20) + 1
    rotation, _ = torch.linalg.qr(normal(3, 20, 20))
    found = frechet(Moments.of(x), Moments.of(y))
    assert frechet(Moments.of(y), Moments.of(x)) == pytest.approx(found, rel=1e-10)
    moved = (Moments.of(z @ rotation + 5) for z in (x, y))
    assert frechet(*moved) == pytest.approx(found, rel=1e-10)
    assert frechet(Moments.of(3 * x), Moments.of(3 * y)) == pytest.approx(9 * found, rel=1e-10)


@pytest.mark.parametrize("n", [5, 20, 21, 300])
def test_equal_moments_have_no_distance(n):
    x = normal(1, n, 20)
    total = float(Moments.of(x).covariance.trace())
    assert 0 <= frechet(Moments.of(x), Moments.of(x)) < 1e-12 * total


def test_the_fewest_samples_give_singular_covariances_exactly():
    """Two points each: covariances u u^T and v v^T, the trace of whose root is |u . v|."""
    x, y = normal(1, 2, 9), normal(2, 2, 9)
    u, v = ((z[0] - z[1]) / math.sqrt(2) for z in (x, y))
    expected = (x.mean(0) - y.mean(0)).square().sum() + u @ u + v @ v - 2 * abs(u @ v)
    assert frechet(Moments.of(x), Moments.of(y)) == pytest.approx(float(expected), rel=1e-12)


def test_dead_features_do_no_harm():
    """Where sqrt of rounded zeros would add 1e-8 for each dead one."""
    x, y = normal(1, 500, 40), normal(2, 500, 40) * 1.01
    alive = frechet(Moments.of(x), Moments.of(y))
    mix, _ = torch.linalg.qr(normal(3, 200, 200))
    dead = (torch.cat([z, torch.zeros(500, 160).double()], 1) @ mix for z in (x, y))
    assert frechet(*map(Moments.of, dead)) == pytest.approx(alive, rel=1e-11)


@pytest.mark.parametrize("rank", [1, 20, 39])
def test_one_singular_side_has_the_closed_form_too(rank):
    """Also where rounding lets a Cholesky factorisation pass, which would cost 1e-8."""
    for seed in range(8):
        axes, _ = torch.linalg.qr(normal(seed, 40, 40))
        s, t = normal(seed + 1, 40).exp(), normal(seed + 2, 40).exp()
        t[rank:] = 0
        zero = torch.zeros(40).double()
        real, fake = (gaussian(zero, axes * r**2 @ axes.mT) for r in (s, t))
        expected = float((s - t).square().sum())
        assert frechet(real, fake) == pytest.approx(expected, rel=1e-11)
        assert frechet(fake, real) == pytest.approx(expected, rel=1e-11)


def test_constant_features_give_exact_values():
    half, third = torch.full((7, 3), 0.5), torch.full((5, 3), 0.25)
    assert frechet(Moments.of(half), Moments.of(third)) == 3 / 16
    assert frechet(Moments.of(half), Moments.of(half)) == 0
    x = normal(1, 50, 3)
    expected = (x.mean(0) - 0.5).square().sum() + torch.cov(x.T).trace()
    found = frechet(Moments.of(x), Moments.of(half))
    assert found == pytest.approx(float(expected), rel=1e-12)


def test_streamed_and_merged_features_give_the_distance_of_one_pass():
    x, y = normal(1, 300, 20), normal(2, 200, 20) * 1.2
    once = frechet(Moments.of(x), Moments.of(y))
    ranks = merged([Moments.of(x[0::2]), Moments.of(x[1::2])])
    streamed = merged([Moments.empty(20).add(part) for part in y.split(17)])
    assert frechet(ranks, streamed) == pytest.approx(once, rel=1e-10)


@pytest.mark.parametrize("n", [500, 2000])
def test_equal_distributions_score_the_bias_that_the_docstring_says(n):
    d, draws = 10, 40
    sets = [(normal(seed, n, d), normal(seed + 500, n, d)) for seed in range(draws)]
    values = np.array([frechet(Moments.of(x), Moments.of(y)) for x, y in sets])
    error = values.std() / math.sqrt(draws)
    assert values.mean() == pytest.approx(d * (d + 5) / (2 * n), abs=4 * error)
    assert error < 0.04 * values.mean()


def test_the_interval_holds_the_mean_over_draws_in_95_of_100():
    draws, estimates = 150, []
    for seed in range(draws):
        x, y = normal(seed, 400, 6), normal(seed + 500, 300, 6) * 1.1 + 0.3
        estimates.append(frechet_estimate(grouped(x), grouped(y)))
    mean = np.mean([e.value for e in estimates])
    hits = sum(e.low <= mean <= e.high for e in estimates)
    assert hits >= 0.9 * draws
    reach = np.mean([(e.high - e.low) / 2 for e in estimates])
    assert reach < 2 * 1.96 * np.std([e.value for e in estimates]), "not wide beyond use"


def test_an_estimate_has_the_value_of_all_samples():
    x, y = normal(1, 95, 8), normal(2, 75, 8)
    found = frechet_estimate(grouped(x), grouped(y))
    assert found.value == pytest.approx(frechet(Moments.of(x), Moments.of(y)), rel=1e-10)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("n", "deficient"), [(7, True), (8, True), (9, False)])
def test_a_covariance_of_too_few_samples_lacks_rank(n, deficient):
    found = Moments.of(normal(1, n, 8))
    assert rank_deficient(found) == deficient
    assert (int(torch.linalg.matrix_rank(found.covariance)) < 8) == deficient


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UsageError, match=r"Fréchet distance: expected .* D alike"):
        frechet(Moments.of(normal(1, 9, 3)), Moments.of(normal(1, 9, 2)))
    with pytest.raises(UsageError, match="at least 2 samples"):
        frechet(Moments.of(normal(1, 9, 3)), Moments.of(normal(1, 1, 3)))
