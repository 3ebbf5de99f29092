"""A bundle is whole at every instant: its writer may be killed anywhere, and read meanwhile."""

import os
from pathlib import Path

import pytest
import torch

from gantlet import bundle
from gantlet.bundle import read_bundle, write_bundle
from gantlet.config import to_mapping
from gantlet.data import open_data
from gantlet.errors import UsageError
from gantlet.recipes import tiny
from gantlet.training.trainer import built

STEPS = (
    *((os, "open"), (os, "fsync"), (Path, "open"), (Path, "mkdir")),
    *((Path, "replace"), (Path, "unlink"), (Path, "glob")),
)
"""Every call by which the writer touches the disk."""


@pytest.fixture(scope="module")
def spec():
    return open_data("digits").spec


def write(folder, spec, number):
    """A bundle all of whose weights are `number`, as is `seen` in its description."""
    config = tiny("mlp", spec)
    players = torch.nn.ModuleDict({"generator": built(config, spec).players["generator"]})
    for weight in players.parameters():
        weight.data.fill_(number)
    about = {"data": "digits", "count": 9, "own_game": False, "seen": number, "verdict": "healthy"}
    write_bundle(folder, players, spec, to_mapping(config), about)


def read(folder):
    """The number in the description, which must be that of all weights."""
    found = read_bundle(folder)
    seen = found.about["seen"]
    assert all(bool((weight == seen).all()) for weight in found.players.parameters())
    return seen


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it but the test."""


def before(monkeypatch, act):
    """Have `act(number)` called before each numbered step of a writer."""
    count = iter(range(10_000))

    def watched(function):
        def call(*args, **kwargs):
            act(next(count))
            return function(*args, **kwargs)

        return call

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    return count


def steps(folder, spec, monkeypatch):
    """How many steps a write has."""
    with monkeypatch.context() as patch:
        count = before(patch, lambda _: None)
        write(folder, spec, 1)
    return next(count)


def killed(folder, spec, number, step, monkeypatch):
    """Write a bundle and die before a step."""

    def act(at):
        if at == step:
            raise Killed

    with monkeypatch.context() as patch:
        before(patch, act)
        write(folder, spec, number)


def test_a_writer_killed_at_any_step_leaves_the_old_bundle_or_the_new_one(
    spec, tmp_path, monkeypatch
):
    total = steps(tmp_path / "counted", spec, monkeypatch)
    assert total > 15
    found = []
    for step in range(total):
        folder = tmp_path / str(step)
        write(folder, spec, 1)
        with pytest.raises(Killed):
            killed(folder, spec, 2, step, monkeypatch)
        found.append(read(folder))
        with pytest.raises(Killed):  # the next writer is killed as well
            killed(folder, spec, 3, step, monkeypatch)
        assert read(folder) in (found[-1], 3)
        write(folder, spec, 4)
        assert read(folder) == 4
        assert {path.name for path in folder.iterdir()} == {
            "README.md",
            "bundle.json",
            "weights.safetensors",
        }
    assert found == sorted(found)  # old up to an instant, new from then on
    assert set(found) == {1, 2}


def test_a_reader_beside_a_writer_reads_the_old_bundle_or_the_new_one(spec, tmp_path, monkeypatch):
    write(tmp_path, spec, 1)
    found = []

    def look(_):
        with monkeypatch.context() as plain:
            for (owner, name), call in ORIGINALS.items():
                plain.setattr(owner, name, call)
            found.append(read(tmp_path))

    with monkeypatch.context() as patch:
        before(patch, look)
        write(tmp_path, spec, 2)
    assert found == sorted(found)
    assert set(found) == {1, 2}


ORIGINALS = {(owner, name): getattr(owner, name) for owner, name in STEPS}


@pytest.mark.parametrize("between", ["the description and the weights", "both names of weights"])
def test_a_write_within_a_read_is_noticed(between, spec, tmp_path, monkeypatch):
    write(tmp_path, spec, 1)
    content, calls = bundle._content, iter(range(100))
    moment = 0 if between.startswith("the") else 1

    def written_before(path, digest):
        if next(calls) == moment:
            monkeypatch.setattr(bundle, "_content", content)
            write(tmp_path, spec, 2)
        return content(path, digest if moment == 0 else "another one")

    monkeypatch.setattr(bundle, "_content", written_before)
    assert read(tmp_path) == 2


def test_weights_of_no_description_are_altered(spec, tmp_path):
    write(tmp_path, spec, 1)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UsageError, match=r"weights\.safetensors is missing or altered"):
        read(tmp_path)
