"""The server of a page, until it is interrupted."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from gantlet.errors import UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["EVERYWHERE", "PORT", "listening", "serve"]

_LAST_PORT = 65_535
PORT = 7860
"""Where to listen unless that is taken; Gradio's own."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that stand for all of this machine's, and the one to open here."""


def serve(
    build: Callable[[], FastAPI], host: str, port: int | None, ready: Callable[[str], object]
) -> None:
    """Serve a web application until an interrupt, telling its address once it can be opened.

    Arguments:
        build: makes the application, once the address is known to be free.
        host: address to listen at.
        port: where to listen; 0 takes any that is free, None `PORT` or any that is free.
        ready: called with the address of the page.

    Raises:
        UsageError: the extra `serve` is missing, or the address is taken or not of this machine.
        KeyboardInterrupt: after the interrupt, when all requests are answered.
    """
    with listening(host, port) as door:
        app = build()
        import uvicorn

        here = EVERYWHERE.get(host, host)
        ready(f"http://{f'[{here}]' if ':' in here else here}:{door.getsockname()[1]}")
        settings = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=1, access_log=False
        )
        uvicorn.Server(settings).run(sockets=[door])


def listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens; see `serve` for what it is told."""
    if port is not None and not 0 <= port <= _LAST_PORT:
        raise UsageError("port", expected=f"0 to {_LAST_PORT}", received=str(port))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, PORT if port is None else port), family=family)
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return listening(host, 0)
        raise UsageError(
            f"address {host}:{PORT if port is None else port}",
            expected="one of this machine that nothing listens at",
            received=str(getattr(error, "strerror", None) or error),
            remedy="Choose another one with --port or --host.",
        ) from error
