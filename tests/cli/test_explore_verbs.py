"""`gantlet interpolate`, `morph`, `directions`, `project`: files beside the run, and refusals."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.door import TINY, assert_refused, gantlet


def size(path):
    with Image.open(path) as picture:
        return picture.size


TILE, GAP = 64 + 2, 2


def test_a_way_and_a_morph_are_strips_beside_the_run(run):
    answer = gantlet("interpolate", run, 0, 5, 2, "--steps", 3, "--label", "7")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"The way of 7 samples is in {run}/way.png\n"
    assert size(run / "way.png") == (7 * TILE + GAP, TILE + GAP)
    answer = gantlet("morph", run, "3", "8", "0", "--steps", 2, "-n", 2)
    assert answer.out == f"2 rows are in {run}/morph.png\n"
    assert size(run / "morph.png") == (5 * TILE + GAP, 2 * TILE + GAP)


def test_directions_are_rows_and_their_strengths_are_told(run):
    answer = gantlet("directions", run, "-k", 2, "--steps", 3)
    assert answer.code == 0
    first, second = map(float, answer.out.splitlines()[0].removeprefix("Strengths: ").split(","))
    assert first >= second > 0
    assert size(run / "directions.png") == (3 * TILE + GAP, 2 * TILE + GAP)


def test_a_projection_tells_its_error_and_keeps_the_vectors(run):
    gantlet("sample", run, "-n", 2, "--label", "3")
    answer = gantlet("project", run, run / "made" / "0001-3.png", "--steps", 3)
    assert answer.code == 0
    told = re.match(r"image 0: error ([\d.]+) \(.* dB\), from ([\d.]+)", answer.out)
    assert float(told[1]) <= float(told[2]) < 0.5  # of 2 at most: pixels are -1 to 1
    assert size(run / "projected.png") == (TILE + GAP, 2 * TILE + GAP)
    gantlet("project", run, run / "made" / "0001-3.png", "--steps", 3, "--out", "found.npz")
    with np.load("found.npz") as stored:
        assert sorted(stored) == ["found", "psnr", "rmse", "x", "y", "z"]
        assert stored["z"].shape[0] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["interpolate", "RUN", "0"], "at least two samples"),
        (["interpolate", "RUN", "--out", "way.avi"], ".mp4"),
        (["interpolate", "RUN", "--truncation", "0"], "a number above 0"),
        (["morph", "RUN", "3"], "at least two labels"),
        (["morph", "RUN", "--truncation", "nan"], "a number above 0"),
        (["directions", "RUN", "-k", "999"], "the length of z"),
        (["directions", "RUN", "--reach", "nan"], "reach of a direction"),
        (["directions", "RUN", "--truncation", "-1"], "a number above 0"),
        (["directions", "RUN", "--method", "sefia"], "sefa"),
        (["project", "RUN", "nowhere.png"], "nowhere.png"),
        (["project", "RUN", "nowhere.png", "--out", "found.gif"], ".png or .npz"),
        (["interpolate", "RUN", "0", "9" * 20], "number of a sample"),
        (["interpolate", "RUN", "--out", "way.jpg"], ".mp4"),
    ],
)
def test_what_cannot_be_is_refused(run, words, told):
    assert_refused(gantlet(*[run if word == "RUN" else word for word in words]), told)


def test_a_damaged_image_is_named(run):
    gantlet("sample", run, "-n", 2)
    whole = next((run / "made").glob("0001*.png")).read_bytes()
    Path("half.png").write_bytes(whole[: len(whole) // 2])
    assert_refused(gantlet("project", run, "half.png"), "half.png", "a whole image")


def test_a_folder_of_one_image_is_projected(run):
    gantlet("sample", run, "-n", 1, "--out", "one")
    Path("one/grid.png").unlink()
    assert gantlet("project", run, "one", "--steps", 1).out.startswith("image 0: error ")


def test_what_is_read_is_neither_replaced_nor_joined(workplace):
    x = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    photos = workplace / "photos"
    photos.mkdir()
    for i, image in enumerate(x):
        Image.fromarray(image).save(photos / f"{i}.png")
    small = [*TINY, "data.held_out=false"]
    assert gantlet("train", photos, "--samples", 128, "--out", "run", *small).code == 0
    before = {path: path.read_bytes() for path in photos.iterdir()}
    Image.fromarray(x[0]).save("own.png")
    own = Path("own.png").read_bytes()
    for words in (
        ["sample", "run", "--out", photos / "cat"],
        ["interpolate", "run", "--out", photos / "0.png"],
        ["morph", "run", "--out", photos / "way.png"],
        ["directions", "run", "--out", photos / "way.gif"],
        ["project", "run", "own.png", "--out", photos / "x.png"],
        ["project", "run", "own.png", "--out", "own.png"],
    ):
        assert_refused(gantlet(*words), "another place than that of what they come from")
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    assert Path("own.png").read_bytes() == own
    for place in (photos / "way.npz", "way.png"):  # which no training would read
        assert gantlet("interpolate", "run", "--steps", 1, "--out", place).code == 0


def test_a_name_of_built_in_data_is_no_folder_and_a_torn_record_tells_of_none(run):
    """`digits` in a record is no path, whatever lies in the folder where one works."""
    for _ in range(2):
        assert gantlet("sample", run, "-n", 1, "--out", "digits").code == 0
    (run / "run.json").write_text("{")
    assert gantlet("interpolate", run, "--steps", 1).code == 0


def test_a_run_beside_its_data_may_be_written_to(workplace):
    """Data in the folder where one works: runs lie within them."""
    x = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    for i, image in enumerate(x):
        Image.fromarray(image).save(f"{i}.png")
    small = [*TINY, "data.held_out=false"]
    assert gantlet("train", ".", "--samples", 128, "--out", "runs/mine", *small).code == 0
    for place in ("runs/way.png", "runs/mine/way.png", "way.mp4.npz"):
        answer = gantlet("interpolate", "runs/mine", "--steps", 1, "--out", place)
        assert answer.code == 0, answer
    assert_refused(gantlet("interpolate", "runs/mine", "--out", "way.png"), "a place within")
