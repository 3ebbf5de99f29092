"""How images of another aspect come to a size: cropped, padded or stretched."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data, store
from gantlet.data.doctor import examine
from gantlet.data.resize import centre, fit

RANDOM = np.random.default_rng(0)


def lanczos(image, height, width):
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(
    ("size", "inner", "corner"),
    [((8, 8), (8, 4), (0, 2)), ((5, 5), (5, 2), (0, 1)), ((6, 3), (6, 3), (0, 0))],
)
def test_a_padded_image_is_the_whole_in_the_middle(size, inner, corner):
    image = RANDOM.integers(1, 256, (20, 10, 3)).astype(np.uint8)
    padded = fit(image, size, "pad")
    rows, columns = (slice(at, at + n) for at, n in zip(corner, inner, strict=True))
    assert np.array_equal(padded[rows, columns], lanczos(image, *inner))
    padded = padded.copy()
    padded[rows, columns] = 0
    assert not padded.any()


def test_stretching_scales_the_whole():
    image = RANDOM.integers(0, 256, (20, 10, 3)).astype(np.uint8)
    assert np.array_equal(fit(image, (7, 9), "stretch"), lanczos(image, 7, 9))
    assert np.array_equal(fit(image, (10, 5), "stretch"), fit(image, (10, 5), "crop"))


@pytest.mark.parametrize("side", [28, 100, 200, 224])
def test_what_is_cropped_lies_within_the_image_whatever_its_side(side):
    wholes = [(n, 2 * n) for n in range(1, 1001)] + [(n, n) for n in range(1, 2001)]
    for height, width in wholes:
        for turned in ((height, width), (width, height)):
            left, top, right, bottom = centre(turned, (side, side))
            assert 0 <= left < right <= turned[1]
            assert 0 <= top < bottom <= turned[0]


@pytest.mark.parametrize(("side", "wanted"), [(29, 28), (225, 224), (250, 120), (110, 100)])
def test_a_square_is_cropped_to_a_smaller_one_as_it_is_scaled(side, wanted):
    image = RANDOM.integers(0, 256, (side, side, 1)).astype(np.uint8)
    assert np.array_equal(
        fit(image, (wanted, wanted)), lanczos(image[..., 0], wanted, wanted)[..., None]
    )


def test_a_very_long_image_keeps_a_line():
    padded = fit(np.full((1, 1000, 1), 9, np.uint8), (8, 8), "pad")
    assert (np.unique(padded[3]).tolist(), int(padded.any(axis=(1, 2)).sum())) == ([9], 1)


@pytest.mark.parametrize(
    ("dtype", "paper", "around"),
    [(np.uint8, None, 0), (np.uint16, None, 0), (np.float32, None, -5), (np.float32, -9, -9)],
)
def test_the_paper_is_black_or_the_least(dtype, paper, around):
    image = np.full((4, 2, 2), 7, dtype)
    image[0, 0, 0] = 7 if np.dtype(dtype).kind == "u" else -5
    padded = fit(image, (4, 4), "pad", paper=paper)
    assert np.unique(padded[:, [0, 3]]).tolist() == [around]
    assert np.array_equal(padded[:, 1:3], image)


def test_alpha_is_padded_with_nothing():
    image = np.full((4, 2, 4), 200, np.uint8)
    assert not fit(image, (4, 4), "pad", alpha=True)[:, 0].any()


@pytest.mark.parametrize(
    ("rule", "words"),
    [("crop", "cropped to the centre"), ("pad", "padded"), ("stretch", "stretched")],
)
def test_folders_and_arrays_follow_the_rule_and_say_so(tmp_path, rule, words):
    images = RANDOM.integers(0, 256, (3, 12, 6, 3)).astype(np.uint8)
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    settings = DataSettings(size=(6, 6), fit=rule)
    folder, array = open_data(tmp_path, settings), open_data(images, settings)
    assert folder.fingerprint == array.fingerprint
    assert np.array_equal(folder.raw[1].transpose(1, 2, 0), fit(images[1], (6, 6), rule))
    assert words in folder.notes[0]
    assert words in array.notes[0]
    assert any(words in problem.sentence for problem in examine(tmp_path, settings).problems)


def test_what_one_rule_made_is_not_taken_for_the_others(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", RANDOM.integers(0, 256, (3, 12, 6, 3)).astype(np.uint8))
    monkeypatch.setattr(store, "RESIDENT", 10)
    prints = {
        open_data(
            tmp_path / "a.npy", DataSettings(size=(6, 6), fit=rule), cache=tmp_path / "c"
        ).fingerprint
        for rule in ("crop", "pad", "stretch")
    }
    assert len(prints) == 3
