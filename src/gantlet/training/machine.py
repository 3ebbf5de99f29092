"""Where a run computes: device, precision and threads, found once and recorded."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from gantlet import dist
from gantlet.config import Train
from gantlet.errors import UsageError
from gantlet.processors import granted_memory, granted_threads, words
from gantlet.recipes.dial import Device

__all__ = [
    "Machine",
    "environment",
    "find_device",
    "find_machine",
    "granted_threads",
    "settled",
]

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.float32,  # autocast computes in bfloat16, weights stay float32
    "float64": torch.float64,
}


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
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

    def layout(self, train: Train) -> torch.memory_format:
        """How images and convolution weights lie in memory.

        Channels are first on MPS, where several versions of torch have convolved the other layout
        wrongly without a word.
        """
        last = train.channels_last and self.device != "mps"
        return torch.channels_last if last else torch.contiguous_format

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


def find_machine(train: Train) -> Machine:
    """The machine that the settings ask for, with `auto` resolved."""
    device = _device(train.device)
    precision = train.precision
    if precision == "auto":
        precision = "bfloat16" if _has_bfloat16(device) else "float32"
    if precision == "float64" and device == "mps":
        raise UsageError(
            "setting train.precision",
            expected="float32 or bfloat16 on mps, which has no float64",
            received=precision,
            remedy="Set train.device=cpu for float64.",
        )
    if train.cuda_graphs and not device.startswith("cuda"):
        raise UsageError(
            "setting train.cuda_graphs",
            expected=f"false on {device}: only CUDA devices replay graphs",
            received="true",
            remedy="Leave the setting away, or set train.device=cuda.",
        )
    threads = train.threads or granted_threads(_ranks_here())
    return Machine(device=device, precision=precision, threads=threads)


def find_device(train: Train) -> Device:
    """What the dial asks of the machine; on processors, the ranks there share the memory."""
    device = _device(train.device)
    if device.startswith("cuda"):
        memory = torch.cuda.get_device_properties(device).total_memory
        return Device(kind="gpu", memory=memory, ranks=dist.world())
    kind: Literal["gpu", "processors"] = "gpu" if device == "mps" else "processors"
    return Device(kind=kind, memory=granted_memory() // _ranks_here(), ranks=dist.world())


def _ranks_here() -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _device(wanted: str) -> str:
    here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available() and dist.world() == 1:  # gloo moves none of its tensors
        here.append("mps")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else here[-1]
    wanted = f"cuda:{dist.local_rank()}" if wanted == "cuda" else wanted
    if wanted not in here:
        raise UsageError(
            "setting train.device",
            expected=f"auto or one of {', '.join(here)}",
            received=wanted,
            remedy="Start one process for each device, or set train.device=cpu."
            if wanted.startswith("cuda:") and dist.local_rank()
            else "",
        )
    return wanted


def _has_bfloat16(device: str) -> bool:
    """Whether the processor computes in bfloat16 itself; elsewhere it is emulated and slower."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device != "cpu":
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words("/proc/cpuinfo"))


def _keep_freed_memory() -> None:
    """Have glibc keep blocks of up to 32 MiB rather than hand them back to the system.

    Each step frees what the next asks for; pages that were handed back must be cleared anew, which
    cost r3gan on 28x28 images a fifth of its time. Workers share one arena, for the same reason.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        libc.mallopt(_M_ARENA_MAX, 1)


@dataclass(frozen=True)
class _Switches:
    """The process-wide settings of torch that a run changes."""

    threads: int
    flushes: bool
    tf32: tuple[bool | None, ...]
    """By torch's older switches; None where the newer ones were set, which they cannot tell."""
    float32: tuple[str, ...]
    """By the newer ones."""
    benchmark: bool
    deterministic: bool
    warns: bool

    @classmethod
    def found(cls) -> _Switches:
        return cls(
            threads=torch.get_num_threads(),
            flushes=bool(torch.full((), 1e-39) * 0.5 == 0),  # torch has no getter
            tf32=tuple(_allows_tf32(backend) for backend in _older()),
            float32=tuple(backend.fp32_precision for backend in _newer()),
            benchmark=torch.backends.cudnn.benchmark,
            deterministic=torch.are_deterministic_algorithms_enabled(),
            warns=torch.is_deterministic_algorithms_warn_only_enabled(),
        )

    def put_back(self) -> None:
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(self.flushes)
        for backend, allows in zip(_older(), self.tf32, strict=True):
            if allows is not None:
                backend.allow_tf32 = allows
        for backend, precision in zip(_newer(), self.float32, strict=True):
            backend.fp32_precision = precision
        torch.backends.cudnn.benchmark = self.benchmark
        torch.use_deterministic_algorithms(self.deterministic, warn_only=self.warns)


def _older() -> tuple[Any, ...]:
    return torch.backends.cuda.matmul, torch.backends.cudnn


def _newer() -> tuple[Any, ...]:
    cudnn: Any = torch.backends.cudnn
    return torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn


def _allows_tf32(backend: Any) -> bool | None:
    try:
        return bool(backend.allow_tf32)
    except RuntimeError:
        return None


def _forbid_tf32() -> None:
    """By the older switches, which torch's own compiler reads; by the newer where those rule."""
    for backend in _older():
        backend.allow_tf32 = False
    for backend in _newer():
        if backend.fp32_precision == "tf32":
            backend.fp32_precision = "ieee"


@contextmanager
def settled(machine: Machine, train: Train) -> Iterator[None]:
    """The process set up for a run, and put back afterwards but for the memory that it keeps."""
    before = _Switches.found()
    _keep_freed_memory()
    if machine.device.startswith("cuda"):
        torch.cuda.set_device(machine.device)  # NCCL talks for the current device
        # torch reads this once a process, at the first matrix product: later is too late for a
        # deterministic run that follows another one.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(machine.threads)
    torch.set_flush_denormal(True)
    _forbid_tf32()
    if train.deterministic:
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not train.deterministic
    try:
        yield
    finally:
        before.put_back()


def environment() -> dict[str, str]:
    """Versions and processor, for the record."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
    }
