"""`gantlet train`: begins, resumes by the same command, extends, starts afresh, never collides."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from gantlet.config import read_yaml
from tests.cli.door import TINY, assert_refused, command, gantlet, in_a_terminal


def rows(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_without_data_it_trains_on_the_digits(workplace):
    answer = gantlet("train", "--samples", 256, *TINY)
    assert answer.code == 0
    assert answer.err == ""
    assert "Recipe r3gan" in answer.out
    assert "180 of 1,797 samples are set aside" in answer.out
    assert "Run folder: runs/digits. Ctrl-C saves and stops." in answer.out
    assert "gantlet sample runs/digits" in answer.out
    assert "\x1b" not in answer.out  # no terminal: plain lines
    assert re.search(r"^ +128 samples +[\d,]+/s  D [+-]\d.*coverage \d", answer.out, re.MULTILINE)
    run = workplace / "runs" / "digits"
    assert [row["seen"] for row in rows(run)] == [128, 256]
    assert sorted(p.name for p in (run / "samples").iterdir()) == [
        "000000000128.png",
        "000000000256.png",
    ]
    assert (run / "bundle" / "README.md").exists()
    assert (run / "curves.png").exists()
    assert read_yaml(run / "config.yaml").train.batch == 16
    assert len(json.loads((run / "split.json").read_text())["held_out"]) == 180
    assert json.loads((run / "run.json").read_text())["format"] == 1


def test_a_terminal_shows_a_live_line(workplace):
    words = command("train", "--samples", 1024, *TINY, "train.tick=1024")
    text = in_a_terminal(words)
    assert re.search(r"of 1,024 samples  [\d,]+/s  \d+ s left", text), text


def test_the_same_command_says_that_the_run_is_finished(run):
    before = (run / "log.jsonl").read_text()
    answer = gantlet("train", "--samples", 256, *TINY)
    assert answer.code == 0
    assert "This run was finished at 256 samples" in answer.out
    assert "To extend it: the same command with --samples 512." in answer.out
    assert "To start afresh: with --fresh." in answer.out
    assert (run / "log.jsonl").read_text() == before


def test_more_samples_extend_the_run(run):
    answer = gantlet("train", "--samples", 384, *TINY)
    assert answer.code == 0
    assert "Going on from 256 to 384 samples" in answer.out
    assert [row["seen"] for row in rows(run)] == [128, 256, 384]


def test_minutes_end_a_run_and_extend_it(run):
    answer = gantlet("train", "--minutes", 0.001, *TINY)
    assert answer.code == 0
    assert "This run was finished at 256 samples" in answer.out
    assert "the same command with --minutes 0.002" in answer.out


def test_fresh_puts_the_old_run_aside(run):
    (run / "mine.txt").write_text("kept")
    answer = gantlet("train", "--samples", 128, "--fresh", *TINY)
    assert answer.code == 0
    assert "The run that was in runs/digits is kept in runs/digits.old-1." in answer.out
    assert [row["seen"] for row in rows(run)] == [128]
    old = run.with_name("digits.old-1")
    assert (old / "mine.txt").read_text() == "kept"
    assert [row["seen"] for row in rows(old)] == [128, 256]


def test_another_run_goes_to_a_folder_of_its_own(run):
    answer = gantlet("train", "--samples", 128, *TINY, "train.seed=1")
    assert "this run goes to runs/digits-2" in answer.out
    again = gantlet("train", "--samples", 128, *TINY, "train.seed=1")
    assert "This run was finished at 128 samples" in again.out
    assert [row["seen"] for row in rows(run)] == [128, 256]


def test_another_recipe_is_part_of_the_name(run):
    words = ("train", "--samples", 128, "--recipe", "mlp", "train.batch=32", "train.tick=128")
    answer = gantlet(*words, "network.hidden=[8]")
    assert answer.code == 0
    assert "Run folder: runs/digits-mlp." in answer.out


def test_other_data_of_the_same_name_go_to_a_folder_of_their_own(workplace):
    points = np.random.default_rng(0).standard_normal((2, 300, 2)).astype(np.float32)
    tiny = ("network.hidden=[8]", "train.batch=16", "train.tick=64", "train.threads=1")
    for place, values in zip(("a", "b"), points, strict=True):
        (workplace / place).mkdir()
        np.save(workplace / place / "points.npy", values)
        assert gantlet("train", f"{place}/points.npy", "--samples", 64, *tiny).code == 0
    assert {p.name for p in (workplace / "runs").iterdir()} == {"points", "points-2"}
    shutil.rmtree(workplace / "runs" / "points-2")
    answer = gantlet("train", "b/points.npy", "--samples", 64, *tiny, "--out", "runs/points")
    assert_refused(answer, "data: other samples or labels", "--fresh")


def test_a_path_with_an_equals_sign_is_data(workplace):
    np.save(workplace / "k=3.npy", np.zeros((40, 2), np.float32) + np.eye(40, 2))
    answer = gantlet("train", "k=3.npy", "--samples", 32, "train.batch=16", "network.hidden=[8]")
    assert answer.code == 0
    assert "Recipe points" in answer.out


def test_a_named_folder_of_another_configuration_is_refused_with_the_difference(run):
    kept = (run / "run.json").read_text()
    answer = gantlet("train", "--out", run, *TINY, "train.seed=7", "optimisers.generator.lr=1e-3")
    assert_refused(
        answer, "train.seed: 0 -> 7", "optimisers.generator.lr: 0.0005 -> 0.001", "--fresh"
    )
    assert (run / "run.json").read_text() == kept


@pytest.mark.parametrize("fresh", [[], ["--fresh"]])
def test_a_folder_with_other_files_is_left_alone(workplace, fresh):
    (workplace / "photos").mkdir()
    (workplace / "photos" / "config.yaml").write_text("mine")
    answer = gantlet("train", "--samples", 128, *TINY, "--out", "photos", *fresh)
    assert_refused(answer, "photos", "config.yaml", "--out")
    assert [p.name for p in workplace.rglob("*")] == ["photos", "config.yaml"]


def test_pictures_of_ones_own_in_a_folder_named_samples_stay(workplace):
    pictures = workplace / "project" / "samples"
    pictures.mkdir(parents=True)
    for i in range(6):
        Image.fromarray(np.full((8, 8), 40 * i, np.uint8)).save(pictures / f"{i:05}.png")
    before = sorted(p.name for p in pictures.iterdir())
    answer = gantlet("train", pictures, "--samples", 64, *TINY, "--out", "project")
    assert_refused(answer, "project", "samples", "--out")
    assert sorted(p.name for p in pictures.iterdir()) == before


def test_a_run_that_is_in_use_is_neither_joined_nor_put_aside(run):
    import fcntl

    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for fresh in ([], ["--fresh"]):
            answer = gantlet("train", "--samples", 512, *TINY, *fresh)
            assert_refused(answer, "in use by another process")
    assert run.exists()
