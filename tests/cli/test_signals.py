"""Signals that stop: the run is saved, the way on is told, and the same command goes it."""

import signal

import pytest

from gantlet.cli import main
from tests.cli.door import TINY, gantlet, started


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_saves_and_the_same_command_goes_on(number, code, workplace):
    words = ("train", "--samples", 1_000_000, *TINY, "train.tick=1000000")
    with started(*words, cwd=workplace) as process:
        for line in process.stdout:
            if line.startswith("Training to"):
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Stopped and saved at" in out
    assert "The same command goes on from there" in out
    assert err == ""
    assert "\x1b" not in out  # no terminal: plain lines
    saved = max(int(p.name) for p in (workplace / "runs/digits/checkpoints").iterdir())
    answer = gantlet(*words[:2], saved + 16, *words[3:])
    assert answer.code == 0
    if saved:
        assert f"Going on from {saved:,} to {saved + 16:,} samples" in answer.out
    assert f"Finished at {saved + 16:,} samples" in answer.out


def test_a_verb_that_is_stopped_says_so(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("gantlet.cli.list_verb.list_", stopped)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("gantlet: stopped before it was done")
