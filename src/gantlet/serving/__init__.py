"""Pages on this machine: how they are built, served and opened, whatever they show."""

from __future__ import annotations

from gantlet.serving.browser import invite
from gantlet.serving.door import PORT, serve
from gantlet.serving.markup import asset, framed, sentence
from gantlet.serving.pages import PLAIN, application

__all__ = ["PLAIN", "PORT", "application", "asset", "framed", "invite", "sentence", "serve"]
