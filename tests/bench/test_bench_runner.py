"""`gantlet bench` through the door: tiny runs, kept results, what goes on and what is refused."""

import json
import os
import signal
from dataclasses import replace
from functools import partial

import pytest

from gantlet.bench import PROBLEMS
from gantlet.bench.runner import Result, finished
from gantlet.console import Briefly
from gantlet.data.builtin import MIXTURES, ring
from tests.cli.door import as_at_a_terminal, assert_refused, gantlet
from tests.training.small import undrawn

TINY = (
    "train.batch=32",
    "network.hidden=[8,8]",
    "network.latent=2",
    "train.tick=128",
    "train.threads=1",
    "train.precision=float32",
)
RING = ("bench", "ring", "--samples", 128, *TINY)
TICKING = (*RING, "train.tick=64")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Each test works in an empty folder, on few points, with two rows and a quick floor.

    Pictures, which take most of the time of so short runs, are not drawn.
    """
    monkeypatch.chdir(tmp_path)
    undrawn(monkeypatch)
    monkeypatch.setitem(MIXTURES, "ring", lambda: ring()._replace(points=1000))
    known = PROBLEMS["ring"]
    two = {name: known.contenders[name] for name in ("points", "plain")}
    quick = replace(known, contenders=two, perfect=partial(known.perfect, draws=10))
    monkeypatch.setitem(PROBLEMS, "ring", quick)
    return tmp_path


def results(folder) -> list[Result]:
    return finished(folder / "runs/bench/ring/results.jsonl")


def contents(answer) -> dict:
    assert answer.code == 0, answer
    return json.loads(answer.out)


def scores(made) -> list:
    """Every row's seeds without the time that they took."""
    return [[{**seed, "seconds": 0} for seed in row["seeds"]] for row in made["rows"]]


def test_without_a_name_the_problems_are_listed():
    answer = gantlet("bench")
    assert answer.code == 0
    for name, problem in PROBLEMS.items():
        assert f"{name} " in answer.out
        assert problem.line in answer.out
        assert problem.source in answer.out


def test_rows_are_played_once_for_each_seed_and_kept(workplace):
    first = gantlet(*RING, "--seeds", 2)
    assert first.code == 0, first
    rows = set(PROBLEMS["ring"].rows)
    assert {(r.row, r.seed) for r in results(workplace)} == {(r, s) for r in rows for s in (0, 1)}
    assert first.err.count("begins") == 2 * len(rows)
    again = gantlet(*RING, "--seeds", 2)
    assert "begins" not in again.err
    assert again.out == first.out
    more = contents(gantlet(*RING, "--seeds", 3, "--json"))
    assert len(results(workplace)) == 3 * len(rows)
    assert [len(row["seeds"]) for row in more["rows"]] == [3] * len(rows)
    assert {row["seeds"][0]["samples"] for row in more["rows"]} == {128.0}


def test_the_table_shows_own_rows_floors_and_rows_as_printed():
    answer = gantlet(*RING, "--seeds", 1)
    lines = {line.split("  ")[0]: line for line in answer.out.splitlines() if line}
    for name in (*PROBLEMS["ring"].rows, "perfect sampler"):
        assert name in lines
    assert "7.9±0.1" in lines["PacGAN2"]
    assert "as printed: PacGAN" in lines["PacGAN2"]
    assert "99." in lines["perfect sampler"] or "98." in lines["perfect sampler"]


def test_other_samples_and_settings_are_other_results(workplace):
    few = contents(gantlet(*RING, "--seeds", 1, "--json"))
    gantlet("bench", "ring", "--samples", 64, *TINY, "--seeds", 1)
    gantlet(*RING, "optimisers.generator.lr=1e-2", "--seeds", 1)
    rows = len(PROBLEMS["ring"].rows)
    assert len(results(workplace)) == 3 * rows
    assert len({r.identity for r in results(workplace)}) == 3 * rows
    assert contents(gantlet(*RING, "--seeds", 1, "--json")) == few


def test_a_torn_line_is_played_again_from_the_run_that_is_there(workplace):
    whole = contents(gantlet(*RING, "--seeds", 1, "--json"))
    kept = workplace / "runs/bench/ring/results.jsonl"
    kept.write_text(kept.read_text()[:-40])
    for begun in (1, 0):
        answer = gantlet(*RING, "--seeds", 1, "--json")
        assert answer.err.count("begins") == begun
        assert contents(answer) == whole


@pytest.mark.parametrize("event", ["on_tick", "on_end"])
def test_a_stopped_run_goes_on_to_the_same_numbers(workplace, monkeypatch, event):
    whole = contents(gantlet(*TICKING, "--seeds", 1, "--out", "whole", "--json"))

    def stop(self, about):
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, as_at_a_terminal():
        patch.setattr(Briefly, event, stop)
        stopped = gantlet(*TICKING, "--seeds", 1)
    assert stopped.code == 130
    assert stopped.out == ""
    assert "The same command goes on from there." in stopped.err
    assert results(workplace) == []
    made = contents(gantlet(*TICKING, "--seeds", 1, "--json"))
    assert scores(made) == scores(whole)


def test_dirac_plays_without_training(workplace):
    made = contents(gantlet("bench", "dirac", "--seeds", 1, "--json"))
    left = {row["name"]: row["over_seeds"]["left"]["value"] for row in made["rows"]}
    assert left["paired-r1-r2"] < 1e-3
    assert left["wasserstein-at-once"] > 2
    assert made["floors"] == {}
    table = gantlet("bench", "dirac", "--seeds", 1)
    assert "converges" in table.out
    assert "begins" not in table.err
    assert list((workplace / "runs/bench/dirac").iterdir()) == [
        workplace / "runs/bench/dirac/results.jsonl"
    ]


def test_what_cannot_be_used_is_refused():
    assert_refused(gantlet("bench", "gird"), "unknown problem 'gird'", "Did you mean grid")
    assert_refused(gantlet("bench", "ring", "--seeds", 0), "number of seeds", "at least 1")
    assert_refused(gantlet("bench", "ring", "--samples", 0), "number of samples", "at least 1")
    assert_refused(gantlet("bench", "ring", "grid"), "'grid' is one word too many")
    assert_refused(gantlet("bench", "ring", "train.bach=4"), "unknown setting train.bach")
    assert_refused(gantlet("bench", "dirac", "--samples", 4), "trains no network")
    assert_refused(gantlet("bench", "stacked-mnist"), "MNIST", "--data FOLDER")
    assert_refused(gantlet("bench", "stacked-mnist", "--data", "nowhere"), "no training images")
