"""Equalised layers, modulated convolutions and smooth resampling against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.networks import R3GAN, BigGAN
from gantlet.networks.stylegan2 import FromImage, StyleGAN2
from gantlet.nn.equalised import EqualConv2d, EqualEmbedding, EqualLinear, pixel_norm
from gantlet.nn.layers import filters
from gantlet.nn.modulation import StyleLayer, ToImage, demodulation
from gantlet.nn.resampling import bilinear_down, bilinear_up, conv_down, conv_up
from gantlet.nn.tables import Table
from gantlet.spec import DataSpec
from tests.test_nn import SIZES, TAPS, half, normal

SAME = ((6, 5), (6, 5))
GROWS = [((4, 4), (8, 8)), ((4, 3), (7, 6)), ((4, 5), (4, 9)), ((1, 4), (1, 8))]


def layer(before=(5, 5), size=(5, 5), inputs=3, outputs=4):
    """A layer of float64 whose every number is random."""
    torch.manual_seed(0)
    made = StyleLayer(inputs, outputs, 6, before, size).double()
    for weight in made.parameters():
        nn.init.normal_(weight)
    return made


def unbent(y):
    """The argument u of sqrt(2) leaky_relu(u)."""
    u = y / 2**0.5
    return torch.where(u < 0, 5 * u, u)


def stuffed(x, sides):
    """x with zeros behind every pixel along the sides that are chosen."""
    for side, chosen in zip((2, 3), sides, strict=True):
        if chosen:
            x = torch.stack([x, torch.zeros_like(x)], side + 1).flatten(side, side + 1)
    return x


def smooth(x, sides, gain=1.0):
    """[1, 3, 3, 1] / 8 times gain along the sides that are chosen, one tap after the other."""
    for side, chosen in zip((2, 3), sides, strict=True):
        if chosen:
            n = x.shape[side] - 3
            x = gain * sum(tap * x.narrow(side, i, n) for i, tap in enumerate(TAPS))
    return x


def up_by_hand(x, weight, size):
    """Zeros between the pixels, the flipped 3x3, [1, 3, 3, 1] / 4, on a plane that is large."""
    sides = [n != m for n, m in zip(x.shape[2:], size, strict=True)]
    wide = stuffed(F.pad(x, (4, 4, 4, 4)), sides)
    y = F.conv2d(wide, weight.transpose(0, 1).flip(2, 3))
    y = smooth(y, sides, gain=2.0)
    # The first pixel stands behind a margin of 4, stuffed of 8. The 3x3 has one place on either
    # side; [1, 3, 3, 1] has two places before the pixel it answers for.
    top, left = (8 - 1 - 2 if side else 4 - 1 for side in sides)
    return y[:, :, top : top + size[0], left : left + size[1]]


@pytest.mark.parametrize(("before", "size"), GROWS)
def test_a_convolution_upwards_is_zeros_a_filter_and_a_kernel(before, size):
    x, weight = normal(2, 3, *before), normal(3, 4, 3, 3)
    wanted = up_by_hand(x, weight, size)
    torch.testing.assert_close(conv_up(x, weight, size), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_off_the_edges_filters_commute_with_resampling(size):
    x, up, down = normal(2, 3, *half(size)), normal(3, 4, 3, 3), normal(4, 3, 3, 3)
    inner = (slice(None), slice(None), slice(2, -3), slice(2, -3))
    plain = F.conv2d(bilinear_up(x, size), up.transpose(0, 1).flip(2, 3), padding=1)
    torch.testing.assert_close(conv_up(x, up, size)[inner], plain[inner], rtol=0, atol=1e-12)
    large, bias = normal(2, 3, 16, 13), normal(4)
    plain = bilinear_down(F.conv2d(large, down, bias, padding=1), (8, 7))
    mine = conv_down(large, down, bias, (8, 7))
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    torch.testing.assert_close(mine[inner], plain[inner], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_downwards_is_a_filter_and_every_second_place(size):
    x, weight, bias = normal(2, 3, *size), normal(4, 3, 3, 3), normal(4)
    small = half(size)
    sides = [n != m for n, m in zip(size, small, strict=True)]
    wide = smooth(F.pad(x, (3, 6, 3, 6)), sides)  # the first pixel, and a pixel of the filter
    steps = [2 if side else 1 for side in sides]
    y = F.conv2d(wide, weight, bias)
    top, left = (1 if side else 2 for side in sides)
    y = y[:, :, top :: steps[0], left :: steps[1]][:, :, : small[0], : small[1]]
    torch.testing.assert_close(conv_down(x, weight, bias, small), y, rtol=0, atol=1e-12)


def test_demodulated_outputs_have_unit_variance_for_inputs_of_unit_variance():
    """The variance of an output is the sum of its squared answers to single pixels."""
    one = layer(size=(5, 5))
    with torch.no_grad():
        one.bias.zero_()
    impulses = torch.eye(3 * 25, dtype=torch.float64).view(-1, 3, 5, 5)
    for style in normal(4, 6):
        answers = unbent(one(impulses, style.expand(len(impulses), -1), None))[:, :, 2, 2]
        variances = answers.square().sum(0)
        torch.testing.assert_close(variances, torch.ones_like(variances), rtol=1e-7, atol=0)


def test_demodulation_forgets_the_size_of_a_style():
    weight, s = normal(4, 3, 3, 3), normal(5, 3)
    torch.testing.assert_close(10 * demodulation(weight, 10 * s), demodulation(weight, s))


@pytest.mark.parametrize(("before", "size"), [SAME, *GROWS])
def test_scaling_maps_is_the_convolution_with_weights_of_each_sample(before, size):
    one, n = layer(before, size), 5
    x, w, noise = normal(n, 3, *before), normal(n, 6), normal(n, 1, *size)
    s = w @ one.affine.weight.T / 6**0.5 + one.affine.bias
    weights = one.weight * s[:, None, :, None, None]
    weights = weights / weights.square().sum((2, 3, 4), keepdim=True).sqrt()
    if before == size:
        stack = weights.flatten(0, 1)
        y = F.conv2d(x.flatten(0, 1)[None], stack, padding=1, groups=n)
        y = y.view(n, 4, *size)
    else:
        y = torch.cat(
            [conv_up(a[None], b.transpose(0, 1), size) for a, b in zip(x, weights, strict=True)]
        )
    u = y + one.strength * noise + one.bias[:, None, None]
    wanted = 2**0.5 * torch.where(u < 0, 0.2 * u, u)
    torch.testing.assert_close(one(x, w, noise), wanted, rtol=0, atol=1e-7)
    no_noise = one(x, w, torch.zeros_like(noise))
    torch.testing.assert_close(one(x, w, None), no_noise)


def test_colours_are_not_demodulated():
    torch.manual_seed(0)
    paint = ToImage(8, 3, 6).double()
    x, w = normal(2, 8, 4, 4), normal(2, 6)
    s = w @ paint.affine.weight.T / 6**0.5 + 1
    matrix = paint.weight[:, :, 0, 0] / 8**0.5
    wanted = torch.einsum("oi,bi,bihw->bohw", matrix, s, x)
    torch.testing.assert_close(paint(x, w), wanted)


def test_equalised_weights_are_scaled_as_they_are_used():
    torch.manual_seed(0)
    dense, conv = EqualLinear(50, 7, multiplier=0.01).double(), EqualConv2d(5, 2, 3).double()
    for layer in (dense, conv):
        nn.init.normal_(layer.bias)
    x = normal(4, 50)
    wanted = x @ (0.01 * dense.weight.T) * (2 / 50) ** 0.5 + 0.01 * dense.bias
    torch.testing.assert_close(dense(x), wanted)
    x = normal(4, 5, 6, 7)
    wanted = F.conv2d(x, conv.weight * (2 / 45) ** 0.5, conv.bias)
    torch.testing.assert_close(conv(x), wanted)
    table = EqualEmbedding(3, 16)
    torch.testing.assert_close(table(torch.tensor([2, 0])), table.weight[[2, 0]] / 4)


@pytest.mark.parametrize("inputs", [10, 1000])
@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_a_step_of_adam_moves_all_layers_in_proportion(inputs, multiplier):
    """The first step is the rate times the sign of the gradient, whatever the gradient's size."""
    torch.manual_seed(0)
    dense = EqualLinear(inputs, 500, bias=False, gain=1.0, multiplier=multiplier)
    before = dense.scale * dense.weight.detach().clone()
    dense(torch.randn(8, inputs)).square().sum().backward()
    torch.optim.Adam(dense.parameters(), lr=0.002).step()
    moved = (dense.scale * dense.weight.detach() - before).abs().mean() / before.std()
    assert before.std().item() == pytest.approx(inputs**-0.5, rel=0.05)
    assert moved.item() == pytest.approx(0.002 * multiplier, rel=0.05)


