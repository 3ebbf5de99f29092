"""Resampling, minibatch statistics and labels against closed forms."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from gantlet.errors import UsageError
from gantlet.nn.conditioning import LabelConcat, LabelMap, Unlabelled
from gantlet.nn.resampling import average_down, bilinear_down, bilinear_up, nearest_up, plan
from gantlet.nn.statistics import MinibatchDiscrimination, MinibatchStd
from gantlet.nn.tables import Table

UPS = [nearest_up, bilinear_up]
DOWNS = [average_down, bilinear_down]
SIZES = [(8, 8), (7, 7), (9, 6), (5, 12), (4, 9)]
TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8


def half(size):
    """The size below in a plan whose smallest side is 3."""
    return tuple((n + 1) // 2 if n >= 6 else n for n in size)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def along(x: torch.Tensor, side: int, function) -> torch.Tensor:
    """Apply a function of (N, 1, n) along one side of (B, C, h, w)."""
    moved = x.movedim(side, -1)
    rows = function(moved.reshape(-1, 1, moved.shape[-1]))
    return rows.view(*moved.shape[:-1], -1).movedim(-1, side)


def down_by_hand(rows: torch.Tensor) -> torch.Tensor:
    odd = rows.shape[-1] % 2
    return F.conv1d(F.pad(rows, (1, 1 + odd), mode="replicate"), TAPS.view(1, 1, 4), stride=2)


def up_by_hand(rows: torch.Tensor) -> torch.Tensor:
    edged = F.pad(rows, (1, 1), mode="replicate")
    spread = torch.stack([edged, torch.zeros_like(edged)], -1).flatten(-2)
    return F.conv1d(spread, 2 * TAPS.view(1, 1, 4), padding=1)[..., 1:-2][
        ..., : 2 * rows.shape[-1]
    ]


@given(st.integers(1, 300), st.integers(1, 300), st.integers(2, 8))
def test_a_plan_halves_rounding_up_until_the_smallest(height, width, smallest):
    sizes = plan(height, width, smallest)
    assert sizes[-1] == (height, width)
    for small, large in pairwise(sizes):
        assert small != large
        assert all(
            a == ((b + 1) // 2 if b >= 2 * smallest else b)
            for a, b in zip(small, large, strict=True)
        )
    for first, full in zip(sizes[0], (height, width), strict=True):
        assert smallest <= first < 2 * smallest or first == full < smallest


def test_plans_of_common_sizes():
    assert plan(28, 28) == [(7, 7), (14, 14), (28, 28)]
    assert plan(32, 32) == [(4, 4), (8, 8), (16, 16), (32, 32)]
    assert plan(17, 23) == [(5, 6), (9, 12), (17, 23)]
    assert plan(4, 32) == [(4, 4), (4, 8), (4, 16), (4, 32)]


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_up_is_the_direct_convolution(size):
    wanted = x = normal(2, 3, *half(size))
    for side in (2, 3):
        if x.shape[side] != size[side - 2]:
            wanted = along(wanted, side, up_by_hand)
    wanted = wanted[:, :, : size[0], : size[1]]
    torch.testing.assert_close(bilinear_up(x, size), wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_down_is_the_direct_convolution(size):
    wanted = x = normal(2, 3, *size)
    for side in (2, 3):
        if size[side - 2] != half(size)[side - 2]:
            wanted = along(wanted, side, down_by_hand)
    torch.testing.assert_close(bilinear_down(x, half(size)), wanted, rtol=0, atol=1e-14)


def test_bilinear_down_is_the_transpose_of_up():
    x, y = normal(2, 3, 4, 5), normal(2, 3, 8, 10)
    up, down = (bilinear_up(x, (8, 10)) * y).sum(), (x * bilinear_down(y, (4, 5))).sum()
    torch.testing.assert_close(up, 4 * down)


@pytest.mark.parametrize("size", SIZES)
def test_constants_stay_constant(size):
    low, high = torch.full((1, 2, *half(size)), 0.7), torch.full((1, 2, *size), 0.7)
    for up in UPS:
        torch.testing.assert_close(up(low, size), high)
    for down in DOWNS:
        torch.testing.assert_close(down(high, half(size)), low)


@pytest.mark.parametrize("down", DOWNS)
def test_nothing_happens_at_the_size_itself(down):
    x = normal(2, 3, 5, 4)
    torch.testing.assert_close(down(x, (5, 4)), x, rtol=0, atol=0)


def test_nearest_up_repeats_and_average_down_undoes_it():
    x = normal(2, 3, 4, 5)
    torch.testing.assert_close(
        nearest_up(x, (8, 9)), x.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :9]
    )
    torch.testing.assert_close(average_down(nearest_up(x, (8, 9)), (4, 5)), x)


@pytest.mark.parametrize("resample", [*UPS, *DOWNS])
def test_resampling_has_exact_derivatives_of_first_and_second_order(resample):
    x = normal(1, 2, 5, 4).requires_grad_()
    size = (9, 8) if resample in UPS else (3, 2)
    assert torch.autograd.gradcheck(lambda v: resample(v, size), x)
    assert torch.autograd.gradgradcheck(lambda v: resample(v, size).pow(2), x)


@pytest.mark.parametrize("resample", [*UPS, *DOWNS])
def test_resampling_keeps_type_and_layout(resample):
    size = (16, 16) if resample in UPS else (4, 4)
    x = torch.randn(2, 8, 8, 8, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    y = resample(x, size)
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5), (8, 3, 5, 4)])
def test_minibatch_std_is_one_number_a_group(shape):
    x = normal(*shape)
    y = MinibatchStd(4)(x)
    assert y.shape == (8, 4, *shape[2:])
    torch.testing.assert_close(y[:, :3], x)
    for part, got in zip(x.split(4), y[:, 3].split(4), strict=True):
        s = (part.var(0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(got, s.expand_as(got))


def test_minibatch_std_of_copies_is_nearly_zero():
    y = MinibatchStd(4)(normal(1, 3, 2, 2).expand(8, -1, -1, -1))
    torch.testing.assert_close(y[:, 3], torch.full((8, 2, 2), 1e-4, dtype=torch.float64))


def kernels(features=3, count=2, group=4, length=5, spectral=False):
    torch.manual_seed(0)
    made = MinibatchDiscrimination(features, count, group, length=length, spectral=spectral)
    return made.double()


@pytest.mark.parametrize("spectral", [False, True])
def test_minibatch_discrimination_is_the_paper_s_sum_over_the_group(spectral):
    x, layer = normal(8, 3), kernels(spectral=spectral)
    weight = layer.project.normalised() if spectral else layer.project.weight
    y, m = layer(x), (x @ weight.T).view(8, 2, 5)
    assert torch.equal(y[:, :3], x)
    for i in range(8):
        company = range(i // 4 * 4, i // 4 * 4 + 4)
        wanted = sum((-(m[i] - m[j]).abs().sum(1)).exp() for j in company)
        torch.testing.assert_close(y[i, 3:], wanted)


def test_minibatch_discrimination_counts_copies_and_leaves_strangers_alone():
    layer = kernels()
    torch.testing.assert_close(
        layer(normal(1, 3).expand(8, 3))[:, 3:], torch.full((8, 2), 4.0).double()
    )
    apart = layer(1e4 * normal(8, 3))[:, 3:]
    torch.testing.assert_close(apart, torch.ones(8, 2).double())


def test_minibatch_discrimination_does_not_depend_on_the_order_within_a_group():
    x, order, layer = normal(4, 3), torch.tensor([2, 0, 3, 1]), kernels()
    torch.testing.assert_close(layer(x[order]), layer(x)[order])
    assert torch.autograd.gradcheck(layer, x.requires_grad_())


@pytest.mark.parametrize(("group", "n"), [(1, 4), (0, 4), (4, 6)])
def test_statistics_need_whole_groups(group, n):
    with pytest.raises(UsageError, match=r"minibatch standard deviation.*group"):
        MinibatchStd(group)(torch.zeros(n, 3))
    with pytest.raises(UsageError, match=r"minibatch discrimination.*group"):
        kernels(group=group)(torch.zeros(n, 3).double())


def test_labels_stand_beside_vectors_and_images():
    y = torch.tensor([2, 0])
    vector, image = LabelConcat(Table(3, 5)), LabelMap(3, 4, 6)
    x, maps = torch.randn(2, 7), torch.randn(2, 1, 4, 6)
    torch.testing.assert_close(vector(x, y), torch.cat([x, vector.table.weight[y]], 1))
    wanted = torch.cat([maps, image.table.weight[y].view(2, 1, 4, 6)], 1)
    torch.testing.assert_close(image(maps, y), wanted)
    assert Unlabelled()(x, y) is x
    with pytest.raises(UsageError, match="labels"):
        vector(x, None)
