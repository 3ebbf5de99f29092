"""Micro-batches side by side: threads that each work through samples of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch
from torch import nn

from gantlet.config import Train
from gantlet.games.base import Game
from gantlet.training.machine import Machine

__all__ = ["Workers", "workers_for"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 4
"""More would wait for Python's lock: each launches every operation of its part."""


def workers_for(game: Game, train: Train, machine: Machine, share: int) -> int:
    """How many workers a rank has for its `share` of a batch.

    Only games that say they are `concurrent` have several. Convolutions on processors profit:
    within one convolution, oneDNN's threads wait for each other by spinning, which a busy machine
    punishes, while workers meet once a phase. Small dense layers are faster with the threads
    within. Otherwise as many workers as keep most threads busy with whole groups of samples, at
    most four.
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
    convolves = any(isinstance(module, kinds) for module in game.players.modules())
    if machine.device != "cpu" or train.compile or not (convolves and game.concurrent):
        return 1
    pieces = share // (train.micro_batches * game.group)
    counts = [n for n in range(1, min(_MOST, machine.threads) + 1) if pieces % n == 0]
    return max(counts, key=lambda n: (n * (machine.threads // n), n))


class Workers:
    """A fixed number of threads, each with an equal share of the processor threads.

    One worker is the calling thread itself, with all of them.

    Arguments:
        count: how many.
        threads: processor threads of all together.
    """

    def __init__(self, count: int, threads: int) -> None:
        self._pool: ThreadPoolExecutor | None = None
        if count == 1:
            return
        ready = Barrier(count)

        def begin() -> None:
            torch.set_num_threads(threads // count)
            torch.set_flush_denormal(True)  # holds for the thread that says so
            ready.wait()

        self._pool = ThreadPoolExecutor(count, "gantlet-worker", initializer=begin)
        # All threads exist from here on: matrix products of the caller, too, see the number of
        # threads that was set last, and must not see it change while a run goes on.
        list(self._pool.map(lambda _: None, range(count)))

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`work` on every item; results in the order of the items."""
        return map(work, items) if self._pool is None else self._pool.map(work, items)

    def close(self) -> None:
        """End the threads, once all have done what they began."""
        if self._pool is not None:
            self._pool.shutdown()
