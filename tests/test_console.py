"""What `gantlet.train` tells a person who calls it from Python, and how it is silenced."""

import sys

import numpy as np
import pytest

import gantlet
from gantlet.errors import UsageError
from tests.cli.door import in_a_terminal

POINTS = np.random.default_rng(0).standard_normal((240, 2)).astype(np.float32)
SETTINGS = {
    "network": {"name": "mlp", "hidden": [8], "latent": 4},
    "train": {"batch": 16, "tick": 64, "threads": 1, "precision": "float32"},
}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def told(capsys, **options):
    """What a training prints."""
    gantlet.train(POINTS, settings=SETTINGS, **{"samples": 128, **options})
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_a_call_tells_recipe_split_ticks_and_what_to_call_next(capsys):
    text = told(capsys)
    assert "Recipe points: " in text
    assert "100 of 240 samples are set aside by content" in text
    assert "Training to 128 samples. Run folder: runs/array. Ctrl-C saves and stops." in text
    assert text.count(" samples  ") == 2  # a line for each tick
    assert 'make samples with: gantlet.load("runs/array").sample(64)' in text
    assert "To extend it: the same call with samples=256." in text
    assert "To start afresh: with fresh=True." in text
    assert "--" not in text
    assert "\x1b" not in text


def test_what_is_told_to_call_next_works(capsys):
    told(capsys)
    assert "This run was finished at 128 samples" in told(capsys)
    assert "Going on from 128 to 256 samples" in told(capsys, samples=256)
    assert "is kept in runs/array.old-1" in told(capsys, fresh=True)
    assert len(gantlet.load("runs/array").sample(64)) == 64


def test_a_run_that_goes_elsewhere_says_so(capsys):
    told(capsys)
    text = told(capsys, recipe="points")
    assert "Recipe points" not in text  # it was named
    other = gantlet.train(POINTS[:230], settings=SETTINGS, samples=16)
    assert other.path.name == "array-2"
    assert "so this run goes to runs/array-2." in capsys.readouterr().out


def test_minutes_are_extended_by_minutes(capsys):
    text = told(capsys, samples=None, minutes=0.002)
    assert "the same call with minutes=0.004" in text


def test_a_quiet_call_prints_nothing_and_callbacks_hear_everything(capsys):
    class Notes(gantlet.Callback):
        def on_start(self, start):
            self.notes = start.notes

    watcher = Notes()
    assert told(capsys, quiet=True, callbacks=[watcher]) == ""
    assert any("Recipe points" in note for note in watcher.notes)


def test_refusals_name_the_argument_beside_the_flag():
    gantlet.train(POINTS, settings=SETTINGS, samples=16, out="mine", quiet=True)
    other = {**SETTINGS, "train.seed": 3}
    with pytest.raises(UsageError, match=r"--out \(in Python: out=\).*--fresh \(fresh=True\)"):
        gantlet.train(POINTS, settings=other, samples=16, out="mine", quiet=True)


def test_a_training_that_fails_leaves_no_live_line():
    program = f"""
import gantlet, threading
class Unlucky(gantlet.Callback):
    def on_tick(self, tick):
        raise ValueError("no ink")
try:
    gantlet.train("ring", settings={SETTINGS}, samples=128, callbacks=[Unlucky()])
except ValueError:
    print([thread.name for thread in threading.enumerate() if "Refresh" in type(thread).__name__])
"""
    text = in_a_terminal([sys.executable, "-c", program])
    assert "samples/s" not in text
    assert text.rstrip().endswith("[]")
    assert "\x1b[?25h" in text  # the cursor is back
