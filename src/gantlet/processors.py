"""Processors and memory that this process may use, and work that is done ahead on them."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path, PurePosixPath
from typing import TypeVar

__all__ = ["ahead", "granted_memory", "granted_threads", "words"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def granted_threads(processes: int = 1) -> int:
    """Processors that affinity and the cgroup's quota grant to this process, at least one.

    `OMP_NUM_THREADS`, which is of each process, may lower the number.

    Arguments:
        processes: how many share what is granted.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(min([count, *_quotas()]) // processes, _from_environment()))


def granted_memory() -> int:
    """Bytes of memory that the machine has and the cgroup grants."""
    limits = [
        words(f"/sys/fs/cgroup{group}/{name}")
        for group in _groups()
        for name in ("memory.max", "memory/memory.limit_in_bytes")
    ]
    granted = [int(limit[0]) for limit in limits if len(limit) == 1 and limit[0].isdigit()]
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *granted])


def ahead(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], most: int
) -> Iterator[Result]:
    """Results in the order of the items, of which at most `most` wait: memory stays bounded.

    Arguments:
        pool: computes; what waits when the results are no longer asked for is not begun.
    """
    waiting = deque[Future[Result]]()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            while len(waiting) > most or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _from_environment() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(value) if value.isdigit() and int(value) > 0 else 1 << 16


def _quotas() -> list[int]:
    """Whole processors granted by cgroup versions 2 and 1; empty where there is no quota."""
    v2 = [words(f"/sys/fs/cgroup{group}/cpu.max") for group in _groups()]
    v1 = [
        *words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        *words("/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ]
    return [
        math.ceil(int(pair[0]) / int(pair[1]))
        for pair in (*v2, v1)
        if len(pair) == 2 and pair[0].isdigit() and int(pair[0]) > 0
    ]


def _groups() -> list[str]:
    """This process's cgroup of version 2 and those above it; the topmost is empty."""
    lines = [line for line in words("/proc/self/cgroup") if line.startswith("0::/")]
    path = PurePosixPath(lines[0].removeprefix("0::") if lines else "/")
    return ["" if str(group) == "/" else str(group) for group in (path, *path.parents)]


def words(path: str) -> list[str]:
    """The words of a file of the system; none where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []
