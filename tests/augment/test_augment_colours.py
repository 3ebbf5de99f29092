"""Changes of values: their action on grey and colour, in closed form."""

import math

import pytest
import torch

from gantlet.augment import colours
from tests.augment.images import column, images, normal, uniform


def grey(x):
    return (x[:, 0:1] + x[:, 1:2] + x[:, 2:3]) / 3


def test_brightness_and_contrast_act_on_every_channel_alike():
    x, r = images(5, 4, 3, 6), normal(5, 1)
    shift = r[:, :, None, None]
    torch.testing.assert_close(colours.brightness(x, r), x + 0.2 * shift)
    torch.testing.assert_close(colours.contrast(x, r), x * 2 ** (0.5 * shift))


def test_diffaugment_keeps_the_means_that_its_formulas_keep():
    x, r = images(5, 3, 4, 6), uniform(5, 1)
    whole = x.mean((1, 2, 3))
    torch.testing.assert_close(
        colours.color_brightness(x, r).mean((1, 2, 3)), whole + r[:, 0] - 0.5
    )
    contrasted = colours.color_contrast(x, r)
    torch.testing.assert_close(contrasted.mean((1, 2, 3)), whole)
    torch.testing.assert_close(contrasted.std((1, 2, 3)), (0.5 + r[:, 0]) * x.std((1, 2, 3)))
    saturated = colours.color_saturation(x, r)
    torch.testing.assert_close(grey(saturated), grey(x))
    torch.testing.assert_close(saturated - grey(x), 2 * r[:, :, None, None] * (x - grey(x)))


def test_the_middle_of_each_range_changes_nothing():
    x, half, zero = images(2, 3, 4, 4), column(0.5, 0.5), column(0.0, 0.0)
    for change in (colours.color_brightness, colours.color_saturation, colours.color_contrast):
        torch.testing.assert_close(change(x, half), x)
    for change in (colours.brightness, colours.contrast, colours.saturation):
        torch.testing.assert_close(change(x, zero), x)
    torch.testing.assert_close(colours.hue(x, half), x)


def test_luma_flip_is_an_involution_that_negates_grey_and_keeps_colour():
    x = images(4, 3, 3, 5)
    r = column(0.1, 0.4, 0.5, 0.9)
    flipped = colours.lumaflip(x, r)
    torch.testing.assert_close(grey(flipped)[:2], -grey(x)[:2])
    torch.testing.assert_close((flipped - grey(flipped))[:2], (x - grey(x))[:2])
    assert torch.equal(flipped[2:], x[2:])
    torch.testing.assert_close(colours.lumaflip(flipped, r), x)


def test_hue_is_a_rotation_about_the_axis_of_greys():
    x, r = images(6, 3, 3, 5), uniform(6, 1)
    turned = colours.hue(x, r)
    torch.testing.assert_close(grey(turned), grey(x))
    torch.testing.assert_close(turned.square().sum(1), x.square().sum(1))
    a, b = x - grey(x), turned - grey(turned)
    cosine = (a * b).sum(1) / a.square().sum(1)
    wanted = torch.cos((2 * r[:, 0] - 1) * math.pi)
    torch.testing.assert_close(cosine, wanted[:, None, None].expand_as(cosine))
    back = colours.hue(turned, 1 - r)
    torch.testing.assert_close(back, x)


def test_a_third_of_a_turn_of_hue_passes_the_channels_on():
    x = images(1, 3, 2, 2)
    turned = colours.hue(x, column(0.5 + 1 / 3))
    torch.testing.assert_close(turned, x[:, [2, 0, 1]])


@pytest.mark.parametrize("change", [colours.saturation, colours.color_saturation])
def test_saturation_leaves_grey_images_alone(change):
    x = images(4, 1, 3, 3).expand(4, 3, 3, 3)
    torch.testing.assert_close(change(x, uniform(4, 1)), x)


def test_saturation_scales_colour_by_powers_of_two():
    x = images(2, 3, 3, 3)
    more = colours.saturation(x, column(1.0, -2.0))
    torch.testing.assert_close((more - grey(x))[0], 2 * (x - grey(x))[0])
    torch.testing.assert_close((more - grey(x))[1], (x - grey(x))[1] / 4)
