"""Random streams are functions of (seed, stream, row)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gantlet.rng import BLOCK, Noise, permutation, rows, seed_of, truncated


@given(
    start=st.integers(0, 300),
    count=st.integers(1, 200),
    cut=st.integers(0, 200),
    shape=st.sampled_from([(), (5,), (1, 20, 20), (3, 90, 90)]),
)
def test_a_range_of_rows_is_the_same_however_it_is_cut(start, count, cut, shape):
    count = min(count, 40_000 // math.prod(shape) + 2)
    cut = min(cut, count - 1) if count > 1 else 0
    whole = rows(3, "z", start, count, shape)
    parts = [rows(3, "z", start, cut, shape)] if cut else []
    parts.append(rows(3, "z", start + cut, count - cut, shape))
    assert torch.equal(whole, torch.cat(parts))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), 64), ((64,), 64), ((512,), 32), ((1, 32, 32), 16), ((3, 64, 64), 1)],
)
def test_long_rows_are_drawn_in_blocks_of_few(shape, expected):
    drawn = []

    def draw(size, **options):
        drawn.append(size)
        return torch.randn(size, **options)

    found = rows(0, "z", 3 * expected, 1, shape, draw)
    assert drawn == [(expected, *shape)]
    assert torch.equal(found, rows(0, "z", 0, 3 * expected + 1, shape)[-1:])


def test_streams_seeds_and_blocks_differ():
    z = rows(0, "z", 0, 2 * BLOCK, (8,))
    assert len(torch.unique(z)) == z.numel()
    wide = rows(0, "z", 0, 3, (3, 64, 64))
    assert len(torch.unique(wide)) > 0.99 * wide.numel()  # of 2^24 numbers some recur by chance
    assert not torch.equal(z, rows(1, "z", 0, 2 * BLOCK, (8,)))
    assert not torch.equal(z, rows(0, "w", 0, 2 * BLOCK, (8,)))


def test_seeds_are_fixed_for_ever():
    # A change here changes every run that anyone has recorded.
    assert seed_of(0, "z", 1) == 3436784488911119201
    torch.testing.assert_close(
        rows(0, "z", 0, 1, (3,))[0], torch.tensor([1.3190, -0.5667, -0.1102]), atol=1e-4, rtol=0
    )
    wide = rows(0, "z", 7, 1, (3, 64, 64))[0, 2, 63, -3:]
    torch.testing.assert_close(wide, torch.tensor([-0.3954, -0.4844, -0.2955]), atol=1e-4, rtol=0)


def test_noise_is_standard_normal_and_named():
    noise = Noise(0, "test", 0, 20_000)
    z = noise("z", (2,))
    assert torch.equal(z, noise("z", (2,)))
    assert abs(float(z.mean())) < 0.02
    assert abs(float(z.std()) - 1) < 0.02
    u = noise.uniform("u", ())
    assert u.shape == (20_000,)
    assert float(u.min()) >= 0
    assert float(u.max()) < 1
    assert abs(float(u.mean()) - 0.5) < 0.01


def test_float64_noise_is_the_float32_noise():
    wide = Noise(0, "test", 7, 10, dtype=torch.float64)("z", (3,))
    assert wide.dtype == torch.float64
    assert torch.equal(wide.float(), Noise(0, "test", 7, 10)("z", (3,)))


def test_each_epoch_is_another_permutation():
    first, second = permutation(0, "d", 0, 100), permutation(0, "d", 1, 100)
    assert torch.equal(first.sort().values, torch.arange(100))
    assert not torch.equal(first, second)


def test_what_was_drawn_can_be_drawn_again_beforehand():
    first = Noise(0, "test", 5, 9)
    first("z", (2, 3))
    first.uniform("u", ())
    later = Noise(0, "test", 14, 9)
    later.draw_all(first.requests)
    assert set(later.drawn) == {"z", "u"}
    fresh = Noise(0, "test", 14, 9)
    assert torch.equal(later.drawn["z"], fresh("z", (2, 3)))
    assert torch.equal(later.drawn["u"], fresh.uniform("u", ()))


def test_one_name_has_one_shape():
    noise = Noise(0, "test", 0, 4)
    noise("z", (2,))
    with pytest.raises(ValueError, match=r"'z'.*\(2,\).*\(3,\)"):
        noise("z", (3,))


@pytest.mark.parametrize("bound", [0.3, 1.0, 2.5])
def test_truncated_numbers_follow_the_truncated_normal(bound):
    n = rows(0, "z", 0, 50_000, (), torch.randn)
    m = truncated(n, bound)
    mass = math.erf(bound / math.sqrt(2))
    height = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * bound * height / mass
    assert m.dtype == n.dtype
    assert float(m.abs().max()) <= bound
    assert float(m.mean()) == pytest.approx(0, abs=4 * math.sqrt(variance / len(m)))
    assert float(m.var()) == pytest.approx(variance, rel=0.02)
    inside = [math.erf(x / math.sqrt(2)) / mass for x in (bound / 4, bound / 2)]
    found = [float((m.abs() < x).double().mean()) for x in (bound / 4, bound / 2)]
    assert found == pytest.approx(inside, abs=0.01)


def test_truncation_is_a_growing_function_of_each_number_alone():
    n = torch.linspace(-6, 6, 1001, dtype=torch.float64)
    m = truncated(n, 0.7)
    assert bool((m.diff() > 0).all())
    torch.testing.assert_close(m.flip(0), -m, rtol=0, atol=1e-9)
    assert torch.equal(truncated(n[300:400], 0.7), m[300:400])
    torch.testing.assert_close(truncated(n, 40.0), n, rtol=1e-6, atol=1e-9)


def test_truncation_bounds_normal_numbers_and_leaves_uniform_ones():
    bounded, free = Noise(0, "s", 0, 70, truncation=0.5), Noise(0, "s", 0, 70)
    assert torch.equal(bounded("z", (4,)), truncated(free("z", (4,)), 0.5))
    assert torch.equal(bounded.uniform("u", (4,)), free.uniform("u", (4,)))


def test_a_second_set_is_another_by_names_and_remembered_by_the_first():
    noise = Noise(0, "s", 3, 5)
    second = noise.under("other")
    assert torch.equal(second("z", (4,)), Noise(0, "s", 3, 5)("other/z", (4,)))
    assert torch.equal(second.uniform("u", ()), Noise(0, "s", 3, 5).uniform("other/u", ()))
    assert not torch.equal(second("z", (4,)), noise("z", (4,)))
    assert set(noise.requests) == {"z", "other/z", "other/u"}


def test_near_numbers_differ_in_one_name_by_sigma():
    noise = Noise(0, "s", 0, 2_000, dtype=torch.float64)
    near = noise.near("z", 0.1)
    moved = near("z", (3,)) - noise("z", (3,))
    assert torch.equal(near("other", ()), noise("other", ()))
    assert float(moved.std()) == pytest.approx(0.1, rel=0.05)
    torch.testing.assert_close(moved, 0.1 * noise("near/z", (3,)))
