"""A phase's gradients as one CUDA graph: recorded on one turn, replayed on those that follow."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from gantlet.errors import RunError, is_out_of_memory
from gantlet.games.base import Turn
from gantlet.nn.stages import Staged
from gantlet.rng import Requests
from gantlet.spec import Batch

__all__ = ["Answer", "Record", "Replayed", "Work", "recorder", "told"]

_WARM_UPS = 3
"""As torch asks for before a recording: libraries choose their kernels and take their memory."""

Answer = tuple[Sequence[Tensor | None], dict[str, Tensor]]
"""Gradients of a phase's weights, and stats."""
Work = Callable[[Turn], Answer]
Record = Callable[[Callable[[], Answer]], tuple[Answer, Callable[[], None]]]
"""From work to its answer and what computes that answer anew, in place."""


@dataclass(frozen=True)
class _Recording:
    turn: Turn
    answer: Answer
    replay: Callable[[], None]


class Replayed:
    """What a phase computes of a turn, without Python: its kernels are launched all at once.

    A recording is a fixed list of kernels on fixed addresses. It may stand for the work because a
    loss is pure, its random numbers are drawn outside of it, and all that differs from one turn to
    the next is tensors that change in place: weights, buffers, and the turn, which is copied to
    where the recorded one lay. Whatever else forward branches on is in `Staged.branch` or the
    batch's shape; where these change, the next turn is worked through as without recordings, which
    tells the random numbers that it asks for, and the one after it is recorded anew.

    Source: PyTorch, CUDA graphs, https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs

    Arguments:
        work: the gradients and stats of a turn.
        staged: layers that have stages.
        record: see `recorder`.
        keeps: whether an answer outlives the next one; else it may lie where that will.
    """

    def __init__(
        self, work: Work, staged: Sequence[Staged], record: Record, *, keeps: bool = False
    ) -> None:
        self._work, self._staged, self._record, self._keeps = work, staged, record, keeps
        self._key: Hashable = None
        self._requests: Requests = {}
        self._recording: _Recording | None = None

    def __call__(self, turn: Turn) -> Answer:
        """The answer of one turn."""
        key = (turn.real.x.shape, *(layer.branch for layer in self._staged))
        if key != self._key:
            self._recording = None
            answer = self._work(turn)
            self._key, self._requests = key, turn.noise.requests
            return answer
        turn.noise.draw_all(self._requests)
        if self._recording is None:
            fixed = _cloned(turn)
            self._recording = _Recording(fixed, *self._record(partial(self._work, fixed)))
        for mine, now in zip(_tensors(self._recording.turn), _tensors(turn), strict=True):
            mine.copy_(now)
        self._recording.replay()
        gradients, stats = self._recording.answer
        if self._keeps:
            gradients = [None if g is None else g.clone() for g in gradients]
            stats = {name: numbers.clone() for name, numbers in stats.items()}
        return gradients, stats


def recorder() -> Record:
    """Recordings as CUDA graphs, each with memory of its own that goes when it goes."""
    aside = torch.cuda.Stream()

    def record(work: Callable[[], Answer]) -> tuple[Answer, Callable[[], None]]:
        here = torch.cuda.current_stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                work()
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads, of the feed or of NCCL, may talk to the device meanwhile.
            with _alone(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
                answer = work()
        except RuntimeError as error:
            raise told(error) from error
        return answer, graph.replay

    return record


def told(error: RuntimeError) -> Exception:
    """What ends a recording: memory that ran out, as such, or that it cannot be made.

    Arguments:
        error: the last one, which may be that of leaving a recording in which another was raised.
    """
    for one in (error, error.__context__):
        if isinstance(one, Exception) and is_out_of_memory(one):
            return one
    return RunError(
        "a phase of this game cannot be recorded as a CUDA graph",
        received=str(error.__context__ or error).splitlines()[0],
        remedy="Add train.cuda_graphs=false to the command: it goes on from the last checkpoint.",
    )


@contextmanager
def _alone() -> Iterator[None]:
    """No other recording is freed meanwhile, and none shares cuBLAS' memory with this one.

    A graph that Python's collector destroys during a recording spoils it. cuBLAS keeps the memory
    that it has taken on a stream: what lies in one recording must not be found by another.
    """
    gc.collect()
    collects = gc.isenabled()
    gc.disable()
    torch._C._cuda_clearCublasWorkspaces()
    try:
        yield
    finally:
        torch._C._cuda_clearCublasWorkspaces()
        if collects:
            gc.enable()


def _cloned(turn: Turn) -> Turn:
    noise = copy(turn.noise)
    noise.drawn = {name: numbers.clone() for name, numbers in turn.noise.drawn.items()}
    y = turn.real.y
    real = Batch(turn.real.x.clone(), None if y is None else y.clone())
    return replace(turn, real=real, noise=noise, seen=turn.seen.clone())


def _tensors(turn: Turn) -> list[Tensor]:
    drawn = [turn.noise.drawn[name] for name in sorted(turn.noise.drawn)]
    labels = [] if turn.real.y is None else [turn.real.y]
    return [turn.real.x, turn.seen, *labels, *drawn]
