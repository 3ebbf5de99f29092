"""Batches: an endless stream of samples in which place p depends on the seed and p alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gantlet import rng
from gantlet.data.conditions import Conditions
from gantlet.data.dataset import Array, Dataset, Labels, let_go
from gantlet.data.split import Indices
from gantlet.errors import UsageError
from gantlet.spec import Batch

__all__ = ["RESIDENT", "Feed", "resident"]

RESIDENT = 2**31
"""Bytes of raw samples up to which an accelerator holds them all: 2 GiB."""
_MAPPED = 2**28
"""Bytes read of a memory map after which its pages are let go of: 256 MiB."""
_AROUND = 2**21
"""Bytes that the system may map around those asked for: a large page of its cache, 2 MiB."""
_HASHED = 4096
"""Samples hashed at a time."""
_EPOCHS = 2
"""Orders kept for each stream: a batch spans two epochs at their border."""
_AHEAD = 2**21
"""Bytes of samples, as networks see them, that a stream fetches at a time: 2 MiB."""


_Gather = Callable[[Indices], Tensor]
"""Rows (B, D) of raw samples by their places in the feed."""


def _rows(raw: Array) -> tuple[Array, bool]:
    """Samples as (N, D) rows in the order of their memory, and whether that is (H, W, C).

    No copy is made of arrays in either order; a memory map stays one.
    """
    last = raw.transpose(0, 2, 3, 1) if raw.ndim == 4 else raw
    swapped = raw.ndim == 4 and (raw.shape[1] == 1 or last.flags.c_contiguous)
    ordered = last if swapped else raw
    plain = np.asarray(ordered)
    return (plain.reshape(len(plain), -1) if ordered.flags.c_contiguous else plain), swapped


def _gather(rows: Array, indices: Indices) -> Tensor:
    # `take` is faster, but copies all rows first where they do not lie one after the other.
    taken = rows.take(indices, 0) if rows.flags.c_contiguous else rows[indices]
    return torch.from_numpy(np.ascontiguousarray(taken)).flatten(1)


@dataclass(frozen=True)
class _Ahead:
    """Batches of a stream that were fetched together and are still to be asked for."""

    parts: dict[tuple[int, int], Batch]
    """By their start and count."""
    stop: int
    """Number of the sample after the last of them."""
    many: int
    """How many they were."""


def resident(rows: Array, indices: Indices, device: torch.device) -> _Gather:
    """The rows of `indices` on the device, to be gathered there by their places."""
    held = _gather(rows, indices).to(device)
    # Few kernels know 16-bit unsigned numbers; gathering moves bytes, so any type will do.
    movable = held.view(torch.int16) if held.dtype is torch.uint16 else held

    def gather(places: Indices) -> Tensor:
        return movable.index_select(0, torch.from_numpy(places).to(device)).view(held.dtype)

    return gather


class Feed:
    """Batches of the samples `indices` of a data set, as networks see them.

    Sample number p of a stream belongs to epoch e = p // n and is `indices[order_e[p % n]]`,
    where order_e is the stream's permutation of epoch e. Raw samples are encoded on the device;
    an accelerator holds them all where they are below `RESIDENT` bytes.

    With `flip`, sample number p of a stream is mirrored if u_p < 1/2 for the uniform numbers u of
    (seed, stream, p): the same after a resume and in any part of a batch, another in each epoch.
    `take` gives samples as they are.

    Where small batches of a stream follow one another, several are fetched at once: between the
    steps of a training each call costs several times what it does alone, as caches hold other
    things by then.

    Rows of a table with choices are drawn with what they are asked for, see `Conditions`.

    Arguments:
        dataset: where samples come from.
        indices: of the samples to use, shape (n,).
        seed: of the permutations.
        device: of the batches.
        dtype: of x; values are encoded in float32 at least.
        memory_format: of x for images.
        flip: mirror left and right at random.
        rare: how far rare categories of a table are preferred, see `Conditions`.

    Raises:
        UsageError: there are no indices.
    """

    def __init__(
        self,
        dataset: Dataset,
        indices: Indices,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        memory_format: torch.memory_format = torch.channels_last,
        flip: bool = False,
        rare: float = 1.0,
    ) -> None:
        if len(indices) == 0:
            raise UsageError("a feed", expected="at least one sample", received="none")
        self.spec, self.indices, self.seed = dataset.spec, np.asarray(indices, np.int64), seed
        self.device, self.dtype, self.memory_format = torch.device(device), dtype, memory_format
        # Half the digits of bfloat16 would be lost in the shift to [-1, 1].
        self._exact = torch.promote_types(dtype, torch.float32)
        self._size = self.spec.size * dtype.itemsize
        self.flip = flip
        self._orders: dict[str, dict[int, Indices]] = {}
        self._ahead: dict[str, _Ahead] = {}
        rows, self._swapped = _rows(dataset.raw)
        share = dataset.raw.nbytes // len(dataset) * len(self.indices)
        if self.device.type != "cpu" and share < RESIDENT:
            self._gather: _Gather = resident(rows, self.indices, self.device)
        else:
            self._gather = lambda places: _gather(rows, self.indices[places]).to(self.device)
        self._raw, self._taken, self._row = dataset.raw, 0, dataset.raw.nbytes // len(dataset)
        y = dataset.y
        self._y = None if y is None else y[self.indices]
        asked = self.spec.kind == "table" and self.spec.classes
        layout = self.spec.layout
        self._conditions = (
            Conditions(layout, dataset.raw, self.indices, rare=rare) if asked else None
        )

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def digest(self) -> str:
        """Hash of all its raw samples in their order, 32 hexadecimal digits (BLAKE2b)."""
        digest = hashlib.blake2b(digest_size=16)
        for start in range(0, len(self), _HASHED):
            part = np.arange(start, min(start + _HASHED, len(self)))
            digest.update(self._gather(part).cpu().numpy().tobytes())
        return digest.hexdigest()

    def batch(self, stream: str, start: int, count: int) -> Batch:
        """Samples number [start, start + count) of a stream."""
        ahead = self._ahead.get(stream)
        if ahead is None or (start, count) not in ahead.parts:
            most = 2 * ahead.many if ahead is not None and start == ahead.stop else 1
            ahead = self._fetched_ahead(stream, start, count, most)
            self._ahead[stream] = ahead
        return ahead.parts.pop((start, count))

    def _fetched_ahead(self, stream: str, start: int, count: int, most: int) -> _Ahead:
        """A batch and those that follow it, `most` in all or as many as `_AHEAD` bytes hold."""
        many = max(1, min(most, _AHEAD // (self._size * max(1, count))))
        whole, parts = self._fetched(stream, start, many * count), {}
        for i in range(many):
            part = slice(i * count, (i + 1) * count)
            y = None if whole.y is None else whole.y[part]
            parts[start + i * count, count] = Batch(whole.x[part], y)
        return _Ahead(parts, start + many * count, many)

    def _fetched(self, stream: str, start: int, count: int) -> Batch:
        """Samples number [start, start + count) of a stream, gathered at once."""
        if self._conditions is not None:
            return self._taken_as(*self._conditions.draw(self.seed, stream, start, count))
        n, stop, parts = len(self), start + count, []
        for epoch in range(start // n, (stop + n - 1) // n):
            first = epoch * n
            parts.append(self._order(stream, epoch)[max(start - first, 0) : stop - first])
        batch = self.take(parts[0] if len(parts) == 1 else np.concatenate([*parts, np.arange(0)]))
        if self.flip and count:
            u = rng.rows(self.seed, f"{stream}/flip", start, count, (), torch.rand)
            mirrored = (u < 0.5).nonzero().flatten().to(self.device)
            batch.x[mirrored] = batch.x[mirrored].flip(-1)
        return batch

    def take(self, places: ArrayLike) -> Batch:
        """The samples `indices[places]`, in this order: places run from 0 to n - 1."""
        at = np.array(places, dtype=np.int64)
        if self._conditions is not None:
            return self._taken_as(at, self._conditions.of(at))
        return self._taken_as(at, None if self._y is None else self._y[at])

    def _taken_as(self, at: Indices, labels: Labels | None) -> Batch:
        """The samples at places, with these labels."""
        raw = self._shaped(self._gather(at))
        self._taken += len(at) * (self._row + _AROUND)
        if min(self._taken, self._raw.nbytes) > _MAPPED:
            self._taken = 0
            let_go(self._raw)
        x = self.spec.encode(raw, self._exact).to(self.dtype)
        y = None if labels is None else self.spec.told(labels).to(self.device)
        return Batch(x, y)

    def _order(self, stream: str, epoch: int) -> Indices:
        orders = self._orders.setdefault(stream, {})
        if epoch not in orders:
            while len(orders) >= _EPOCHS:
                del orders[next(iter(orders))]
            orders[epoch] = rng.permutation(self.seed, stream, epoch, len(self)).numpy()
        return orders[epoch]

    def _shaped(self, rows: Tensor) -> Tensor:
        """Rows (B, D) as raw samples (B, *spec.shape)."""
        if len(self.spec.shape) != 3:
            return rows.reshape(-1, *self.spec.stored)
        channels, height, width = self.spec.shape
        if self._swapped:
            images = rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
        else:
            images = rows.view(-1, channels, height, width)
        return images.contiguous(memory_format=self.memory_format)
