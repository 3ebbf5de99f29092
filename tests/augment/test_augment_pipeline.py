"""Pipelines: identity at p = 0, everything at p = 1, chances between, derivatives of any order."""

import math

import pytest
import torch

from gantlet.augment import AUGMENTATIONS, POLICIES, Change, Pipeline, Warp, named, pipeline
from gantlet.augment.geometry import one_of_two, warped
from gantlet.augment.pixels import xflip
from gantlet.errors import UsageError
from gantlet.penalties import r1
from tests.augment.images import images, normal, uniform

SHAPES = [(5, 3, 8, 8), (5, 1, 7, 10), (5, 2, 6, 5)]


def drawn(line, count, seed=0):
    return uniform(count, line.uniform, seed), normal(count, max(line.normal, 1), seed)


def applied(line, x, p, seed=0):
    return line(x, *drawn(line, len(x), seed), p)


@pytest.mark.parametrize("policy", [*POLICIES, *AUGMENTATIONS])
def test_with_p_zero_images_keep_every_bit_and_their_type(policy):
    line = pipeline(policy, 3)
    for dtype in (torch.float64, torch.float32):
        x = images(5, 3, 8, 6).to(dtype)
        numbers = [t.to(dtype) for t in drawn(line, 5)]
        for p in (0.0, torch.zeros((), dtype=torch.float32)):
            assert torch.equal(line(x, *numbers, p), x)
            assert line(x, *numbers, p).dtype == dtype


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_with_p_one_every_sample_is_transformed_by_its_numbers(name):
    """The pipeline of one augmentation is the augmentation itself."""
    part, x = AUGMENTATIONS[name], images(64, 3, 8, 8)
    u, n = drawn(Pipeline((part,)), 64)
    r = u[:, 1:] if part.law == "uniform" else n
    warp = isinstance(part, Warp)
    wanted = warped(x, part.inverse(r, (8, 8))) if warp else part.change(x, r)
    torch.testing.assert_close(Pipeline((part,))(x, u, n, 1.0), wanted)
    assert not torch.equal(wanted, x)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_depends_on_itself_alone(policy, shape):
    line, x = pipeline(policy, shape[1]), images(*shape)
    u, n = drawn(line, 5)
    whole = line(x, u, n, 0.6)
    parts = [line(x[i : i + 1], u[i : i + 1], n[i : i + 1], 0.6) for i in range(5)]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=0, atol=1e-14)
    assert whole.shape == x.shape


@pytest.mark.parametrize("p", [0.25, 0.8])
def test_the_share_of_flipped_samples_is_half_of_p(p):
    n = 4_000
    x = images(1, 1, 4, 4).expand(n, 1, 4, 4)
    flipped = (applied(pipeline("xflip", 1), x, p) != x).flatten(1).any(1).double().mean()
    assert float(flipped) == pytest.approx(p / 2, abs=5 * math.sqrt(p / 2 / n))


@pytest.mark.parametrize("p", [0.25, 0.8])
def test_rotations_before_and_after_stretching_leave_a_share_of_one_minus_p(p):
    n = 4_000
    x = images(1, 1, 4, 4).expand(n, 1, 4, 4)
    moved = (applied(pipeline(("rotate", "rotate"), 1), x, p) != x).flatten(1).any(1)
    assert float(moved.double().mean()) == pytest.approx(p, abs=5 * math.sqrt(0.25 / n))
    assert AUGMENTATIONS["rotate"].chance is one_of_two


def test_the_mean_over_samples_is_linear_in_p():
    """E T_p(x) = (1 - p) x + p E T_1(x), which determines x for p < 1: nothing leaks."""
    n, p = 20_000, 0.7
    x = images(1, 1, 4, 4)
    found = applied(pipeline("rotate90", 1), x.expand(n, 1, 4, 4), p).mean(0)
    every = sum(x.rot90(k, (2, 3)) for k in range(4)) / 4
    torch.testing.assert_close(found, ((1 - p) * x + p * every)[0], rtol=0, atol=0.03)
    recovered = (found - p * every[0]) / (1 - p)
    torch.testing.assert_close(recovered, x[0], rtol=0, atol=0.1)


