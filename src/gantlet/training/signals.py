"""SIGINT and SIGTERM as a wish to stop that is granted between two passes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["signals_ask"]


@contextmanager
def signals_ask(ask: Callable[[int], None]) -> Iterator[None]:
    """Within, SIGINT and SIGTERM call `ask` with their number; a second one is the system's again.

    In threads other than the main one, signals stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def take(number: int, _: object) -> None:
        ask(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
