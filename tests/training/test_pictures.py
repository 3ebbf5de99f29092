"""Pictures show the pixels they are given."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gantlet.data import open_data
from gantlet.spec import DataSpec
from gantlet.training.pictures import as_image, curves, grid, picture


def spec(channels=1, height=8, width=8, dtype="uint8", low=0.0, high=255.0):
    return DataSpec(kind="image", shape=(channels, height, width), dtype=dtype, low=low, high=high)


def random(shape, high, dtype):
    return np.random.default_rng(0).integers(0, high, shape, dtype=dtype, endpoint=True)


def test_eight_bits_are_shown_as_they_are():
    x = random((1, 8, 8), 255, np.uint8)
    assert np.array_equal(np.asarray(as_image(x, spec())), x[0])
    rgb = random((3, 5, 7), 255, np.uint8)
    shown = as_image(rgb, spec(3, 5, 7))
    assert shown.mode == "RGB"
    assert np.array_equal(np.asarray(shown), rgb.transpose(1, 2, 0))
    rgba = random((4, 5, 7), 255, np.uint8)
    assert as_image(rgba, spec(4, 5, 7)).mode == "RGBA"


@pytest.mark.parametrize("channels", [2, 5])
def test_of_other_channels_the_first_is_shown(channels):
    x = random((channels, 8, 8), 255, np.uint8)
    assert np.array_equal(np.asarray(as_image(x, spec(channels))), x[0])


def test_other_ranges_are_scaled_to_eight_bits():
    deep = np.array([[[0, 257, 65535], [128, 129, 32768]]], np.uint16)
    shown = np.asarray(as_image(deep, spec(1, 2, 3, "uint16", high=65535.0)))
    assert shown.tolist() == [[0, 1, 255], [0, 1, 128]]
    grey = np.arange(17, dtype=np.uint8).reshape(1, 1, 17)
    shown = np.asarray(as_image(grey, spec(1, 1, 17, high=16.0)))
    assert shown[0].tolist() == [round(i * 255 / 16) for i in range(17)]
    real = np.array([[[-1.0, 0.0, 1.0]]], np.float32)
    shown = np.asarray(as_image(real, spec(1, 1, 3, "float32", low=-1.0, high=1.0)))
    assert shown.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 16, 12), (1, 100, 70)])
def test_each_tile_of_a_grid_is_its_sample_enlarged(channels, height, width):
    x = random((7, channels, height, width), 255, np.uint8)
    sheet = grid(x, spec(channels, height, width), columns=3)
    factor = max(1, 64 // max(height, width))
    wide, high = width * factor + 2, height * factor + 2
    assert sheet.size == (3 * wide + 2, 3 * high + 2)
    pixels = np.asarray(sheet)
    for i, sample in enumerate(x):
        left, top = 2 + i % 3 * wide, 2 + i // 3 * high
        tile = pixels[top : top + height * factor, left : left + width * factor]
        wanted = sample[0] if channels == 1 else sample.transpose(1, 2, 0)
        assert np.array_equal(tile, wanted.repeat(factor, 0).repeat(factor, 1))
    assert (pixels[:2] == 255).all()
    assert (pixels[-high:, -wide:] == 255).all()  # no sample is there


def test_a_written_grid_is_read_back(tmp_path):
    x = random((4, 1, 8, 8), 255, np.uint8)
    picture(x, spec(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as read:
        assert np.array_equal(np.asarray(read), np.asarray(grid(x, spec(), 2)))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_points_are_a_scatter_of_the_first_two_coordinates(size):
    wide = DataSpec(kind="points", shape=(size,), dtype="float32", low=-2, high=2)

    def drawn(points):
        file = io.BytesIO()
        picture(points.astype(np.float32), wide, file)
        with Image.open(file) as read:
            return np.asarray(read.convert("L")).astype(int)

    empty = drawn(np.full((9, size), 99.0))  # all outside of the frame
    assert np.array_equal(drawn(np.full((9, size), 99.0)), empty)
    corner = np.full((9, size), 1.5)
    ink = np.argwhere(drawn(corner) < empty - 20)
    height, width = empty.shape
    assert len(ink)
    assert (ink[:, 1] > 0.6 * width).all()
    assert (ink[:, 0] < 0.45 * height).all() if size > 1 else (ink[:, 0] < 0.55 * height).all()


ROW = {"seen": 64, "discriminator/loss": 1.0, "coverage": 0.5, "critic_memory": None}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [ROW],
        [ROW, {**ROW, "seen": 128, "coverage": 0.7}],
        [ROW, {"seen": 70, "event": "roll-back"}],
    ],
)
def test_curves_are_drawn_from_any_log(rows, tmp_path):
    def ink(log):
        curves(log, tmp_path / "curves.png")
        with Image.open(tmp_path / "curves.png") as read:
            return int((np.asarray(read.convert("L")) < 200).sum())

    assert (ink(rows) > ink([])) == any("coverage" in row for row in rows)


@pytest.mark.parametrize("name", ["日本", r"$\q$", "$^$"])
def test_any_names_of_columns_and_categories_are_drawn(name, tmp_path):
    """Neither a formula that is none, nor signs that the font lacks (a warning is an error)."""
    table = open_data(pd.DataFrame({name: [name, "b"] * 20, f"{name} 2": range(40)}))
    picture(np.array(table.raw), table.spec, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        assert drawn.size == (1260, 810)