def test_maps_in_a_row_are_sampled_once():
    """A turn and its inverse, sampled twice, would blur; composed they are the identity."""
    parts = tuple(
        Warp(
            line="",
            source="",
            numbers=1,
            inverse=lambda r, size, sign=sign: AUGMENTATIONS["rotate"].inverse(
                0.5 + sign * 0.1 + 0 * r, size
            ),
        )
        for sign in (1, -1)
    )
    x = images(3, 1, 9, 9)
    torch.testing.assert_close(applied(Pipeline(parts), x, 1.0), x, rtol=0, atol=1e-12)
    flip = Change(line="", source="", numbers=1, change=xflip)
    assert not torch.allclose(applied(Pipeline((parts[0], flip, parts[1])), x, 1.0), x)


@pytest.mark.parametrize("policy", POLICIES)
def test_first_and_second_derivatives_are_right(policy):
    line = pipeline(policy, 3)
    u, n = drawn(line, 2, seed=4)

    def squared(x):
        return line(x, u, n, 0.9).square()

    x = images(2, 3, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(squared, (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(squared, (x,), fast_mode=True)


@pytest.mark.parametrize("policy", ["diffaugment", "bg"])
def test_r1_through_an_augmentation_is_that_of_the_composed_critic(policy):
    """For D(x) = w . x and a linear T it is |T^T w|^2 / 2."""
    line = pipeline(policy, 1)
    u, n = drawn(line, 3, seed=2)
    x, w = images(3, 1, 5, 5), images(1, 1, 5, 5, seed=9).requires_grad_()
    found = r1(lambda x: (line(x, u, n, 0.9) * w).sum((1, 2, 3)), x)
    for i in range(3):
        rows = slice(i, i + 1)
        jacobian = torch.autograd.functional.jacobian(
            lambda x, rows=rows: line(x, u[rows], n[rows], 0.9), x[rows]
        ).reshape(25, 25)
        torch.testing.assert_close(found[i], (jacobian.T @ w.flatten()).square().sum() / 2)
    (slope,) = torch.autograd.grad(found.sum(), w)
    torch.testing.assert_close((slope * w).sum(), 2 * found.sum())  # Euler, of degree two


def test_augmenting_stays_exact_under_autocast():
    line, x = pipeline("bgc", 3), images(4, 3, 8, 8).float()
    numbers = [t.float() for t in drawn(line, 4)]
    with torch.autocast("cpu", torch.bfloat16):
        found = line(x, *numbers, 0.9)
        wide = line(x.bfloat16(), *numbers, 0.9)
    assert torch.equal(found, line(x, *numbers, 0.9))
    assert wide.dtype == torch.float32


def test_parts_for_other_numbers_of_channels_are_left_out():
    colour = {"lumaflip", "hue", "saturation", "color-saturation"}
    for channels in (1, 2, 4):
        for policy, names in POLICIES.items():
            kept = [AUGMENTATIONS[name] for name in names if name not in colour]
            assert pipeline(policy, channels).parts == tuple(kept)
    assert len(pipeline("bgc", 3).parts) == 13


def test_policies_and_augmentations_mix_in_a_list():
    assert named(("xflip", "diffaugment")) == ("xflip", *POLICIES["diffaugment"])
    assert named("cutout") == ("cutout",)


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(UsageError, match=r"unknown augmentation 'xflop'.*Did you mean xflip"):
        pipeline("xflop", 3)
    with pytest.raises(UsageError, match=r"1 channel.*hue.*diffaugment"):
        pipeline(("hue", "lumaflip"), 1)
    with pytest.raises(UsageError, match="none"):
        pipeline((), 3)
