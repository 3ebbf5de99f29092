"""Whole-pixel augmentations: groups, counts, and pixels that one can follow by hand."""

import pytest
import torch

from gantlet.augment.pixels import cutout, reflected, rotate90, translation, xflip, xint
from tests.augment.images import column, images, uniform

SHAPES = [(6, 1, 8, 8), (6, 3, 5, 9), (6, 2, 7, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flip_reverses_rows_and_is_its_own_inverse(shape):
    x = images(*shape)
    flipped = xflip(x, column(0.0, 0.2, 0.49, 0.5, 0.7, 0.99))
    assert torch.equal(flipped[:3], x[:3, :, :, range(shape[3] - 1, -1, -1)])
    assert torch.equal(flipped[3:], x[3:])
    r = uniform(6, 1)
    assert torch.equal(xflip(xflip(x, r), r), x)


def test_quarter_turns_are_a_cyclic_group_of_four():
    x = images(4, 2, 6, 6)
    turned = rotate90(x, column(0.0, 0.3, 0.6, 0.9))
    for quarters in range(4):
        assert torch.equal(turned[quarters], torch.rot90(x[quarters], quarters, (1, 2)))
    once = column(*[0.3] * 4)
    twice = rotate90(rotate90(x, once), once)
    assert torch.equal(twice, x.flip((2, 3)))
    assert torch.equal(rotate90(rotate90(twice, once), once), x)


def test_images_that_are_not_square_turn_by_halves():
    x = images(4, 1, 5, 8)
    turned = rotate90(x, column(0.1, 0.49, 0.5, 0.9))
    assert torch.equal(turned[:2], x[:2])
    assert torch.equal(turned[2:], x[2:].flip((2, 3)))


@pytest.mark.parametrize("change", [xint, translation])
def test_every_shift_up_to_an_eighth_is_equally_likely(change):
    """Shifts read off two ramps, one down and one to the right."""
    ramp = torch.arange(16, dtype=torch.float64)
    x = torch.stack([ramp[:, None].expand(16, 24), torch.arange(24.0).double().expand(16, 24)])
    n = 4_000
    moved = change(x.expand(n, 2, 16, 24), uniform(n, 2))
    down, right = 8 - moved[:, 0, 8, 12], 12 - moved[:, 1, 8, 12]
    for shift, most in ((down, 2), (right, 3)):
        values, counts = shift.unique(return_counts=True)
        assert values.tolist() == list(range(-most, most + 1))
        wanted = torch.full((2 * most + 1,), n / (2 * most + 1), dtype=torch.float64)
        if change is xint:  # rounding gives the two ends half the range
            wanted = torch.full_like(wanted, n / (2 * most))
            wanted[[0, -1]] /= 2
        assert float((counts - wanted).abs().max()) < 5 * (n / (2 * most)) ** 0.5


def test_what_moves_in_is_a_reflection_or_zero():
    x = images(2, 1, 16, 16)
    r = torch.tensor([[0.0, 0.5], [0.5, 0.999]], dtype=torch.float64)  # two up; two to the right
    mirrored, empty = xint(x, r), translation(x, r)
    assert torch.equal(mirrored[0, :, :14], x[0, :, 2:])
    assert torch.equal(mirrored[0, 0, 14:], x[0, 0, [14, 13]])
    assert torch.equal(mirrored[1, 0, :, :2], x[1, 0][:, [2, 1]])
    assert torch.equal(empty[0, :, :14], x[0, :, 2:])
    assert torch.equal(empty[1, :, :, 2:], x[1, :, :, :14])
    assert not empty[0, :, 14:].any()
    assert not empty[1, :, :, :2].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_image_moves_to_itself_by_reflection(shape):
    x = torch.full(shape, 0.3, dtype=torch.float64)
    assert torch.equal(xint(x, uniform(6, 2)), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_cutout_zeroes_exactly_its_rectangle(shape):
    """The number of pixels that are lost follows from where the middle lies."""
    x, r = images(*shape).abs() + 0.1, uniform(6, 2)
    cut = cutout(x, r)
    height, width = shape[2:]
    for i in range(6):
        sides = []
        for n, share in ((height, float(r[i, 0])), (width, float(r[i, 1]))):
            length = (n + 1) // 2
            start = int(share * (n + 1 - length % 2)) - length // 2
            sides.append(range(max(0, start), min(n, start + length)))
        wanted = x[i].clone()
        wanted[:, sides[0].start : sides[0].stop, sides[1].start : sides[1].stop] = 0
        assert torch.equal(cut[i], wanted)
        assert int((cut[i] == 0).sum()) == shape[1] * len(sides[0]) * len(sides[1])


def test_cutout_in_the_middle_takes_a_quarter():
    x = torch.ones(1, 3, 16, 12, dtype=torch.float64)
    cut = cutout(x, torch.tensor([[0.5, 0.5]], dtype=torch.float64))
    assert float(cut.mean()) == 0.75


@pytest.mark.parametrize("n", [5, 6, 8, 10])
def test_cutout_favours_no_side(n):
    """Over all of its places, a pixel is hidden as often as its mirror image."""
    r = (torch.arange(360, dtype=torch.float64) + 0.5) / 360  # 5, 6, 9 or 10 places
    hidden = (cutout(torch.ones(360, 1, n, n), torch.stack([r, r], 1)) == 0).sum((0, 1))
    assert torch.equal(hidden, hidden.flip((0, 1)))
    assert len(set(hidden.diagonal().tolist())) > 1


def test_cutout_hides_every_pixel_in_some_and_shows_it_in_others():
    shown = cutout(torch.ones(2_000, 1, 8, 8), uniform(2_000, 2).float()).mean((0, 1))
    assert float(shown.min()) > 0.5
    assert float(shown.max()) < 0.97


def test_reflection_repeats_no_edge():
    found = reflected(torch.arange(-5, 9), 4)
    assert found.tolist() == [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert reflected(torch.arange(-2, 3), 1).tolist() == [0] * 5
