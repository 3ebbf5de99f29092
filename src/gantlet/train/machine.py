"""Where a run computes: device, precision and threads, found once and recorded."""

from __future__ import annotations

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from gantlet import dist
from gantlet.config import Train
from gantlet.errors import UsageError

__all__ = ["Machine", "environment", "find_machine", "granted_threads", "settled"]

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.float32,  # autocast computes in bfloat16, weights stay float32
    "float64": torch.float64,
}


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""


@dataclass(frozen=True)
class Machine:
    """Device, arithmetic and threads of a run."""

    device: str
    precision: str
    threads: int

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and inputs."""
        return _DTYPES[self.precision]

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which losses are computed."""
        if self.precision != "bfloat16":
            return nullcontext()
        # The cache would hand a torch.func.grad pass the casts of another pass.
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, cache_enabled=False)

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values."""
        return asdict(self)


def granted_threads() -> int:
    """Processors that affinity and the cgroup's quota grant to this process, at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, *_quotas(), _from_environment()))


def _from_environment() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdigit() and int(value) > 0 else 1 << 16


def _quotas() -> list[int]:
    """Whole processors granted by cgroup versions 2 and 1; empty where there is no quota."""
    v2 = _words("/sys/fs/cgroup/cpu.max")
    v1 = [
        *_words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        *_words("/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ]
    return [
        math.ceil(int(pair[0]) / int(pair[1]))
        for pair in (v2, v1)
        if len(pair) == 2 and pair[0].isdigit() and int(pair[0]) > 0
    ]


def _words(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").split()
    except OSError:
        return []


def find_machine(train: Train) -> Machine:
    """The machine that the settings ask for, with `auto` resolved."""
    device = _device(train.device)
    precision = train.precision
    if precision == "auto":
        precision = "bfloat16" if _has_bfloat16(device) else "float32"
    threads = train.threads or max(1, granted_threads() // _ranks_here())
    return Machine(device=device, precision=precision, threads=threads)


def _ranks_here() -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _device(wanted: str) -> str:
    if wanted == "auto":
        if torch.cuda.is_available():
            return f"cuda:{dist.local_rank()}"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(wanted).type
    except RuntimeError:
        kind = ""
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(kind, False):
        there = ", ".join(name for name, here in present.items() if here)
        raise UsageError(
            "setting train.device", expected=f"auto or one that is here ({there})", received=wanted
        )
    return wanted


def _has_bfloat16(device: str) -> bool:
    """Whether the processor computes in bfloat16 itself; elsewhere it is emulated and slower."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device != "cpu":
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(_words("/proc/cpuinfo"))


def _keep_freed_memory() -> None:
    """Have glibc keep blocks of up to 32 MiB rather than hand them back to the system.

    Each step frees what the next asks for; pages that were handed back must be cleared anew, which
    cost r3gan on 28x28 images a fifth of its time.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)


@contextmanager
def settled(machine: Machine, train: Train) -> Iterator[None]:
    """The process set up for a run, and put back as it was afterwards."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    _keep_freed_memory()
    torch.set_num_threads(machine.threads)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if train.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not train.deterministic
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(deterministic)


def environment() -> dict[str, str]:
    """Versions and processor, for the record."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
    }
