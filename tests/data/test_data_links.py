"""Files of a folder that cannot be opened, or not be named, are told like damaged ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantlet.data import open_data
from gantlet.data.doctor import examine
from gantlet.data.packing import pack
from gantlet.errors import UsageError


@pytest.fixture
def photos(tmp_path):
    """Two classes of two images each."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)
    for name, image in zip(("a/0.png", "a/1.png", "b/0.png", "b/1.png"), pixels, strict=True):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def assert_told(photos, name, why):
    """By training, by packing and by the doctor."""
    for opens in (open_data, lambda path: pack(path, path.with_suffix(".pack"), workers=1)):
        with pytest.raises(UsageError) as error:
            opens(photos)
        assert f"cannot: {name} ({why})" in str(error.value)
    sentences = [problem.sentence for problem in examine(photos).problems]
    assert sentences[0] == f"{name} cannot be read: {why}."


@pytest.mark.parametrize("target", ["/nowhere/x.png", "link.png"])
def test_links_that_lead_nowhere_are_faults(photos, target):
    (photos / "a" / "link.png").symlink_to(target)
    assert_told(photos, "a/link.png", "a link that leads nowhere")


def test_a_source_whose_name_is_no_utf_8_is_refused_by_it(photos):
    odd = photos.with_name(os.fsdecode(b"\xe9"))
    photos.rename(odd)
    for opens in (open_data, examine, lambda path: pack(path, photos.with_suffix(".pack"))):
        with pytest.raises(UsageError, match=r"\\xe9: expected a path in UTF-8"):
            opens(odd)


@pytest.mark.parametrize("name", [b"a/\xe9.png", b"\xe9/1.png"])
def test_names_that_are_no_utf_8_are_faults_that_can_be_read(photos, name):
    odd = photos / Path(os.fsdecode(name))
    odd.parent.mkdir(exist_ok=True)
    (photos / "a" / "1.png").rename(odd)
    shown = name.decode("utf-8", "backslashreplace")
    assert_told(photos, shown, "its name is no UTF-8: rename it")
