"""A finished tiny run on the digits; not to be changed."""

import pytest

import gantlet

TINY = {"network.width": 8, "train.batch": 32, "train.tick": 96, "train.threads": 1}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported") / "digits"
    gantlet.train("digits", "dcgan", TINY, samples=384, out=folder)
    return folder
