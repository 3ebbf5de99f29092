"""The few collective operations that training needs; each is the identity on one process.

Gradients are summed explicitly after `backward()`: wrappers that hook into it give wrong
gradients beside a penalty with a backward pass of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as td
from torch import Tensor

__all__ = [
    "agreed",
    "all_reduce_",
    "any_rank",
    "barrier",
    "first_alone",
    "gather",
    "local_rank",
    "rank",
    "session",
    "world",
]

_PATIENCE = timedelta(hours=12)
"""How long a process waits for the others: the first may decode a large set of data alone."""


def world() -> int:
    """Number of processes."""
    return td.get_world_size() if td.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return td.get_rank() if td.is_initialized() else 0


def local_rank() -> int:
    """Number of this process on its machine, from 0 (torchrun's LOCAL_RANK)."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def session() -> Iterator[None]:
    """A process group where torchrun started several processes; nothing to do where it did not.

    Tensors on the CPU travel by gloo, those on a GPU by NCCL.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or td.is_initialized():
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    td.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
        td.barrier()  # a group that one process leaves early may abort the others
    finally:
        td.destroy_process_group()


def all_reduce_(tensors: Sequence[Tensor]) -> None:
    """Sum each tensor over all processes, in place, one message for each type of number."""
    if world() == 1:
        return
    for dtype in dict.fromkeys(t.dtype for t in tensors):
        alike = [t for t in tensors if t.dtype == dtype]
        flat = torch.cat([t.reshape(-1) for t in alike])
        td.all_reduce(flat)
        for t, part in zip(alike, flat.split([t.numel() for t in alike]), strict=True):
            t.copy_(part.view(t.shape))


def gather(tensor: Tensor) -> Tensor:
    """Rows of all processes, in rank order; every process gets all of them."""
    if world() == 1:
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(world())]
    td.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def any_rank(flag: bool) -> bool:
    """Whether the flag is set on any process."""
    if world() == 1:
        return flag
    vote = torch.tensor(float(flag))
    td.all_reduce(vote)
    return bool(vote > 0)


def agreed(text: str) -> str:
    """Rank 0's text, on every process."""
    if world() == 1:
        return text
    box = [text]
    td.broadcast_object_list(box, src=0)
    return box[0]


@contextmanager
def first_alone() -> Iterator[None]:
    """Rank 0 goes first, the others once it is through: for what it leaves for them to find.

    Where rank 0 fails, which it tells, the others leave with exit code 2 and wait no longer.
    """
    if rank() > 0:
        if agreed("") == "failed":
            raise SystemExit(2)
        yield
        return
    try:
        yield
    except BaseException:
        agreed("failed")
        raise
    agreed("done")


def barrier() -> None:
    """Wait for all processes."""
    if world() > 1:
        td.barrier()
