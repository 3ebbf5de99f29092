"""A finished tiny run on the digits, and a folder to work in."""

import shutil

import pytest

from tests.cli.door import TINY, gantlet


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Each test works in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run that was trained once; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "digits"
    assert gantlet("train", "--samples", 256, "--out", folder, *TINY).code == 0
    return folder


@pytest.fixture
def run(trained, workplace):
    """A copy of the trained run, in the place where `gantlet train` puts it."""
    return shutil.copytree(trained, workplace / "runs" / "digits").relative_to(workplace)
