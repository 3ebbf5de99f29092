"""The browser of whoever started a page."""

from __future__ import annotations

import os
import socket
import sys

from gantlet.serving.door import EVERYWHERE

__all__ = ["invite"]


def invite(address: str, host: str, *, browser: bool) -> None:
    """Tell where other machines find a page that they may open, and open it here if asked to.

    Arguments:
        address: of the page on this machine.
        host: what the page listens at.
        browser: whether to open it in the browser of the person who sits here, if anybody does.
    """
    if host in EVERYWHERE:
        there = f"http://{socket.gethostname()}:{address.rpartition(':')[2]}"
        print(f"From other machines: {there}, or by its address.", file=sys.stderr, flush=True)
    if browser and _has_screen():
        import webbrowser

        webbrowser.open(address)


def _has_screen() -> bool:
    """Whether a person sits here, before a browser with windows."""
    screen = sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ}
    return bool(screen) and sys.stderr.isatty()
