"""Affine maps: matrices against closed forms, sampling against polynomials and whole pixels."""

import math

import pytest
import torch

from gantlet.augment import geometry
from tests.augment.images import column, images, normal, uniform

SIZE = (12, 9)


def test_maps_are_inverses_of_what_they_are_called():
    a = math.pi / 2
    (big,) = geometry.scale(column(5.0), SIZE)
    torch.testing.assert_close(big, torch.diag(torch.tensor([0.5, 0.5, 1.0]).double()))
    (wide,) = geometry.aniso(column(5.0), SIZE)
    torch.testing.assert_close(wide, torch.diag(torch.tensor([0.5, 2.0, 1.0]).double()))
    (turned,) = geometry.rotate(column(0.75), SIZE)
    wanted = [[math.cos(a), math.sin(a), 0], [-math.sin(a), math.cos(a), 0], [0, 0, 1]]
    torch.testing.assert_close(turned, torch.tensor(wanted).double())
    (moved,) = geometry.xfrac(torch.tensor([[2.0, -1.0]]).double(), SIZE)
    torch.testing.assert_close(moved[:2, 2], torch.tensor([-9 / 4, 12 / 8]).double())


@pytest.mark.parametrize("draw", [geometry.rotate, geometry.aniso])
def test_turning_and_stretching_keep_areas(draw):
    r = uniform(8, 1) if draw is geometry.rotate else normal(8, 1)
    torch.testing.assert_close(torch.linalg.det(draw(r, SIZE)), torch.ones(8).double())


def test_two_trials_of_a_rotation_make_p():
    for p in (0.0, 0.3, 0.8, 1.0):
        q = geometry.one_of_two(p)
        assert 1 - (1 - q) ** 2 == pytest.approx(p)
    tensor = geometry.one_of_two(torch.tensor(0.36, dtype=torch.float64))
    assert float(tensor) == pytest.approx(0.2)


def test_the_identity_samples_the_image_itself():
    x = images(3, 2, 7, 10)
    identity = torch.eye(3, dtype=torch.float64).expand(3, 3, 3)
    assert torch.equal(geometry.warped(x, identity), x)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_whole_pixels(quarters):
    x = images(1, 2, 8, 8)
    angle = column(0.5 + quarters / 4 - (1 if quarters == 3 else 0))
    turned = geometry.warped(x, geometry.rotate(angle % 1, (8, 8)))
    # The angle runs from x to y, which points down: to the right.
    torch.testing.assert_close(turned, x.rot90(-quarters, (2, 3)), rtol=0, atol=1e-12)


def test_whole_pixel_moves_reflect_at_the_edges():
    x = images(1, 1, 8, 16)
    moved = geometry.warped(x, geometry.xfrac(torch.tensor([[1.0, -1.0]]).double(), (8, 16)))
    torch.testing.assert_close(moved[0, 0, :7, 2:], x[0, 0, 1:, :14])
    torch.testing.assert_close(moved[0, 0, :7, :2], x[0, 0, 1:, [2, 1]])


def test_sampling_is_exact_for_quadratics_away_from_the_edges():
    """Keys' kernel reproduces polynomials of degree two."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(30.0), indexing="ij")
    y, x = y.double() - 11.5, x.double() - 14.5

    def surface(x, y):
        return 0.3 + 0.2 * x - 0.1 * y + 0.05 * x * y + 0.02 * x * x - 0.03 * y * y

    r = uniform(1, 4)
    maps = geometry.rotate(r[:, :1], SIZE) @ geometry.aniso(r[:, 1:2], SIZE)
    maps = maps @ geometry.xfrac(r[:, 2:] / 4, (24, 30))
    found = geometry.warped(surface(x, y)[None, None], maps)[0, 0]
    (m,) = maps
    old_x, old_y = (m[i, 0] * x + m[i, 1] * y + m[i, 2] for i in range(2))
    inside = (old_x.abs() < 12) & (old_y.abs() < 9)
    assert int(inside.sum()) > 300
    torch.testing.assert_close(found[inside], surface(old_x, old_y)[inside])


def test_a_constant_image_stays_constant_under_any_map():
    x = torch.full((6, 1, 9, 5), -0.7, dtype=torch.float64)
    maps = geometry.rotate(uniform(6, 1), (9, 5)) @ geometry.scale(normal(6, 1), (9, 5))
    torch.testing.assert_close(geometry.warped(x, maps), x)


def test_images_of_one_line_can_be_moved():
    x = images(2, 1, 1, 6)
    moved = geometry.warped(x, geometry.rotate(uniform(2, 1), (1, 6)))
    assert bool(torch.isfinite(moved).all())
    assert float(moved.abs().max()) <= 1.5
