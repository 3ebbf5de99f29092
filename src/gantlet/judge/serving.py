"""The server of the page, until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable

from gantlet.errors import UsageError
from gantlet.judge.page import Judging, application

__all__ = ["serve"]


def serve(judging: Judging, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until an interrupt, telling its address once it can be opened.

    Arguments:
        host, port: where to listen; port 0 takes any that is free.
        ready: called with the address.

    Raises:
        UsageError: the extra `serve` is missing, or the address is taken or not of this machine.
    """
    app = application(judging)
    import uvicorn

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"address {host}:{port}",
                expected="one of this machine that nothing listens at",
                received=error.strerror or str(error),
                remedy="Choose another one with --port.",
            ) from error
        door.listen()
        ready(f"http://{host}:{door.getsockname()[1]}")
        settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(settings).run(sockets=[door])
