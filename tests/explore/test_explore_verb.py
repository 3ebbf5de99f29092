"""`gantlet explore` through the door, where no page is needed."""

import socket
import sys

import pytest

from gantlet.spec import DataSpec
from tests.cli.door import assert_refused, gantlet
from tests.latents.bundles import bundle, written


@pytest.fixture
def run(tmp_path):
    return written(bundle(), tmp_path / "run")


def test_a_port_that_is_taken_is_told(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = gantlet("explore", run, "--port", port)
    assert_refused(answer, f"127.0.0.1:{port}", "nothing listens at", "--port")


def test_a_missing_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    answer = gantlet("explore", run, "--port", 0)
    assert_refused(answer, "gantlet explore", "extra `serve`", "pip install 'gantlet[serve]'")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--method", "sefia"], "Did you mean sefa"),
        (["-k", 9], "1 to 8, the length of z"),
        (["-k", -1], "1 to 8, the length of z"),
        (["--reach", 0], "reach of a direction: expected a number above 0"),
        (["--host", "192.0.2.1"], "--host"),
    ],
)
def test_what_cannot_be_is_refused(run, words, told):
    assert_refused(gantlet("explore", run, "--port", 0, *words), told)


def test_what_is_no_run_on_images_is_told(tmp_path):
    assert_refused(gantlet("explore", tmp_path), "no bundle in")
    points = DataSpec(kind="points", shape=(2,), dtype="float32", low=-1.0, high=1.0)
    run = written(bundle(spec=points), tmp_path / "points")
    assert_refused(gantlet("explore", run), "a run on images, received one on points")
