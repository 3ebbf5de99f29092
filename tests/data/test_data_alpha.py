"""Mixtures of grey, colour and transparency: one rule each, and a note of what was done."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.resize import fit

RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (4, 5, 4)).astype(np.uint8)
WHITE = DataSettings(alpha="white")


def saved(folder, **images):
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return folder


def opaque(image):
    return np.dstack([np.asarray(image.convert("RGB")), np.full((4, 5), 255, np.uint8)])


def test_one_transparent_image_gives_all_a_channel_of_alpha(tmp_path):
    clear = Image.fromarray(COLOURS)
    others = {
        "rgb": Image.fromarray(COLOURS[..., :3]),
        "grey": Image.fromarray(COLOURS[..., 0]),
        "deep": Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257),
        "palette": Image.fromarray(COLOURS[..., :3]).quantize(4),
    }
    data = open_data(saved(tmp_path, clear=clear, **others))
    names = sorted(["clear", *others])
    assert data.spec.shape == (4, 4, 5)
    pixels = dict(zip(names, data.raw.transpose(0, 2, 3, 1), strict=True))
    assert np.array_equal(pixels["clear"], COLOURS)
    assert np.array_equal(pixels["deep"], opaque(others["grey"]))
    for name in ("rgb", "grey", "palette"):
        assert np.array_equal(pixels[name], opaque(others[name]))
    assert any("Images without it are opaque: 4 of 5." in note for note in data.notes)
    assert "Grey images converted to RGB: 2 of 5." in data.notes


def test_alpha_that_no_image_uses_is_no_channel(tmp_path):
    full = Image.fromarray(opaque(Image.fromarray(COLOURS)))
    data = open_data(saved(tmp_path, a=full, b=Image.fromarray(COLOURS[..., :3])))
    assert data.spec.shape == (3, 4, 5)
    assert np.array_equal(data.raw[0], data.raw[1])
    assert data.notes == ("Alpha channels dropped, all laid on white: 1.",)


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (0, 0, 0, 128)), ("LA", (0, 128))])
def test_transparency_is_laid_on_white_where_told(tmp_path, mode, colour):
    half = Image.new(mode, (2, 2), colour)
    data = open_data(saved(tmp_path, a=half, b=half), WHITE)
    assert data.spec.shape == (len(mode) - 1, 2, 2)
    assert np.unique(data.raw).tolist() == [127]
    assert any("laid on white" in note for note in data.notes)


def test_grey_with_transparency_becomes_colour_with_transparency(tmp_path):
    image = Image.new("LA", (2, 2), (50, 7))
    data = open_data(saved(tmp_path, a=image, b=image))
    assert data.raw[0, :, 0, 0].tolist() == [50, 50, 50, 7]


def test_what_is_transparent_does_not_colour_its_surroundings(tmp_path):
    """Half the picture is red and opaque, half green and invisible: no green comes in."""
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4], image[:, 4:] = (255, 0, 0, 255), (0, 255, 0, 0)
    small = fit(image, (3, 3), alpha=True)
    assert (small[..., 1] == 0).all()
    assert (small[small[..., 3] > 0][:, 0] >= 254).all()
    assert fit(image, (3, 3))[..., 1].max() > 0
    for name in "ab":
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    data = open_data(tmp_path, DataSettings(size=(3, 3)))
    assert np.array_equal(data.raw[0].transpose(1, 2, 0), small)


def png16(path, values):
    """A PNG of 16 bits a colour, which Pillow reads but does not write."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width, channels = values.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_of_16_bits_a_colour_the_upper_8_are_taken_and_told(tmp_path, channels):
    values = RANDOM.integers(0, 65536, (4, 5, channels)).astype(np.uint16)
    for name in "ab":
        png16(tmp_path / f"{name}.png", values)
    data = open_data(tmp_path)
    upper = (values >> 8).astype(np.uint8)
    expected = upper[..., [0, 0, 0, 1]] if channels == 2 else upper
    assert np.array_equal(data.raw[0].transpose(1, 2, 0), expected)
    assert "Images of 16 bits a colour, of which the upper 8 were taken: 2." in data.notes
