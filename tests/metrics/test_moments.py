"""Streamed, merged and subtracted moments against those of all samples at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics import moments
from gantlet.metrics.estimate import groups, jackknife
from gantlet.metrics.moments import (
    Moments,
    grouped,
    jackknifed,
    leave_one_out,
    merged,
    principal,
)


def features(seed: int, n: int, d: int = 5) -> Tensor:
    """Correlated, far from 0."""
    generator = torch.Generator().manual_seed(seed)
    x, mix = (torch.randn(s, d, generator=generator, dtype=torch.float64) for s in (n, d))
    return x @ mix + 100


def check_moments_of(found: Moments, x: Tensor, rtol: float = 1e-10) -> None:
    """Against numpy, in one pass over all."""
    values = x.double().numpy()
    assert found.count == len(values)
    np.testing.assert_allclose(found.mean.numpy(), values.mean(0), rtol=rtol)
    if len(values) > 1:
        expected = np.cov(values.T)
        close = {"rtol": rtol, "atol": rtol * np.trace(expected)}
        np.testing.assert_allclose(found.covariance.numpy(), expected, **close)


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_streaming_and_merging_equal_one_pass(sizes, seed):
    parts = features(seed, sum(sizes) + 1).split([*sizes, 1])
    streamed = Moments.empty(5)
    for part in parts:
        streamed = streamed.add(part)
    ranks = [Moments.empty(5).add(part) for part in parts]
    check_moments_of(streamed, torch.cat(parts))
    check_moments_of(merged(ranks), torch.cat(parts))
    check_moments_of(merged(ranks[::-1]), torch.cat(parts))


def test_blocks_change_nothing(monkeypatch):
    x = features(0, 50)
    whole = Moments.of(x)
    monkeypatch.setattr(moments, "_ROWS", 7)
    torch.testing.assert_close(Moments.of(x).scatter, whole.scatter, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_features_are_summed_in_float64(dtype):
    x = features(1, 5000).to(dtype)
    check_moments_of(Moments.of(x), x)
    assert Moments.of(x).scatter.dtype == torch.float64


def test_a_large_offset_costs_no_digits():
    x = features(2, 400)
    shifted = Moments.of(x + 2.0**30)
    torch.testing.assert_close(shifted.scatter, Moments.of(x).scatter, rtol=1e-7, atol=1e-4)


def test_constant_features_have_exactly_no_scatter():
    x = torch.full((10_001, 3), 0.1, dtype=torch.float64)
    found = merged(grouped(x))
    assert torch.equal(found.mean, x[0])
    assert torch.equal(found.scatter, torch.zeros(3, 3).double())
    assert all(torch.equal(rest.scatter, found.scatter) for rest in leave_one_out(grouped(x)))


@pytest.mark.parametrize("n", [20, 103])
def test_leaving_a_group_out_equals_a_pass_over_the_rest(n):
    x = features(3, n)
    for rest, group in zip(leave_one_out(grouped(x)), groups(n), strict=True):
        kept = torch.ones(n, dtype=torch.bool)
        kept[group] = False
        check_moments_of(rest, x[kept])


def test_the_jackknife_leaves_out_the_same_group_of_both_sets():
    real, fake = features(4, 40), features(5, 60) + 1

    def gap(r: Tensor, f: Tensor) -> float:
        return float((r.mean(0) - f.mean(0)).norm() + torch.cov(r.T).trace().sqrt())

    def of_moments(r: Moments, f: Moments) -> float:
        return float((r.mean - f.mean).norm() + r.covariance.trace().sqrt())

    left_out = []
    for i, j in zip(groups(40, 4), groups(60, 4), strict=True):
        r, f = (np.delete(x.numpy(), index.numpy(), 0) for x, index in ((real, i), (fake, j)))
        left_out.append(gap(torch.tensor(r), torch.tensor(f)))
    expected = jackknife(gap(real, fake), left_out)
    found = jackknifed(of_moments, grouped(real, 4), grouped(fake, 4))
    assert (found.value, found.low) == pytest.approx((expected.value, expected.low), rel=1e-9)


def test_the_variance_of_a_sum_over_both_sets_is_the_sum_of_theirs():
    draws, found = 400, []
    for seed in range(draws):
        real, fake = features(seed, 60, 1), features(1000 + seed, 40, 1)
        scale = float(real.std()), float(fake.std())
        sets = (grouped(x / s) for x, s in zip((real, fake), scale, strict=True))
        e = jackknifed(lambda r, f: float(r.mean - f.mean), *sets)
        found.append(((e.high - e.value) / 2.2622) ** 2)
    assert np.mean(found) == pytest.approx(1 / 60 + 1 / 40, rel=4 * np.sqrt(2 / 9 / draws))


def test_principal_directions_are_as_many_as_the_rank():
    x = features(6, 4, 7)
    covariance = Moments.of(x).covariance
    values, vectors = principal(covariance)
    assert vectors.shape == (7, 3)
    torch.testing.assert_close(vectors * values @ vectors.mT, covariance)
    assert principal(torch.zeros(3, 3).double())[0].shape == (0,)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Moments.of(torch.ones(3)), r"shape \(N, D\)"),
        (lambda: Moments.of(torch.ones(0, 3)), "at least 1 samples"),
        (lambda: Moments.of(torch.tensor([[1.0, torch.nan]])), "NaN or infinity"),
        (lambda: Moments.of(torch.tensor([[1.0, -torch.inf]])), "NaN or infinity"),
        (lambda: Moments.empty(3).add(torch.ones(4, 2)), "D alike"),
        (lambda: Moments.empty(3).merge(Moments.empty(2)), "D alike"),
        (lambda: Moments.of(torch.ones(1, 3)).covariance, "at least 2 samples"),
        (lambda: Moments.of(torch.ones(2, 3)).without(Moments.of(torch.ones(2, 3))), "less than"),
        (lambda: grouped(torch.ones(9, 2)), "a sample for each of 10"),
        (lambda: jackknifed(min, [Moments.empty(1)], [Moments.empty(1)]), "at least 2, received"),
    ],
)
def test_what_has_no_moments_is_refused(call, says):
    with pytest.raises(UsageError, match=says):
        call()
