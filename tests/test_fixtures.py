"""Runs and bundles of every format that was ever written load, sample and go on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import gantlet
from gantlet.training.checkpoint import newest
from tests.fixtures.make import SEEN, SETTINGS, made

FORMATS = sorted(Path(__file__).with_name("fixtures").glob("format-*"))


def check_equal(found, path):
    """Equal up to the rounding of another processor or version of torch."""
    with np.load(path) as expected:
        assert np.array_equal(found["y"], expected["y"])
        assert np.abs(found["x"].astype(int) - expected["x"].astype(int)).max() <= 1
        assert found["names"].tolist() == expected["names"].tolist()
        assert np.allclose(found["norms"], expected["norms"], rtol=1e-3)


@pytest.fixture(params=FORMATS, ids=lambda path: path.name)
def fixture(request, tmp_path):
    """A copy of a fixture, to work on."""
    return shutil.copytree(request.param, tmp_path / "fixture")


def test_the_bundle_loads_and_samples_the_recorded_values(fixture):
    assert len(gantlet.load(fixture / "run").sample(3)) == 3
    alone = gantlet.load(fixture / "run" / "bundle").sample(8, seed=3)
    with np.load(fixture / "before.npz") as expected:
        assert np.abs(alone.values.astype(int) - expected["x"].astype(int)).max() <= 1


def test_the_run_goes_on_from_its_checkpoint(fixture):
    checkpoint, refused = newest(fixture / "run" / "checkpoints")
    assert refused == []
    assert checkpoint.values["position"] * SETTINGS["train"]["batch"] == SEEN[0]
    finished = gantlet.train("digits", "r3gan", SETTINGS, samples=SEEN[0], out=fixture / "run")
    check_equal(made(finished), fixture / "before.npz")
    run = gantlet.train("digits", "r3gan", SETTINGS, samples=SEEN[1], out=fixture / "run")
    assert [row["seen"] for row in run.log] == list(SEEN)
    check_equal(made(run), fixture / "after.npz")


def test_the_fixtures_are_small():
    sizes = [p.stat().st_size for folder in FORMATS for p in folder.rglob("*") if p.is_file()]
    assert 0 < sum(sizes) < 150_000 * len(FORMATS)
