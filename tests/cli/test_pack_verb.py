"""`gantlet pack`: one file, and training on it."""

import numpy as np
import pytest
from PIL import Image

from gantlet.data import packing
from tests.cli.door import assert_refused, gantlet

TINY = ("--samples", 32, "--recipe", "mlp", "train.batch=16", "network.hidden=[8]")


@pytest.fixture
def photos(workplace):
    (workplace / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 3)).astype(np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(workplace / "photos" / f"{i}.png")
    return workplace


def test_a_folder_is_packed_and_trained_on(photos):
    answer = gantlet("pack", "photos", "--size", "5x4", "data.fit=pad", "--workers", 1)
    assert (answer.code, answer.err) == (0, "")
    assert "Images resized whole and padded to 4x5" in answer.out
    assert answer.out.endswith("20 samples packed into photos.pack, 0.0 MiB.\n")
    answer = gantlet("train", "photos.pack", *TINY)
    assert answer.code == 0
    assert "resized whole and padded to 4x5" in answer.out
    assert (photos / "runs" / "photos-mlp" / "bundle").exists()
    answer = gantlet("pack", "photos", "--size", "5x4", "data.fit=pad")
    assert answer.out == "photos.pack holds these data already: 20 samples.\n"
    answer = gantlet("doctor", "photos.pack")
    assert answer.code == 0
    assert "photos.pack: packed, 20 samples" in answer.out


def test_what_is_no_setting_of_data_is_refused(photos):
    assert_refused(gantlet("pack", "photos", "train.batch=4"), "setting train.batch=4", "data.")
    assert_refused(gantlet("pack", "photos", "data.sise=[4,4]"), "data.sise", "Did you mean size")
    assert_refused(gantlet("pack", "fotos"), "Did you mean photos")
    assert not list(photos.glob("*.pack"))


def test_an_interrupt_says_how_to_go_on(photos, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(packing, "pack", interrupted)
    answer = gantlet("pack", "photos")
    assert (answer.code, answer.out) == (130, "Stopped. The same command goes on from there.\n")
