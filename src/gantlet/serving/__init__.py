"""Pages on this machine: how they are built, served and opened, whatever they show."""

from __future__ import annotations

from gantlet.serving.browser import browse
from gantlet.serving.door import EVERYWHERE, PORT, serve
from gantlet.serving.markup import asset, framed, sentence
from gantlet.serving.pages import PLAIN, application

__all__ = [
    "EVERYWHERE",
    "PLAIN",
    "PORT",
    "application",
    "asset",
    "browse",
    "framed",
    "sentence",
    "serve",
]
