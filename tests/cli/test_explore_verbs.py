"""`gantlet interpolate`, `morph`, `directions`, `project`: files beside the run, and refusals."""

import numpy as np
import pytest
from PIL import Image

from tests.cli.door import assert_refused, gantlet


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
    assert answer.out.startswith("image 0: error ")
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
    ],
)
def test_what_cannot_be_is_refused(run, words, told):
    assert_refused(gantlet(*[run if word == "RUN" else word for word in words]), told)
