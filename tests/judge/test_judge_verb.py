"""`gantlet judge` through the door, where no page is needed."""

import json
import socket
import sys

import gantlet as package
from gantlet.judge import Answers, panel
from gantlet.judge.judging import Judging
from tests.cli.door import assert_refused, gantlet

N = 8


def answered(run, rater, wrong, **options):
    """All answers of a rater, the first `wrong` of them wrong."""
    judging = Judging(panel(run, N, **options), Answers.of(run))
    judging.begin()
    for i in range(N):
        item, _ = judging.next(rater)
        judging.take(judging.ticket(rater, item), item.generated != (i < wrong))


def test_results_are_printed_for_each_set_apart(run):
    answered(run, "Ada", 4)
    answered(run, "[b]Bob", 0)
    answered(run, "Ada", 2, seconds=0.5)
    answer = gantlet("judge", run, "--results")
    assert answer.code == 0
    free, timed = answer.out.split("0.5 s each")
    assert "no time limit" in free
    assert "25.0 [10.2, 49.5]" in free
    assert "[b]Bob" in free
    assert "25.0 [7.1, 59.1]" in timed
    told = json.loads(gantlet("judge", run, "--results", "--json").out)
    assert told["notes"] == []
    values = [[s["errors"]["value"] for s in one["scores"]] for one in told["results"]]
    assert values == [[0.25, 0.5, 0.0], [0.25, 0.25]]
    assert [one["about"]["seconds"] for one in told["results"]] == [None, 0.5]
    known, notes = package.judge.results(run)
    assert ([one.panel for one in known], notes) == (
        [one["panel"] for one in told["results"]],
        [],
    )


def test_results_are_not_to_be_had_before_answers(run):
    assert_refused(gantlet("judge", run, "--results"), "no answers yet", f"gantlet judge {run}")


def test_a_damaged_file_is_told_before_anything_is_served(run):
    file = run / "judge.sqlite"
    file.write_bytes(b"scribble" * 100)
    for words in (["--results"], ["-n", N, "--port", 0]):
        assert_refused(gantlet("judge", run, *words), "damaged or altered", str(file))
    assert file.read_bytes() == b"scribble" * 100


def test_a_port_that_is_taken_is_told(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = gantlet("judge", run, "-n", N, "--port", port)
    assert_refused(answer, f"127.0.0.1:{port}", "nothing listens at", "--port")


def test_an_address_of_elsewhere_is_told(run):
    answer = gantlet("judge", run, "-n", N, "--host", "192.0.2.1")
    assert_refused(answer, "192.0.2.1", "--host")


def test_a_missing_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    answer = gantlet("judge", run, "-n", N, "--port", 0)
    assert_refused(answer, "extra `serve`", "pip install 'gantlet[serve]'")


def test_what_is_no_run_is_told(tmp_path):
    assert_refused(gantlet("judge", tmp_path), "no bundle in")
