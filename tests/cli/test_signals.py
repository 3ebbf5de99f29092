"""Signals that stop: the run is saved, the way on is told, and the same command goes it."""

import errno
import os
import pty
import signal
import sys
import time

import pytest

from gantlet.cli import main
from gantlet.console import though_closed
from tests.cli.door import TINY, as_at_a_terminal, command, ended, gantlet, started


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
        if number == signal.SIGHUP:  # a terminal that is closed sends it more than once
            time.sleep(0.01)
            process.send_signal(number)
        out, err = ended(process)
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


def test_a_terminal_that_is_closed_saves(workplace):
    words = ("train", "--samples", 1_000_000, *TINY, "train.tick=1000000")
    with as_at_a_terminal():
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.executable, command(*words))
    told = b""
    while b"Training to" not in told:
        told += os.read(terminal, 1024)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129
    assert (workplace / "runs/digits/bundle").exists()


def test_what_the_disk_refuses_is_told_although_the_terminal_is_closed():
    with though_closed():
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="No space"), though_closed():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_verb_that_is_stopped_says_so(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("gantlet.cli.list_verb.list_", stopped)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("gantlet: stopped before it was done")
