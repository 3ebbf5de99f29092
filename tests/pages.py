"""Pages as a person meets them: served by the command, opened in a real browser."""

import os
import re
import shutil
import signal
from contextlib import contextmanager

import pytest

from tests.cli.door import started

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium():
    """A browser without windows."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: .ci/run installs it")
        pytest.skip("no chromium on this machine: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@contextmanager
def served(verb, run, *words, number=signal.SIGINT):
    """The address of `gantlet VERB RUN`, and its process.

    Ended by a signal, in order unless it is SIGKILL; then `process.told` is what it printed.
    """
    process = started(verb, run, *words, cwd=run)
    try:
        line = ""
        while "Open " not in line:
            line = process.stderr.readline()
            assert line or process.poll() is None, process.communicate()
        yield re.search(r"http://[\w.:]+", line).group(), process
        process.send_signal(number)
        process.told = process.communicate(timeout=60)
        assert process.returncode == (-9 if number == signal.SIGKILL else 0), process.told
        assert "ASGI" not in process.told[1]  # uvicorn's word for a handler that failed
    finally:
        process.kill()
        process.communicate()


def width(page):
    """Pixels that a page takes from left to right."""
    return page.evaluate("document.documentElement.scrollWidth")


def foreign(requests, address):
    """Those of a page's requests that went elsewhere."""
    here = (address, "data:", "blob:")
    return [url for url in requests if not url.startswith(here)]
