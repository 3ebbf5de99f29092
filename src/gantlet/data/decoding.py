"""Image files decoded by several processes at once, straight into a file.

The parent reads the files in order and hands their bytes out in parts; each process decodes its
part and writes it at its place. Processes are spawned: a script that decodes keeps what it runs
under `if __name__ == "__main__":`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from multiprocessing import resource_tracker
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from gantlet.data.dataset import Hashes, content_hashes
from gantlet.data.form import Form
from gantlet.data.pixels import Entry, Fault, Look, quiet, reason
from gantlet.errors import RunError

__all__ = ["Crew", "Decoded", "Target", "decoded", "parts", "processes"]

_BYTES, _DECODED, _IMAGES = 2**23, 2**25, 256
"""Most bytes of files, bytes of decoded images, and images in a part."""
_AHEAD = 2
"""Parts that wait for each process."""

Result = TypeVar("Result")
Files = list[tuple[str, bytes | Fault]]
"""Names and contents."""


@dataclass(frozen=True)
class Target:
    """Where images go: sample i at offset + i * (bytes of a sample), as (H, W, C)."""

    path: Path
    offset: int
    form: Form

    @property
    def row(self) -> int:
        """Bytes of a sample."""
        height, width = self.form.size
        return height * width * self.form.channels * np.dtype(self.form.dtype).itemsize


@dataclass(frozen=True)
class Decoded:
    """A part that is written."""

    start: int
    hashes: Hashes
    """Content hashes of its samples; empty where there are faults."""
    looks: tuple[Look, ...]
    faults: tuple[Fault, ...]


def parts(entries: Sequence[Entry], row: int) -> list[range]:
    """Places of entries in order, cut into parts that fit into memory many times.

    Arguments:
        row: bytes of a decoded image.
    """
    cuts, size, most = [0], 0, min(_IMAGES, max(1, _DECODED // row))
    for i, entry in enumerate(entries):
        size += entry.size
        if i - cuts[-1] >= most or (size > _BYTES and i > cuts[-1]):
            cuts.append(i)
            size = entry.size
    return [range(a, b) for a, b in zip(cuts, [*cuts[1:], len(entries)], strict=True)]


class Crew(NamedTuple):
    """Processes that decode; no pool where this process is to do all."""

    pool: ProcessPoolExecutor | None
    size: int


@contextmanager
def processes(workers: int) -> Iterator[Crew]:
    """A crew of so many, which starts at once: its start takes no time beside other work."""
    if workers == 1:
        yield Crew(None, 1)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin)
    resource_tracker.ensure_running()  # which would unblock interrupts once it is started
    try:
        for _ in range(workers):  # a task starts a process where none is idle
            _submitted(pool, os.getpid)
        yield Crew(pool, workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ProcessPoolExecutor, work: Callable[..., Result], *arguments: object
) -> Future[Result]:
    """A task handed to a pool.

    A process that it starts inherits what is blocked: it leaves interrupts to this one from its
    first moment on.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work, *arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def decoded(
    entries: Sequence[Entry],
    places: Iterable[range],
    target: Target,
    crew: Crew,
) -> Iterator[Decoded]:
    """Decode parts of the entries into a target; each is given back once it is written.

    Raises:
        RunError: a process ended from outside, as for want of memory.
    """
    if crew.pool is None:
        with quiet():
            yield from (_part(part.start, _contents(entries, part), target) for part in places)
        return
    handed = set[Future[Decoded]]()
    try:
        for part in places:
            content = _contents(entries, part)
            handed.add(_submitted(crew.pool, _part, part.start, content, target))
            while len(handed) >= crew.size * _AHEAD:
                done, handed = wait(handed, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        for one in handed:
            yield one.result()
    except BrokenProcessPool:
        raise RunError(
            "a process that decodes images was ended from outside",
            remedy="Memory may have run out: free some, or decode with fewer workers; the same "
            "command goes on from there.",
        ) from None


def _contents(entries: Sequence[Entry], part: range) -> Files:
    def content(entry: Entry) -> bytes | Fault:
        try:
            with entry.open() as stream:
                return stream.read()
        except Exception as error:  # zipfile and zlib raise errors of many kinds.
            return Fault(entry.name, reason(error))

    return [(entries[i].name, content(entries[i])) for i in part]


def _begin() -> None:
    """Make a new process ready: it ends when its parent does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # as `quiet`, to the end of the process


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _part(start: int, files: Files, target: Target) -> Decoded:
    form = target.form
    images = np.empty((len(files), *form.size, form.channels), form.dtype)
    looks, faults, distinct = list[Look](), list[Fault](), dict[Look, Look]()
    for place, (name, content) in enumerate(files):
        if isinstance(content, Fault):
            faults.append(content)
            continue
        try:
            seen, images[place] = form.study(Entry(name, "", partial(BytesIO, content)))
            looks.append(distinct.setdefault(seen, seen))  # one object is sent once
        except Exception as error:  # Pillow raises errors of many kinds on damaged files.
            faults.append(Fault(name, reason(error)))
    if faults:
        return Decoded(start, np.empty(0, np.uint64), tuple(looks), tuple(faults))
    _write(target, start, images.data.cast("B"))
    return Decoded(start, content_hashes(images.transpose(0, 3, 1, 2)), tuple(looks), ())


def _write(target: Target, start: int, content: memoryview) -> None:
    """Samples at their place: the system may take less at a time."""
    offset, descriptor = target.offset + start * target.row, os.open(target.path, os.O_WRONLY)
    try:
        while len(content):
            written = os.pwrite(descriptor, content, offset)
            content, offset = content[written:], offset + written
    finally:
        os.close(descriptor)