def test_stylegan2_has_no_layer_that_is_not_equalised():
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b"))
    D, G = StyleGAN2.tiny().discriminator(spec, group=4), StyleGAN2.tiny().generator(spec)
    kinds = (nn.Linear, nn.Conv2d, nn.Embedding)
    found = {type(m) for player in (D, G) for m in player.modules() if isinstance(m, kinds)}
    assert {EqualLinear, EqualConv2d, EqualEmbedding} <= found
    assert found - {EqualLinear, EqualConv2d, EqualEmbedding, FromImage} == {Table}
    assert [type(m) for m in D.modules() if isinstance(m, nn.Embedding)] == [EqualEmbedding]


def test_filters_are_what_layers_multiply_by_in_use():
    """At the style zero the affine functions of styles give 1."""
    x, maps, style = normal(4, 5), normal(4, 5, 6, 6), torch.zeros(4, 6).double()
    dense, conv = EqualLinear(5, 7, multiplier=0.01).double(), EqualConv2d(5, 2, 3).double()
    (weight,) = filters(dense)
    torch.testing.assert_close(dense(x), F.linear(x, weight))
    (weight,) = filters(conv)
    torch.testing.assert_close(conv(maps), F.conv2d(maps, weight))
    for made in (ToImage(5, 3, 6), StyleLayer(5, 3, 6, (6, 6), (6, 6))):
        own, affine = filters(made.double())
        assert affine.shape == (5, 6)
        if isinstance(made, StyleLayer):
            wanted = 2**0.5 * F.leaky_relu(F.conv2d(maps, own, padding=1), 0.2)
            torch.testing.assert_close(made(maps, style, None), wanted)
            torch.testing.assert_close(own.square().sum((1, 2, 3)), torch.ones(3).double())
        else:
            torch.testing.assert_close(made(maps, style), F.conv2d(maps, own))


@pytest.mark.parametrize(("family", "grids"), [(BigGAN, 0), (R3GAN, 1), (StyleGAN2, 1)])
def test_filters_are_of_all_layers_and_of_nothing_else(family, grids):
    """Tables of classes and the grids from which generators start are no filters."""
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b"))
    G = family.tiny().generator(spec, group=4)
    tables = sum(isinstance(m, nn.Embedding) for m in G.modules())
    matrices = [w for w in G.parameters() if w.dim() > 1]
    assert len(filters(G)) == len(matrices) - tables - grids
    if family is BigGAN:
        kept = [w for w in matrices if w is not G.input.table.weight]
        assert all(a is b for a, b in zip(filters(G), kept, strict=True))


def test_pixel_norm_leaves_directions():
    x = normal(3, 8, 4)
    normed = pixel_norm(x)
    torch.testing.assert_close(normed.square().mean(1), torch.ones(3, 4).double())
    torch.testing.assert_close(pixel_norm(7 * x), normed)
    torch.testing.assert_close(F.cosine_similarity(x, normed, 1), torch.ones(3, 4).double())
