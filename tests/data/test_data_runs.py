"""Folders of our own among images, and folders of a split, whatever their case."""

import json

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.folder import RECORDS
from gantlet.errors import UsageError
from gantlet.sweeping.state import NAME
from gantlet.training.folder import Folder


def image(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6), shade, np.uint8)).save(path)


@pytest.fixture
def photos(tmp_path):
    for i in range(12):
        image(tmp_path / "photos" / ("cat", "dog")[i % 2] / f"{i:02}.png", i)
    return tmp_path / "photos"


def test_the_records_are_those_that_runs_and_sweeps_have(tmp_path):
    assert (Folder(tmp_path).record.name, NAME) == RECORDS


@pytest.mark.parametrize("record", RECORDS)
def test_pictures_of_a_run_are_no_data(photos, record):
    before = open_data(photos)
    run = photos / "runs" / "photos-mlp"
    image(run / "curves.png")
    image(run / "samples" / "000000000000.png")
    (run / record).write_text(json.dumps({"format": 1, "identity": {}}))
    found = open_data(photos)
    assert found.spec.classes == ("cat", "dog")
    assert found.fingerprint == before.fingerprint
    assert found.notes == (*before.notes, "Ignored 1 file without images (.json 1).")
    asked = DataSettings(labels=False)  # by its name, they are images like others
    image(run / "curves.png", 9)
    assert len(open_data(run, asked)) == 2


def test_a_record_of_somebody_else_makes_no_run(photos):
    for folder in ("cat", "dog"):
        (photos / folder / "run.json").write_text('{"speed": 3}')
    assert len(open_data(photos)) == 12


@pytest.mark.parametrize(("training", "testing"), [("Train", "Test"), ("training", "TESTING")])
def test_a_split_is_known_by_names_in_any_case(tmp_path, training, testing):
    for i in range(12):
        image(tmp_path / (training, testing)[i >= 8] / ("cat", "dog")[i % 2] / f"{i}.png", i)
    found = open_data(tmp_path)
    assert (len(found), found.spec.classes) == (8, ("cat", "dog"))
    assert f"Only the folder {training!r} is used; 4 images in {testing!r} left" in found.notes[0]


def labels(folder, names):
    text = "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(names))
    (folder / "metadata.csv").write_text(f"file_name,label\n{text}")


@pytest.fixture
def divided(tmp_path):
    """As data sets on a hub are laid out: images and a file of labels in each part."""
    for part, shades in (("train", range(8)), ("test", range(8, 12))):
        for i in shades:
            image(tmp_path / "set" / part / f"{i}.png", i)
        labels(tmp_path / "set" / part, [f"{i}.png" for i in shades])
    return tmp_path / "set"


@pytest.mark.parametrize("name", ["metadata.csv", "train/metadata.csv", "{}/train/metadata.csv"])
def test_of_a_split_the_labels_are_those_of_its_training_part(divided, name):
    found = open_data(divided, DataSettings(labels=name.format(divided)))
    assert found.y.tolist() == [0, 1] * 4
    assert "data.labels=train/metadata.csv would take" in " ".join(open_data(divided).notes)


def test_label_files_of_one_name_are_told_apart(tmp_path):
    for i in range(8):
        image(tmp_path / "ab"[i % 2] / f"{i}.png", i)
    for folder in "ab":
        labels(tmp_path / folder, [])
    expected = r"one file of that name, received a/metadata.csv, b/metadata.csv\. Say which"
    with pytest.raises(UsageError, match=expected):
        open_data(tmp_path, DataSettings(labels="metadata.csv"))
