"""SIGINT, SIGTERM and SIGHUP as a wish to stop that is granted between two passes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["signals_ask"]


@contextmanager
def signals_ask(ask: Callable[[int], None]) -> Iterator[None]:
    """Within, these signals call `ask` with their number; a second one is the system's again.

    A second SIGHUP is ignored, as a terminal that is closed sends several, and so is the first
    under nohup. In threads other than the main one, all stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]

    def take(number: int, _: object) -> None:
        ask(number)
        again = signal.SIG_IGN if number == signal.SIGHUP else before[signal.Signals(number)]
        signal.signal(number, again)

    for number in before:
        signal.signal(number, take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
