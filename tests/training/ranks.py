"""Two gloo processes of one machine, as torchrun would start them."""

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.multiprocessing as mp

from gantlet import dist


@contextmanager
def ranked(rank: int, port: int) -> Iterator[None]:
    """Be one of two ranks; the process ends with the block."""
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    with dist.session():
        yield
    os._exit(0)  # all is saved; an interpreter that ends beside gloo's threads aborts now and then


def spawned(work: Callable[[int, int, str], None], folder: Path) -> None:
    """Two processes of `work(rank, port, folder)`, both waited for.

    They are forked off a process that has imported what they need, and has done nothing yet.
    """
    multiprocessing.set_forkserver_preload(["gantlet.training.trainer", "torch._dynamo"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.start_processes(work, (port, str(folder)), nprocs=2, start_method="forkserver")
