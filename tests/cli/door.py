"""The command line as a person uses it: words in, exit code and text out."""

import contextlib
import io
import os
import signal
import subprocess
import sys
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
    "validation.extractor=pixels",
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


@contextlib.contextmanager
def as_at_a_terminal():
    """No signal is ignored, as under nohup and by a shell's background jobs."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    ignored = [n for n in usual if signal.getsignal(n) is signal.SIG_IGN]
    try:
        for number in ignored:
            signal.signal(number, usual[number])
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def started(*words, cwd, **options) -> subprocess.Popen:
    """A process of `gantlet words...`, its output as text."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    with as_at_a_terminal():
        return subprocess.Popen(
            command(*words),
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )


def ended(process) -> tuple[str, str]:
    """What a process printed until it ended, within a minute."""
    try:
        return process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def assert_refused(answer: Answer, *parts: str, code: int = 2) -> None:
    """Assert that it is one clear sentence on stderr, with all `parts`, and an exit code."""
    assert answer.code == code, answer
    assert answer.err.startswith("gantlet: ")
    assert answer.err.count("\n") == 1, answer.err
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err, answer.err
