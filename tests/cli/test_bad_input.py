"""Bad input through the front door: one line with the remedy, no traceback, nothing lost."""

import errno
import json
import os
import resource
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantlet.bundle import read_bundle, write_bundle
from gantlet.config import to_mapping
from gantlet.training import checkpoint
from tests.cli.door import TINY, assert_refused, command, gantlet

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 32, 32), dtype=np.uint8)


def images(folder, side=8, suffix="png", count=4):
    folder.mkdir()
    for i in range(count):
        Image.fromarray(PIXELS[i, :side, :side]).save(folder / f"{i}.{suffix}")
    return folder


def test_memory_that_runs_out_is_told_with_what_to_make_smaller(workplace):
    answer = gantlet("train", "digits", "--samples", 64, *TINY, "network.width=1000000")
    assert answer.code in (1, 2)
    assert "train.batch" in answer.err
    assert "Traceback" not in answer.err


def missing(path):
    (path.parent / "fotos").mkdir()


def text(path):
    (images(path) / "0.png").write_text("this is no picture")


def truncated(path):
    picture = images(path, side=32, suffix="jpg") / "0.jpg"
    picture.write_bytes(picture.read_bytes()[:-200])


def escaping(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../0.png", b"")


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", bytes(50_000_000))


def wrong_magic(path):
    path.write_bytes(b"\0\0\7\3" + bytes(64))


def wrong_length(path):
    path.write_bytes(struct.pack(">4I", 0x803, 10, 8, 8) + bytes(64))


def nan(path):
    values = PIXELS.astype(np.float32)
    values[3, 0, 0] = np.nan
    np.save(path, values)


def objects(path):
    np.save(path, np.array([{}, []], dtype=object), allow_pickle=True)


BAD_DATA = {
    "photos": (missing, ["there is no 'photos'", "Did you mean fotos?"]),
    "empty": (Path.mkdir, ["empty", "image files", "received nothing"]),
    "texts": (text, ["0.png (no image by its content)", "gantlet doctor texts"]),
    "torn": (truncated, ["0.jpg (damaged", "Remove or replace"]),
    "slip.zip": (escaping, ["'../0.png'", "plain archive"]),
    "bomb.zip": (bomb, ["bomb.zip", "0.png"]),
    "a-idx3-ubyte": (wrong_magic, ["idx magic number", "00 00 07 03"]),
    "b-idx3-ubyte": (wrong_length, ["656 bytes", "received 80"]),
    "nan.npy": (nan, ["finite numbers", "sample 3"]),
    "objects.npy": (objects, ["Python objects, which are never unpickled"]),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_are_refused_and_leave_nothing_behind(name, workplace):
    make, parts = BAD_DATA[name]
    make(workplace / name)
    before = sorted(workplace.rglob("*"))
    assert_refused(gantlet("train", name, "--samples", 32), *parts)
    assert sorted(workplace.rglob("*")) == before


def test_images_of_one_pixel_train_a_perceptron(workplace):
    images(workplace / "dots", side=1, count=20)
    answer = gantlet("train", "dots", "--samples", 32, "train.batch=16", "network.hidden=[8]")
    assert answer.code == 0
    assert "Recipe mlp" in answer.out
    assert_refused(gantlet("train", "dots", "--recipe", "dcgan"), "a width of 1", "recipe mlp")


def test_images_of_mixed_sizes_are_brought_to_one(workplace):
    images(workplace / "mixed", side=8, count=3)
    Image.fromarray(PIXELS[9, :20, :12]).save(workplace / "mixed" / "9.png")
    answer = gantlet("train", "mixed", "--samples", 16, *TINY)
    assert answer.code == 0
    assert "8x8" in answer.out


def newest(run):
    return max((run / "checkpoints").glob("[0-9]*"))


def test_an_altered_checkpoint_is_named_and_the_one_before_is_used(run):
    damaged = newest(run) / "players.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    answer = gantlet("train", "--samples", 256, *TINY)
    assert answer.code == 0
    assert str(damaged) in answer.out
    assert "The one before it is used." in answer.out
    assert "Going on from 128 to 256 samples" in answer.out
    assert (run / "checkpoints" / "damaged-000000000256").exists()
    assert checkpoint.read(newest(run)).values["position"] == 16


def test_a_run_without_a_whole_checkpoint_is_not_begun_anew(run):
    for folder in (run / "checkpoints").iterdir():
        (folder / "averaged.safetensors").unlink()
    before = sorted(run.rglob("*"))
    assert_refused(
        gantlet("train", "--samples", 256, *TINY), "no checkpoint", "averaged", "--fresh"
    )
    assert sorted(run.rglob("*")) == before


def test_a_run_that_lost_its_checkpoints_is_not_begun_anew(run):
    shutil.rmtree(run / "checkpoints")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    refused = gantlet("train", "--samples", 256, *TINY)
    assert_refused(refused, "a checkpoint to go on from", "--fresh")
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before


def test_a_folder_below_a_file_and_names_too_long_are_told(workplace):
    (workplace / "file").write_text("mine")
    assert_refused(
        gantlet("train", "--samples", 16, "--out", "file/sub", *TINY), "file/sub", "--out"
    )
    assert_refused(
        gantlet("train", "--samples", 16, "--out", "x" * 300, *TINY), "too long", code=1
    )


def test_a_record_without_its_machine_is_named(run):
    alter(run / "run.json", machine={})
    assert_refused(gantlet("train", "--samples", 512, *TINY), "run.json", "--fresh")


def test_a_log_of_other_bytes_is_read_as_far_as_it_is_whole(run):
    with (run / "log.jsonl").open("ab") as file:
        file.write(b"\xff\xfe torn")
    assert gantlet("train", "--samples", 384, *TINY).code == 0


def alter(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_newer_formats_are_refused_by_name(run):
    alter(newest(run) / "manifest.json", format=2)
    assert_refused(
        gantlet("train", "--samples", 512, *TINY), "000000000256", "format 2", "newer Gantlet"
    )
    alter(run / "run.json", format=2)
    assert_refused(
        gantlet("train", "--samples", 512, *TINY), "runs/digits", "format 2", "newer Gantlet"
    )
    alter(run / "bundle" / "bundle.json", format=2)
    assert_refused(gantlet("sample", run), "bundle", "format 2", "newer Gantlet")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": "1"}',
        '{"format": "1", "identity": {}, "machine": {}}',
    ],
)
def test_a_torn_record_is_named_and_can_be_put_aside(run, content):
    (run / "run.json").write_text(content)
    assert_refused(gantlet("train", "--samples", 256, *TINY), "run.json", "--fresh")
    assert gantlet("train", "--samples", 16, "--fresh", *TINY).code == 0
    assert run.with_name("digits.old-1").exists()


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"spec": {}}, ["bundle.json", "altered"]),
        ({"about": []}, ["bundle.json", "altered"]),
        ({"format": None}, ["bundle.json", "altered"]),
    ],
)
def test_an_altered_bundle_is_named(run, values, parts):
    alter(run / "bundle" / "bundle.json", **values)
    assert_refused(gantlet("sample", run), *parts)
    assert gantlet("train", "--samples", 256, *TINY).code == 0  # which writes it anew
    assert gantlet("sample", run, "-n", 1).code == 0


