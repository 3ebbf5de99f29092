"""A small run whose images are judged."""

import pytest

import gantlet

TINY = {
    "network": {"hidden": [8], "latent": 4},
    "train.batch": 16,
    "train.tick": 32,
    "train.threads": 1,
    "train.precision": "float32",
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a run on the digits."""
    path = tmp_path_factory.mktemp("judge") / "run"
    gantlet.train("digits", "mlp", TINY, samples=32, out=path, verbose=False)
    return path


@pytest.fixture
def run(trained):
    """The same run without answers."""
    for file in trained.glob("judge.sqlite*"):
        file.unlink()
    return trained
