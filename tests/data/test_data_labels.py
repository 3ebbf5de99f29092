"""Labels from files: every form, and every way in which they do not match the images."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.doctor import examine
from gantlet.data.layout import natural
from gantlet.errors import UsageError

NAMES = ("00/a.png", "00/b.png", "01/c.png", "01/d.png")
LABELS = ("dog", "cat", "dog", "cat")


@pytest.fixture
def photos(tmp_path):
    """Four images in folders that are no classes."""
    random = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (4, 5, 3)).astype(np.uint8)).save(path)
    return tmp_path / "photos"


def rows(names=NAMES, labels=LABELS, head="file,label"):
    lines = [f"{name},{label}" for name, label in zip(names, labels, strict=True)]
    return "\n".join([head, *lines])


def opened(folder, name, content):
    (folder / name).write_text(content, encoding="utf-8")
    return open_data(folder, DataSettings(labels=name))


PAIRS = list(zip(NAMES, LABELS, strict=True))
FORMS = {
    "labels.csv": rows(),
    "semi.CSV": rows(head="label_id,x").replace("label_id,x", "\ufefffile_name, Class"),
    "quoted.csv": "label,file\r\n" + "\r\n".join(f'"{y}","./{x}"' for x, y in PAIRS),
    "map.json": json.dumps(dict(PAIRS)),
    "dataset.json": json.dumps({"labels": [list(pair) for pair in PAIRS]}),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_labels(photos, name):
    data = opened(photos, name, FORMS[name])
    assert data.spec.classes == ("cat", "dog")
    assert data.y.tolist() == [1, 0, 1, 0]
    assert data.spec.frequencies == (0.5, 0.5)


def test_classes_by_number_are_ordered_by_value(photos):
    numbers = [[name, label] for name, label in zip(NAMES, (10, 9.0, 2, 10), strict=True)]
    data = opened(photos, "dataset.json", json.dumps({"labels": numbers}))
    assert (data.spec.classes, data.y.tolist()) == (("2", "9", "10"), [2, 1, 0, 2])


def test_what_is_said_twice_alike_or_left_empty_is_no_fault(photos):
    ends = opened(photos, "labels.csv", rows().replace("dog", "dog, ,"))
    pairs = ", ".join(f'"{name}": "{label}"' for name, label in [*PAIRS, *PAIRS])
    twice = opened(photos, "labels.json", f"{{{pairs}}}")
    assert ends.y.tolist() == twice.y.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        ({"10", "9", "01", "1", "001"}, ("001", "01", "1", "9", "10")),
        ({"2", "9" * 5000, "10"}, ("10", "2", "9" * 5000)),
    ],
    ids=["equal values", "long"],
)
def test_names_of_classes_have_one_order(names, ordered):
    assert natural(names) == ordered


def test_a_zip_with_its_file_equals_the_folder(photos, tmp_path):
    folder = opened(photos, "labels.csv", rows())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for file in sorted(photos.rglob("*.*")):
            packed.write(file, f"top/{file.relative_to(photos)}")
    zipped = open_data(tmp_path / "a.zip", DataSettings(labels="labels.csv"))
    assert zipped.fingerprint == folder.fingerprint
    assert zipped.spec == folder.spec


def test_a_file_elsewhere_names_images_from_the_source(photos, tmp_path):
    (tmp_path / "far.csv").write_text(rows())
    data = open_data(photos, DataSettings(labels=str(tmp_path / "far.csv")))
    assert data.y.tolist() == [1, 0, 1, 0]


def test_only_images_that_are_used_need_labels(photos):
    (photos / "00").rename(photos / "train")
    (photos / "01").rename(photos / "test")
    names = ("train/a.png", "train/b.png", "test/c.png")
    data = opened(photos, "labels.csv", rows(names, LABELS[:3]))
    assert (len(data), data.y.tolist()) == (2, [1, 0])


BAD = {
    "misses": (rows(NAMES[:2], LABELS[:2]), r"each of 4 images, received none for 2.*'01/c\.png'"),
    "unknown": (
        rows((*NAMES, "x.png", "y.png"), (*LABELS, "a", "b")),
        r"2 more, first 'x\.png'",
    ),
    "twice": (rows((*NAMES, NAMES[0]), (*LABELS, "cat")), r"'dog' and 'cat' for '00/a\.png'"),
    "empty label": (rows(NAMES, ("", *LABELS[1:])), r"received \"\" for '00/a\.png'"),
    "columns": (rows(head="picture,kind"), "the columns picture, kind"),
    "nothing": ("", "an empty file"),
    "cells": (
        rows(labels=("dog", "cat, black", "dog", "cat")),
        r"2 cells in each line, .*more at line 3, for '00/b\.png'.*quotes",
    ),
    "quote": (
        rows(labels=('"dog', *LABELS[1:])) + "\n" * 140_000,
        "a fault at line .*not closed",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_files_that_do_not_match_are_refused(photos, fault):
    content, words = BAD[fault]
    with pytest.raises(UsageError, match=f"the label file labels.csv: .*{words}"):
        opened(photos, "labels.csv", content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no JSON"),
        ("[1, 2]", "another form"),
        ('{"labels": null}', "another form"),
        ('{"labels": [["00/a.png", [0.5, 1]]]}', "Real numbers are conditions, which have names"),
        ('{"00/a.png": 0.5}', r"0\.5 for '00/a\.png'"),
        ('{"00/a.png": null}', "null for"),
        ('{"a.png": "x", "b.png": "y", "a.png": "z"}', """received "x" and "z" for 'a.png'"""),
        ('{"a.png": {"tall": 1, "tall": 2}}', "one value for each key, received 1 and 2"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_json_of_another_kind_is_refused(photos, content, words):
    with pytest.raises(UsageError, match=words):
        opened(photos, "labels.json", content)


def test_a_file_that_is_not_there_or_no_text_is_refused(photos):
    (photos / "lables.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"no such file.*Did you mean lables\.csv"):
        open_data(photos, DataSettings(labels="labels.csv"))
    with pytest.raises(UsageError, match="no text in UTF-8"):
        open_data(photos, DataSettings(labels="lables.csv"))
    with pytest.raises(UsageError, match="the name of a file"):
        DataSettings(labels="")


@pytest.mark.parametrize("source", ["digits", np.zeros((4, 5, 5))])
def test_label_files_are_for_files(source):
    with pytest.raises(UsageError, match="a label file is for images in files"):
        open_data(source, DataSettings(labels="labels.csv"))


def test_a_file_that_is_not_used_is_told(photos):
    (photos / "dataset.json").write_text("{}")
    data = open_data(photos)
    assert "data.labels=dataset.json would take the labels from that file." in data.notes
    assert not any("would" in note for note in open_data(photos, DataSettings(labels=False)).notes)


def test_a_class_with_one_image_is_kept_and_told(photos):
    data = opened(photos, "labels.csv", rows(NAMES, ("dog", "dog", "dog", "owl")))
    assert (data.spec.classes, data.spec.frequencies) == (("dog", "owl"), (0.75, 0.25))
    assert "Classes with a single sample: 'owl'. They are kept" in data.notes[-1]


def test_the_doctor_reads_label_files(photos):
    (photos / "labels.csv").write_text(rows())
    found = examine(photos, DataSettings(labels="labels.csv"))
    assert found.classes == (("cat", 2), ("dog", 2))
    (photos / "labels.csv").write_text(rows(NAMES[:3], LABELS[:3]))
    faults = examine(photos, DataSettings(labels="labels.csv")).problems
    assert faults[0].severity == "error"
    assert "none for 1 of them, first '01/d.png'." in faults[0].sentence
