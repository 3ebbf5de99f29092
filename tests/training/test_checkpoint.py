"""Checkpoints are whole or refused by name, and the one before is used."""

import json
import os
import shutil
from contextlib import suppress

import pytest
import torch

from gantlet.errors import RunError, UsageError
from gantlet.training import checkpoint


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        tensors = {"players": {"w": torch.full((2, 3), float(i))}, "empty": {}}
        checkpoint.write(tmp_path, f"{i:012d}", tensors, {"position": i, "x": 0.1})
    return tmp_path


def test_what_was_written_is_read(folder):
    found, refused = checkpoint.newest(folder)
    assert refused == []
    assert found.values == {"position": 2, "x": 0.1}
    assert torch.equal(found.tensors["players"]["w"], torch.full((2, 3), 2.0))
    assert found.tensors["empty"] == {}


@pytest.mark.parametrize("file", ["players.safetensors", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_one_is_refused_by_name_and_the_one_before_is_used(folder, file, damage):
    path = folder / "000000000002" / file
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    found, refused = checkpoint.newest(folder)
    assert found.values["position"] == 1
    assert len(refused) == 1
    assert "000000000002" in refused[0]


def test_no_flipped_bit_of_the_manifest_is_taken(folder):
    path = folder / "000000000002" / "manifest.json"
    content = path.read_bytes()
    taken = []
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1
        path.write_bytes(altered)
        with suppress(UsageError):  # where the format's digit has become a larger one
            found, _ = checkpoint.newest(folder)
            if found.values["position"] != 1 and json.loads(altered) != json.loads(content):
                taken.append(place)
    assert taken == []


def test_one_of_a_newer_format_is_an_error_that_loses_nothing(folder):
    path = folder / "000000000002" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format": checkpoint.FORMAT + 1}))
    with pytest.raises(UsageError, match="newer Gantlet"):
        checkpoint.newest(folder)


def test_pruning_keeps_the_newest_and_the_best(folder):
    checkpoint.prune(folder, 1, "000000000000")
    assert sorted(p.name for p in folder.iterdir()) == ["000000000000", "000000000002"]


def test_a_full_disk_leaves_the_last_checkpoint_intact(folder, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        checkpoint.write(folder, "000000000003", {"players": {"w": torch.ones(1)}}, {})
    found, refused = checkpoint.newest(folder)
    assert found.values["position"] == 2
    assert refused == []
    assert not list(folder.glob(".*"))


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it but the test."""


@pytest.mark.parametrize("step", range(12))
def test_a_write_cut_at_any_step_leaves_a_whole_checkpoint(folder, monkeypatch, step):
    calls = iter(range(1000))

    def counted(function):
        def call(*args, **kwargs):
            if next(calls) == step:
                raise Killed
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(checkpoint.Path, "rename", counted(checkpoint.Path.rename))
    monkeypatch.setattr(checkpoint.Path, "mkdir", counted(checkpoint.Path.mkdir))
    tensors = {"players": {"w": torch.full((2, 3), 3.0)}, "averaged": {"w": torch.ones(1)}}
    try:
        checkpoint.write(folder, "000000000003", tensors, {"position": 3})
        written = True
    except Killed:
        written = False
    monkeypatch.undo()
    found, refused = checkpoint.newest(folder)
    assert refused == []
    assert found.values["position"] == (3 if (folder / "000000000003").exists() else 2)
    assert not written or found.values["position"] == 3
    checkpoint.write(folder, "000000000004", tensors, {"position": 4})
    assert not list(folder.glob(".*"))


def test_names_of_checkpoints_sort_by_position(folder):
    shutil.rmtree(folder / "000000000002")
    checkpoint.write(folder, f"{10**11:012d}", {}, {"position": 10**11})
    assert checkpoint.newest(folder)[0].values["position"] == 10**11
