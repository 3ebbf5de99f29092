"""The examination names every fault and goes on."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.doctor import examine
from gantlet.errors import UsageError


def write(path, seed=0, shape=(6, 5, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    Image.fromarray(array).save(path)


@pytest.fixture
def sick(tmp_path):
    for i in range(11):
        write(tmp_path / "cat" / f"{i:02}.png", seed=i)
    write(tmp_path / "cat" / "copy.png", seed=3)
    write(tmp_path / "dog" / "a.png", seed=99, shape=(7, 7))
    Image.new("RGB", (5, 6), "green").save(tmp_path / "cat" / "flat.png")
    for i in range(7):
        (tmp_path / "cat" / f"bad{i}.png").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def sentences(examination, severity):
    return [problem.sentence for problem in examination.problems if problem.severity == severity]


def test_a_sick_folder(sick):
    found = examine(sick)
    assert (found.kind, found.count) == ("folder", 14)
    assert found.sizes == (((6, 5), 13), ((7, 7), 1))
    assert (found.channels, found.bits) == ((1, 3), (8,))
    assert found.classes == (("cat", 13), ("dog", 1))
    assert sentences(found, "error") == [
        f"cat/bad{i}.png cannot be read: no image by its content." for i in range(7)
    ]
    assert sentences(found, "warning") == [
        "Only 14 samples: too few to set any aside for evaluation.",
        "Exact copies of other samples: 1 (samples that have copies: 1).",
        "Nearly constant images: 1 of 14.",
        "Classes are out of balance; rare beside 13: dog (1).",
    ]
    assert len(sentences(found, "note")) == 1
    assert found.notes == (
        "Ignored 1 file without images (.txt 1).",
        "Grey images converted to RGB: 1 of 14.",
    )
    assert "14 are fewer than 200" in found.held_out
    assert all(problem.remedy for problem in found.problems)


def test_a_zip_is_examined_as_its_folder(sick, tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "sick.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(sick.rglob("*.*")):
            packed.write(file, file.relative_to(sick))
    folder, zipped = examine(sick), examine(path)
    assert (zipped.kind, zipped.problems) == ("zip", folder.problems)
    assert (zipped.sizes, zipped.classes) == (folder.sizes, folder.classes)


def test_images_beside_class_folders_are_a_problem_not_an_end(sick):
    write(sick / "loose.png")
    found = examine(sick)
    assert found.classes == ()
    assert "beside them" in sentences(found, "error")[0]
    assert not [
        s for s in sentences(examine(sick, DataSettings(labels=False)), "error") if "beside" in s
    ]


def test_digits_are_healthy():
    found = examine("digits")
    assert (found.kind, found.count, found.problems) == ("built-in", 1797, ())
    assert (found.sizes, found.bits, found.channels) == ((((8, 8), 1797),), (8,), (1,))
    assert sum(count for _, count in found.classes) == 1797
    assert found.held_out.startswith("180 of 1,797")


def test_arrays_are_examined():
    x = np.random.default_rng(0).integers(0, 256, (400, 300, 2)).astype(np.uint8)
    x[5] = x[6] = 7
    found = examine(x)
    assert (found.kind, found.count) == ("array", 400)
    assert sentences(found, "warning") == [
        "Images of 2x300 train slowly.",
        "Only 400 samples.",
        "Exact copies of other samples: 1 (samples that have copies: 1).",
        "Nearly constant images: 2 of 400.",
    ]
    points = examine(np.random.default_rng(0).normal(size=(2000, 3)))
    assert (points.sizes, points.channels, points.problems) == ((((3,), 2000),), (), ())


@pytest.mark.parametrize(("copies", "is_watched"), [(4, True), (5, False)])
def test_so_many_copies_that_copying_is_not_watched_are_told_as_training_tells_it(
    copies, is_watched
):
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    x[:copies] = x[copies]
    (told,) = [s for s in sentences(examine(x), "warning") if "copies" in s]
    assert told.startswith(
        f"Exact copies of other samples: {copies} (samples that have copies: 1)"
    )
    assert ("training does not watch copying" in told) != is_watched
    assert open_data(x).recurs != is_watched


def test_copies_in_a_table_do_not_decide_whether_copying_is_watched():
    pandas = pytest.importorskip("pandas")
    found = examine(pandas.DataFrame({"a": [1.5, 2.5] * 100, "b": ["x", "y"] * 100}))
    (told,) = [s for s in sentences(found, "warning") if "copies" in s]
    assert "watch" not in told


def test_nothing_readable_is_told(tmp_path):
    (tmp_path / "a.png").write_text("x")
    found = examine(tmp_path)
    assert (found.count, len(sentences(found, "error"))) == (0, 2)


def test_a_source_that_cannot_be_read_at_all_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="there is no"):
        examine(tmp_path / "none")
    with pytest.raises(UsageError, match="expected image files"):
        examine(tmp_path)


def test_images_of_one_pixel_are_too_small_not_constant(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (1500, 1, 1, 3)).astype(np.uint8)
    for i in range(3):
        write(tmp_path / f"{i}.png", seed=i, shape=(1, 1, 3))
    for source in (x, tmp_path):
        found = sentences(examine(source), "warning")
        assert "Images of 1x1 are too small to be images" in found[0]
        assert not any("Nearly constant" in sentence for sentence in found)


def test_what_will_be_done_to_images_is_told(tmp_path):
    """By the very sentences of reading, but for sizes, which are a problem that has a remedy."""
    for i in range(6):
        array = np.random.default_rng(i).integers(0, 256, (6, 5 + i % 2, 3), np.uint8)
        frames = [Image.fromarray(array), Image.fromarray(255 - array)]
        frames[0].save(tmp_path / f"{i}.gif", save_all=True, append_images=frames[1:])
    notes = open_data(tmp_path).notes
    assert any("first was taken: 6." in note for note in notes)
    assert examine(tmp_path).notes == tuple(n for n in notes if "common size" not in n)
    assert len(notes) == len(examine(tmp_path).notes) + 1


def test_a_fault_of_labels_says_what_was_expected(tmp_path):
    for i in range(4):
        write(tmp_path / f"{i}.png", seed=i)
    (tmp_path / "labels.csv").write_text("file,label\n0.png,a\n1.png,b\n0.png,b\n")
    first = examine(tmp_path, DataSettings(labels="labels.csv")).problems[0]
    assert "expected one label for each image, received 'a' and 'b' for '0.png'" in first.sentence
    assert first.remedy.startswith("Keep one of the two")
