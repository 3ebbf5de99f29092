"""The command line as a person uses it: words in, exit code and text out."""

import contextlib
import io
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from gantlet.cli import main

TINY = (
    "network.width=8",
    "network.blocks=1",
    "network.group_size=4",
    "game.group=4",
    "train.batch=16",
    "train.tick=128",
    "train.threads=1",
    "train.precision=float32",
)


class Answer(NamedTuple):
    """Exit code, and what was printed."""

    code: int
    out: str
    err: str


def gantlet(*words) -> Answer:
    """`gantlet words...` in this process; an unexpected error passes through."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as leaving:
            code = leaving.code
    return Answer(code, out.getvalue(), err.getvalue())


def command(*words) -> list[str]:
    """`gantlet words...` for a process of its own."""
    return [sys.executable, "-m", "gantlet", *map(str, words)]


def started(*words, cwd, **options) -> subprocess.Popen:
    """A process of `gantlet words...`, its output as text."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        command(*words),
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def in_a_terminal(words: Sequence[str]) -> str:
    """What a process that ends well shows in a terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the terminal closes with its last user
                break
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    return shown.decode()


def assert_refused(answer: Answer, *parts: str, code: int = 2) -> None:
    """Assert that it is one clear sentence on stderr, with all `parts`, and an exit code."""
    assert answer.code == code, answer
    assert answer.err.startswith("gantlet: ")
    assert answer.err.count("\n") == 1, answer.err
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err, answer.err
