"""`gantlet sample`: pictures, a grid or arrays; a sample depends on seed and place alone."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.cli.door import TINY, assert_refused, gantlet


def pictures(folder):
    return sorted(p.name for p in folder.glob("[0-9]*.png"))


def arrays(path):
    with np.load(path) as stored:
        return dict(stored)


def test_samples_are_pictures_and_a_grid(run):
    answer = gantlet("sample", run, "-n", 5)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"5 samples written to {run}/made; all of them in {run}/made/grid.png\n"
    names = pictures(run / "made")
    assert [name[:5] for name in names] == ["0000-", "0001-", "0002-", "0003-", "0004-"]
    with Image.open(run / "made" / names[0]) as picture:
        assert (picture.size, picture.mode) == ((8, 8), "L")
    with Image.open(run / "made" / "grid.png") as picture:
        assert picture.size[0] >= 3 * 8


def test_pictures_of_an_earlier_call_do_not_stay_among_the_new_ones(run):
    gantlet("sample", run, "-n", 6)
    mine = [run / "made" / name for name in ("mine.png", "2024-my-own.png", "00 1.png")]
    for path in mine:
        path.write_bytes(b"kept")
    gantlet("sample", run, "-n", 2, "--seed", 1)
    assert all(path.read_bytes() == b"kept" for path in mine)
    written = set(pictures(run / "made")) - {path.name for path in mine}
    assert len(written) == 2


def test_arrays_hold_samples_and_labels(run):
    assert gantlet("sample", run, "-n", 7, "--out", "deep/made.npz").code == 0
    stored = arrays("deep/made.npz")
    assert stored["x"].shape == (7, 1, 8, 8)
    assert stored["x"].dtype == np.uint8
    assert stored["x"].max() <= 16  # the digits' own range
    assert stored["y"].shape == (7,)


def test_a_zip_holds_pictures_that_can_be_trained_on(run):
    answer = gantlet("sample", run, "-n", 70, "--out", "deep/made.zip")
    assert (answer.code, answer.out) == (0, "70 samples written to deep/made.zip\n")
    answer = gantlet("doctor", "deep/made.zip")
    assert "zip, 70 samples; sizes 8 x 8 (70)" in answer.out


def test_a_png_file_is_the_grid_alone(run):
    assert gantlet("sample", run, "-n", 4, "--out", "all.png").code == 0
    with Image.open("all.png") as picture:
        assert picture.format == "PNG"


def test_the_first_ten_of_a_hundred_are_the_ten_of_the_same_seed(run):
    for n, seed, name in ((10, 3, "ten"), (100, 3, "hundred"), (10, 4, "other")):
        gantlet("sample", run, "-n", n, "--seed", seed, "--out", f"{name}.npz")
    ten, hundred, other = (arrays(f"{name}.npz") for name in ("ten", "hundred", "other"))
    assert np.array_equal(ten["x"], hundred["x"][:10])
    assert np.array_equal(ten["y"], hundred["y"][:10])
    assert not np.array_equal(ten["x"], other["x"])


def test_truncation_bounds_the_latents(run):
    for bound, name in (("0.5", "narrow"), ("50", "wide")):
        gantlet("sample", run, "-n", 5, "--truncation", bound, "--out", f"{name}.npz")
    gantlet("sample", run, "-n", 5, "--out", "free.npz")
    narrow, wide, free = (
        arrays(f"{name}.npz")["x"].astype(int) for name in ("narrow", "wide", "free")
    )
    assert abs(wide - free).max() <= 1
    assert abs(narrow - free).max() > 1


def test_a_label_is_asked_for_by_name(run):
    gantlet("sample", run, "-n", 5, "--label", "7", "--out", "sevens.npz")
    assert arrays("sevens.npz")["y"].tolist() == [7] * 5
    gantlet("sample", run, "-n", 2, "--label", "7")
    assert pictures(run / "made") == ["0000-7.png", "0001-7.png"]


def test_points_are_arrays(workplace):
    tiny = ("network.hidden=[8]", "train.batch=16", "train.tick=64", "train.threads=1")
    assert gantlet("train", "ring", "--samples", 64, *tiny).code == 0
    answer = gantlet("sample", "runs/ring", "-n", 3)
    assert answer.out == "3 samples written to runs/ring/made.npz\n"
    assert arrays("runs/ring/made.npz")["x"].shape == (3, 2)
    assert_refused(gantlet("sample", "runs/ring", "--label", "a"), "without labels", "--label")
    assert_refused(gantlet("sample", "runs/ring", "--out", "folder"), "PNG", "samples.npz")


def test_a_bundle_alone_will_do(run, workplace):
    shutil.copytree(run / "bundle", workplace / "elsewhere")
    shutil.rmtree(run)
    assert gantlet("sample", "elsewhere", "-n", 2, "--out", "made").code == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["-n", "0"], ["number of samples", "at least 1", "0"]),
        (["-n", "-3"], ["at least 1", "-3"]),
        (["--label", "eight"], ["unknown label 'eight'", "0, 1, 2"]),
        (["--out", "made.npy"], ["made.npy", ".npz"]),
        (["--truncation", "0"], ["truncation", "above 0", "0.5 is strong"]),
    ],
)
def test_what_cannot_be_sampled_is_told(run, words, parts):
    assert_refused(gantlet("sample", run, *words), *parts)


def test_a_folder_that_is_no_run_is_told(workplace):
    (workplace / "photos").mkdir()
    for path in ("photos", "nowhere"):
        assert_refused(gantlet("sample", path), f"no bundle in {path}", "gantlet train")


def test_a_run_can_be_sampled_while_it_trains(trained, workplace):
    shutil.copytree(trained, workplace / "half")
    newest = max((workplace / "half" / "checkpoints").iterdir())
    shutil.rmtree(newest)  # the bundle stays that of the last tick
    assert gantlet("sample", "half", "-n", 1).out.startswith("1 sample written to half/made;")
    assert gantlet("train", "--samples", 256, *TINY, "--out", "half").code == 0
