"""`gantlet evaluate` through the door: the table, the JSON, the report, and what it refuses."""

import json
import re
from html import unescape
from importlib import import_module

import pytest

from tests.cli.door import TINY, gantlet

# The package has a function of that name, which hides the module.
MODULE = import_module("gantlet.metrics.extractors.embedded")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    assert gantlet("train", "digits", "--samples", 128, "--out", folder, *TINY).code == 0
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small networks of a few steps in place of the default's."""
    tiny = MODULE.Training.tiny()
    monkeypatch.setattr(MODULE, "Training", lambda: tiny)


def test_a_table_with_floors_and_a_report_is_written(run):
    answer = gantlet("evaluate", run, "-n", 200)
    assert answer.code == 0, answer.err
    for words in ("Does it look real?", "Is it copying?", "Is it useful?", "Fréchet distance"):
        assert words in answer.out
    assert re.search(r"Recall +\d.*\[.*\] +\d.*\[.*\] +90 +90", answer.out)
    page = (run / "report.html").read_text()
    kept = json.loads((run / "evidence.json").read_text())
    assert kept["verdict"] in unescape(page)
    assert len(kept["numbers"]) >= 20
    assert len(kept["classes"]) == 10


def test_json_is_json_and_says_the_same_again(run):
    first, second = (gantlet("evaluate", run, "-n", 200, "--json") for _ in range(2))
    one, other = (json.loads(answer.out) for answer in (first, second))
    for found in (one, other):
        found["about"].pop("seconds")
    assert one == other


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "no bundle"),
        (["RUN", "--data", "missing"], "missing"),
        (["RUN", "--extractor", "embeded"], "embedded"),
        (["RUN", "-n", "5"], "at least 40"),
        (["RUN", "--extractor", "inception"], "fidelity"),
    ],
)
def test_what_cannot_be_used_is_one_error(run, words, told):
    answer = gantlet("evaluate", *[str(run) if word == "RUN" else word for word in words])
    assert answer.code == 2
    assert told in answer.err
    assert "Traceback" not in answer.err
