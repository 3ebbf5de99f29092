"""Sweeps of a second: few points, tiny networks, no pictures."""

import json
import shutil

import numpy as np
import pytest

from tests.cli.door import gantlet as command
from tests.training.small import undrawn

POINTS = "points.npy"
TINY = (
    "network.hidden=[16,16]",
    "network.latent=2",
    "train.batch=32",
    "train.tick=64",
    "train.threads=1",
    "train.precision=float32",
    "validation.samples=100",
)
RATES = "optimisers.generator.lr=1e-5,1e-3,1e-2"
SWEEP = ("sweep", POINTS, RATES, *TINY, "--samples", 384)
"""Three trials to 128 samples, one of them to 384."""


def _points() -> np.ndarray:
    """600 points on a circle."""
    angles = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a sweep that was never stopped, with its table; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        undrawn(patch)
        patch.chdir(folder)
        np.save(POINTS, _points())
        answer = command(*SWEEP, "--json")
    assert answer.code == 0, answer
    (folder / "table.json").write_text(answer.out)
    (folder / "told.txt").write_text(answer.err)
    return folder


@pytest.fixture
def whole(finished) -> dict:
    """The table of the sweep that was never stopped."""
    return json.loads((finished / "table.json").read_text())


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Each test works in a folder that holds the points and nothing else."""
    monkeypatch.chdir(tmp_path)
    undrawn(monkeypatch)
    np.save(POINTS, _points())
    return tmp_path


@pytest.fixture
def swept(finished, workplace):
    """A copy of the finished sweep, where `gantlet sweep` puts it."""
    return shutil.copytree(finished / "runs", workplace / "runs") / "points-sweep"
