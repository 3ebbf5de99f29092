"""Random numbers that are functions of (seed, stream, index), so that no state need be stored.

Row i of a stream depends on the seed, the stream's name and i alone. A batch is a range of rows;
ranks and micro-batches take parts of the range, and resuming starts at the next row.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "BLOCK",
    "Noise",
    "Requests",
    "chosen",
    "generator",
    "permutation",
    "rows",
    "seed_of",
    "some",
    "truncated",
]

BLOCK = 64
"""Rows drawn by one generator, at most. A part of a format: another value is another stream."""
_NUMBERS = 16_384
"""Numbers of a block of rows that are long: a batch of few images draws no more than it uses."""

Draw = Callable[..., Tensor]
Requests = Mapping[str, tuple[tuple[int, ...], Draw]]
"""Shape of one row and distribution (`torch.randn` or `torch.rand`) by name."""


def seed_of(seed: int, *keys: str | int) -> int:
    """A 63-bit seed for the stream that `keys` name, by BLAKE2b (RFC 7693)."""
    text = "\x1f".join([str(seed), *map(str, keys)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *keys: str | int) -> torch.Generator:
    """A generator of the stream that `keys` name, at its beginning."""
    return torch.Generator().manual_seed(seed_of(seed, *keys))


def rows(
    seed: int,
    stream: str,
    start: int,
    count: int,
    shape: tuple[int, ...],
    draw: Draw = torch.randn,
) -> Tensor:
    """Rows [start, start + count) of a stream, each of `shape`, in float32 on the CPU.

    Whole blocks are drawn, each from a generator of its own, and cut to the range. They have
    `BLOCK` rows, or fewer where these would be more than 16,384 numbers.
    """
    block = max(1, min(BLOCK, _NUMBERS // max(1, math.prod(shape))))
    first, last = start // block, (start + count + block - 1) // block
    drawn, source = torch.empty((last - first, block, *shape)), torch.Generator()
    for number in range(first, last):
        source.manual_seed(seed_of(seed, stream, number))
        draw((block, *shape), generator=source, out=drawn[number - first])
    return drawn.flatten(0, 1)[start - first * block :][:count]


def permutation(seed: int, stream: str, epoch: int, n: int) -> Tensor:
    """The order in which `stream` visits n samples in one epoch, shape (n,)."""
    return torch.randperm(n, generator=generator(seed, stream, "order", epoch))


def some(stream: str, n: int, most: int) -> Tensor:
    """At most so many of n places, drawn by chance, in ascending order; always the same ones."""
    return permutation(0, stream, 0, n)[:most].sort().values


def chosen(seed: int, stream: str, index: int, n: int, q: float) -> Tensor:
    """Poisson sampling: which of n samples take part, each with probability q by itself; (k,).

    k is binomial. What is drawn for a sample does not depend on how many follow it.
    """
    u = torch.rand(n, generator=generator(seed, stream, "chosen", index), dtype=torch.float64)
    return (u < q).nonzero().flatten()


def truncated(n: Tensor, bound: float) -> Tensor:
    """Standard normal numbers to numbers of a normal truncated to [-bound, bound].

    m = F^-1(F(-t) + F(n) (F(t) - F(-t))) with F the normal distribution function and t the bound:
    each number becomes one number that grows with it, with no draw repeated. Computed in float64,
    the result in the type of n.

    Source: Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image
    Synthesis, https://arxiv.org/abs/1809.11096
    """
    t = torch.tensor(bound, dtype=torch.float64)
    low, high = torch.special.ndtr(-t), torch.special.ndtr(t)
    m: Tensor = torch.special.ndtri(low + torch.special.ndtr(n.double()) * (high - low))
    m = m.clamp(-bound, bound)
    return m.to(n.dtype)


class Noise:
    """The random numbers of a range of samples, by name: `noise("z", (64,))` has shape (B, 64).

    Asking twice for a name gives the same numbers, in another shape a ValueError. `requests`
    tells what has been drawn, so that a compiled loss can be handed its numbers beforehand
    (`draw_all`) and draws nothing itself.

    Arguments:
        seed, stream: which stream of random numbers.
        start, count: the range of sample indices.
        device, dtype: of the tensors returned; the draws themselves are float32 on the CPU.
        truncation: bound of the normal numbers (`truncated`); none: no bound.
    """

    def __init__(
        self,
        seed: int,
        stream: str,
        start: int,
        count: int,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        truncation: float | None = None,
    ) -> None:
        self.seed, self.stream, self.start, self.count = seed, stream, start, count
        self.device, self.dtype = torch.device(device), dtype
        self.truncation = truncation
        self.drawn: dict[str, Tensor] = {}
        self.requests: dict[str, tuple[tuple[int, ...], Draw]] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Standard normal numbers of shape (B, *shape)."""
        return self._named(name, shape, torch.randn)

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Uniform numbers on [0, 1) of shape (B, *shape)."""
        return self._named(name, shape, torch.rand)

    def under(self, prefix: str) -> Noise:
        """A second set of numbers: its `name` is `prefix/name` here."""
        return _Derived(
            self, lambda name, shape, draw: self._named(f"{prefix}/{name}", shape, draw)
        )

    def near(self, moved: str, sigma: float) -> Noise:
        """The same numbers, but those named `moved` with sigma times normal ones added."""

        def named(name: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
            numbers = self._named(name, shape, draw)
            return numbers + sigma * self(f"near/{name}", shape) if name == moved else numbers

        return _Derived(self, named)

    def draw_all(self, requests: Requests) -> None:
        """Draw now what will be asked for."""
        for name, (shape, draw) in requests.items():
            self._named(name, shape, draw)

    def _named(self, name: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
        if name not in self.drawn:
            stream = f"{self.stream}/{name}"
            numbers = rows(self.seed, stream, self.start, self.count, shape, draw)
            if self.truncation is not None and draw is torch.randn:
                numbers = truncated(numbers, self.truncation)
            self.drawn[name] = numbers.to(self.device, self.dtype)
            self.requests[name] = (shape, draw)
        drawn = self.drawn[name]
        if drawn.shape[1:] != torch.Size(shape):
            first = tuple(drawn.shape[1:])
            raise ValueError(
                f"random numbers {name!r} are asked for in two shapes, {first} and "
                f"{tuple(shape)}: give each kind a name of its own"
            )
        return drawn


class _Derived(Noise):
    """Numbers that another `Noise` draws and remembers, by a rule for each name.

    It leaves the range to the other one: what it copied, a compiled loss would be compiled for.
    """

    def __init__(self, of: Noise, named: Callable[[str, tuple[int, ...], Draw], Tensor]) -> None:
        self._of, self._rule = of, named

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def _named(self, name: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
        return self._rule(name, shape, draw)
