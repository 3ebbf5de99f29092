"""PNG files hold the exact pixels, by the filters of the standard."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from gantlet.png import encoded, filtered

DEPTHS = [(1, "uint8", "L"), (1, "uint16", "I;16"), (3, "uint8", "RGB"), (4, "uint8", "RGBA")]


def noise(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def pixels(content, mode):
    """What Pillow reads, checksums verified."""
    Image.open(io.BytesIO(content)).verify()
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode) == ("PNG", mode)
        values = np.asarray(image)
    return values.reshape(*values.shape[:2], -1)


@pytest.mark.parametrize(("channels", "dtype", "mode"), DEPTHS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (7, 1), (5, 8), (300, 400)])
def test_pillow_reads_the_exact_pixels(height, width, channels, dtype, mode):
    flat = np.full((1, height, width, channels), 77, dtype)
    slope = np.arange(height * width * channels).reshape(flat.shape).astype(dtype)
    images = np.concatenate([noise(1, height, width, channels, dtype=dtype), flat, slope])
    for content, image in zip(encoded(images), images, strict=True):
        assert np.array_equal(pixels(content, mode), image)


def test_a_file_does_not_depend_on_those_encoded_with_it_or_on_the_layout():
    images = noise(100, 32, 32, 3)
    files = list(encoded(images))
    assert files[70:] == list(encoded(images[70:]))
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert not first.flags.c_contiguous
    assert files == list(encoded(first))
    assert list(encoded(images[:0])) == []


def guesses(image, y, i, pixel):
    """Left, above and corner of a byte, then what each filter takes off, by the standard."""
    left = int(image[y, i - pixel]) if i >= pixel else 0
    above = int(image[y - 1, i]) if y else 0
    corner = int(image[y - 1, i - pixel]) if y and i >= pixel else 0
    p = left + above - corner
    a, b, c = abs(p - left), abs(p - above), abs(p - corner)
    nearest = left if a <= b and a <= c else above if b <= c else corner
    return {0: 0, 1: left, 2: above, 4: nearest}


@pytest.mark.parametrize("pixel", [1, 2, 3])
def test_rows_are_differences_of_least_size_by_the_definitions(pixel):
    rough = noise(4, 6, 24)
    smooth = rough.cumsum(1, np.uint8) // 16 + rough.cumsum(2, np.uint8) // 16
    steps = (noise(1, 40, 24) % 3 * 100).astype(np.uint8)
    used = set()
    for images in (rough, smooth, steps):
        for image, rows in zip(images, filtered(images, pixel), strict=True):
            for y in range(len(image)):
                by = [guesses(image, y, i, pixel) for i in range(24)]
                differences = {
                    n: [(int(v) - g[n]) % 256 for v, g in zip(image[y], by, strict=True)]
                    for n in (0, 1, 2, 4)
                }
                sizes = {n: sum(min(d, 256 - d) for d in differences[n]) for n in differences}
                chosen = min(sizes, key=sizes.__getitem__)
                assert rows[y].tolist() == [chosen, *differences[chosen]]
                used.add(chosen)
    assert used == {0, 1, 2, 4}


def test_files_of_smooth_images_are_about_as_small_as_pillows():
    digits = [
        Image.fromarray((digit * 15).astype(np.uint8)) for digit in load_digits().images[:99]
    ]
    images = [digit.resize((32, 32)) for digit in digits]
    theirs = 0
    for image in images:
        stream = io.BytesIO()
        image.save(stream, "png")
        theirs += len(stream.getvalue())
    assert sum(map(len, encoded(np.stack(images)[..., None]))) < 1.1 * theirs
