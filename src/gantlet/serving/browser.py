"""The browser of whoever started a page."""

from __future__ import annotations

import os
import sys

__all__ = ["browse"]


def browse(address: str) -> None:
    """Open a page in the browser of the person who sits here, if anybody does."""
    if _has_screen():
        import webbrowser

        webbrowser.open(address)


def _has_screen() -> bool:
    """Whether a person sits here, before a browser with windows."""
    screen = sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ}
    return bool(screen) and sys.stderr.isatty()
