"""Pictures on the page are the pixels they are given."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gantlet.errors import UsageError
from gantlet.metrics.evidence import Pair
from gantlet.report.images import Pictures, couples, sample_rows, strips
from gantlet.spec import DataSpec
from tests.report.pages import DIGITS, pictures

COLOUR = DataSpec(kind="image", shape=(3, 24, 20))


def pixels(tile):
    kind, _, content = tile.source.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.size == (tile.width, tile.height)
        return np.asarray(image)


def test_without_labels_samples_are_in_their_order_and_real_ones_below():
    shown = pictures(COLOUR)
    generated, real = sample_rows(shown)
    assert (generated.name, real.name) == ("Generated", "Real")
    assert len(generated.tiles) == 40
    for tile, value in zip(generated.tiles, shown.samples, strict=True):
        assert np.array_equal(pixels(tile), value.transpose(1, 2, 0))
    for tile, value in zip(real.tiles, shown.real, strict=True):
        assert np.array_equal(pixels(tile), value.transpose(1, 2, 0))
    assert generated.tiles[1].alt == "generated sample 2"
    assert len(sample_rows(replace(shown, real=None))) == 1


def test_with_labels_there_is_a_row_for_each_class():
    shown = pictures(real=None)
    labels = np.array([3, 3, 7, 0] * 10)
    rows = sample_rows(replace(shown, labels=labels.tolist()))
    assert [row.name for row in rows] == ["0", "3", "7"]
    for row in rows:
        values = shown.samples[labels == int(row.name)][: len(row.tiles)]
        for tile, value in zip(row.tiles, values, strict=True):
            assert np.array_equal(pixels(tile), np.round(value[0] * (255 / 16)))
            assert tile.alt.startswith(f"generated {row.name}, sample ")
            assert tile.pixelated


def test_of_very_many_classes_the_first_are_shown():
    spec = replace(DIGITS, classes=tuple(f"c{k}" for k in range(1000)), frequencies=())
    samples = np.zeros((1000, *spec.shape), np.uint8)
    shown = replace(pictures(), spec=spec, samples=samples, labels=list(range(1000)), real=None)
    rows = sample_rows(shown)
    assert 10 <= len(rows) <= 50
    assert [row.name for row in rows[:2]] == ["c0", "c1"]


@pytest.mark.parametrize(("height", "width"), [(300, 200), (65, 1000), (1000, 1)])
def test_large_images_are_made_smaller_by_means_of_their_pixels(height, width):
    spec = DataSpec(kind="image", shape=(1, height, width))
    value = np.full((2, 1, height, width), 77, np.uint8)
    value[1, :, : height // 2] = 0
    shown = Pictures(spec=spec, samples=value)
    (row,) = sample_rows(shown)
    tiles = row.tiles
    assert max(tiles[0].width, tiles[0].height) <= 64
    assert min(tiles[0].width, tiles[0].height) >= 1
    assert np.abs(pixels(tiles[0]).astype(int) - 77).max() <= 1
    assert pixels(tiles[1]).mean() == pytest.approx(value[1].mean(), abs=3)
    assert not tiles[0].pixelated


def test_couples_are_pairs_side_by_side_in_the_order_of_the_evidence():
    shown = pictures()
    values = [(shown.samples[i], shown.samples[i + 1]) for i in range(0, 40, 2)]
    pairs = [Pair(fake=i, real=100 + i, distance=i, ratio=0.1 * i) for i in range(20)]
    found = couples(replace(shown, pairs=values), pairs)
    assert 5 <= len(found) <= 20
    for couple, (fake, real), pair in zip(found, values, pairs, strict=False):
        assert np.array_equal(pixels(couple.fake), np.round(fake[0] * (255 / 16)))
        assert np.array_equal(pixels(couple.real), np.round(real[0] * (255 / 16)))
        assert couple.pair == pair
        assert couple.fake.alt == f"generated sample {pair.fake}"
        assert couple.real.alt == f"training sample {pair.real}"


def test_strips_are_steps_in_order():
    shown = pictures()
    for strip, values in zip(strips(shown), shown.interpolation, strict=True):
        for tile, value in zip(strip.tiles, values, strict=True):
            assert np.array_equal(pixels(tile), np.round(value[0] * (255 / 16)))
    assert strips(replace(shown, interpolation=None)) == []


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("samples", np.zeros((4, 8, 8), np.uint8)),
        ("samples", np.zeros((1, 8, 8), np.uint8)),
        ("real", np.zeros((4, 3, 8, 8), np.uint8)),
        ("interpolation", np.zeros((9, 1, 8, 8), np.uint8)),
        ("pairs", [(np.zeros((1, 8, 8), np.uint8), np.zeros((1, 8, 9), np.uint8))]),
    ],
)
def test_values_of_another_shape_than_the_data_are_refused(part, values):
    with pytest.raises(UsageError, match=rf"{part} for the report: expected an array of shape"):
        pictures(**{part: values})