def test_altered_weights_of_a_bundle_are_named(run):
    weights = run / "bundle" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert_refused(gantlet("sample", run), "weights.safetensors", "altered")
    assert gantlet("train", "--samples", 256, *TINY).code == 0  # which writes it anew
    assert gantlet("sample", run, "-n", 1).code == 0


def test_weights_of_other_networks_are_refused(run):
    trained = read_bundle(run)
    config = to_mapping(trained.config)
    config = {**config, "network": {**config["network"], "width": 16}}
    write_bundle(run / "bundle", trained.players, trained.spec, config, trained.about)
    assert_refused(gantlet("sample", run), "do not fit", "size mismatch")


def whole_checkpoints(run):
    return [checkpoint.read(p).path.name for p in sorted((run / "checkpoints").iterdir())]


def test_a_full_disk_ends_the_run_with_1_and_the_last_checkpoint_intact(run, monkeypatch):
    fsync, calls = os.fsync, iter(range(10_000))

    def full(descriptor):
        if next(calls) > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = gantlet("train", "--samples", 1024, *TINY)
    assert_refused(answer, "No space left on device", "Free space", "same command", code=1)
    assert len(whole_checkpoints(run)) >= 2
    answer = gantlet("train", "--samples", 512, *TINY)
    assert answer.code == 0
    assert "Finished at 512 samples" in answer.out


def test_files_that_may_not_grow_end_the_run_with_1(run):
    limit = 4_000  # bytes: less than a checkpoint's tensors
    done = subprocess.run(
        command("train", "--samples", 1024, *TINY),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert whole_checkpoints(run) == ["000000000128", "000000000256"]


def test_a_read_only_folder_is_told_before_training(workplace, monkeypatch):
    def closed(self, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "touch", closed)
    answer = gantlet("train", "--samples", 32, *TINY, "--out", "closed")
    assert_refused(answer, "run folder closed", "Read-only file system", "--out")


def test_samples_that_cannot_be_written_end_with_1(run, monkeypatch):
    def closed(self, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", closed)
    assert_refused(gantlet("sample", run, "-n", 1), "Permission denied", "--out", code=1)


def test_first_weights_of_another_shape_are_refused_with_both_shapes(run, workplace):
    answer = gantlet("train", "digits", "--size", "12x12", "--from", run, *TINY, "--out", "other")
    shapes = ("1 x 12 x 12", "1 x 8 x 8", "--size 8x8", "without --from")
    assert_refused(answer, f"begin with run {run}", *shapes)
    assert not (workplace / "other").exists()
    answer = gantlet("train", "digits", "--from", "runs/none", *TINY)
    assert_refused(answer, "no bundle in runs/none", "folder of a run or of a bundle")
    assert [path.name for path in (workplace / "runs").iterdir()] == ["digits"]
