"""A generator as a map from random numbers to samples: what all exploring stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.games.base import Query
from gantlet.labels import Label, usual_labels
from gantlet.networks.styles import MovedGenerator, StyleGenerator
from gantlet.rng import BLOCK, Noise
from gantlet.sample import ready
from gantlet.spec import DataSpec
from gantlet.training.machine import Machine
from gantlet.truncation import narrowed

__all__ = ["LAST", "Drawn", "Space", "numbered", "opened", "turned"]

LAST = 2**53 - 1
"""Largest number of a sample, up to which a page knows all whole numbers too."""

Drawn = Mapping[str, Tensor]
"""The random numbers of B samples by name, shape (B, ...) each; `z` is the latent vector."""


@dataclass(frozen=True, eq=False)
class Space:
    """A bundle's averaged players where they compute. `opened` gives one."""

    bundle: Bundle
    players: nn.ModuleDict
    machine: Machine
    bound: float | None = None
    """Of the normal numbers that `drawn` gives."""

    @property
    def spec(self) -> DataSpec:
        """What the samples are."""
        return self.bundle.spec

    def narrowed(self, truncation: float | None) -> Space:
        """The same with a truncation, where it has none yet (`gantlet.truncation.narrowed`)."""
        players, bound = narrowed(self.players, truncation, self.spec)
        return replace(self, players=players, bound=bound)

    @property
    def styled(self) -> StyleGenerator | None:
        """The generator of styles among the players, if there is one."""
        found = (p for p in self.players.values() if isinstance(p, StyleGenerator))
        return next(found, None)

    def restyled(self, generator: StyleGenerator) -> Space:
        """The same with another generator of styles in the place of `styled`."""
        own = self.styled
        players = {k: generator if p is own else p for k, p in self.players.items()}
        return replace(self, players=nn.ModuleDict(players))

    def labels(self, label: Label | None, count: int) -> Tensor | None:
        """The same label `count` times, see `gantlet.labels.usual_labels`."""
        return usual_labels(self.spec, label, count)

    def drawn(self, seed: int, index: Tensor, y: Tensor | None) -> dict[str, Tensor]:
        """The random numbers of those samples of a seed that `gantlet sample` makes.

        Arguments:
            index: which samples, shape (B,), int64.
            y: labels, of which the first is used: numbers do not depend on them.
        """
        probe = self._noise(seed, 0, 1)
        with torch.no_grad():
            self._sample(probe, None if y is None else y[:1])  # tells what is drawn
        first, parts = int(index[0]), []
        is_range = torch.equal(index, torch.arange(first, first + len(index)))
        for start, count in (
            [(first, len(index))] if is_range else [(i, 1) for i in index.tolist()]
        ):
            noise = self._noise(seed, start, count)
            noise.draw_all(probe.requests)
            parts.append(noise.drawn)
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def render(self, drawn: Drawn, y: Tensor | None = None) -> Tensor:
        """Samples x in [-1, 1], shape (B, *spec.shape); gradients flow to the numbers.

        A sample depends on its own numbers alone.

        Raises UsageError where the game draws numbers that are not given.
        """
        count = len(next(iter(drawn.values())))
        parts = []
        for start in range(0, count, BLOCK):
            here = slice(start, start + BLOCK)
            given = {name: numbers[here] for name, numbers in drawn.items()}
            noise = Noise(0, "given", 0, len(given[next(iter(given))]))
            noise.drawn.update(given)
            parts.append(self._sample(noise, None if y is None else y[here]))
            if noise.drawn.keys() != drawn.keys():
                more = sorted(noise.drawn.keys() - drawn.keys())
                raise UsageError("numbers of samples", expected=f"{more[0]} too", received="none")
        return torch.cat(parts)

    def values(self, drawn: Drawn, y: Tensor | None = None) -> NDArray[Any]:
        """Samples as raw values, shape (B, *spec.shape)."""
        with torch.no_grad():
            values: NDArray[Any] = self.spec.decode(self.render(drawn, y)).cpu().numpy()
        return values

    def latents(self, drawn: Drawn) -> Tensor:
        """The latent vectors z, shape (B, D); UsageError of a game that has none."""
        if "z" not in drawn or drawn["z"].dim() != 2:
            raise UsageError(
                f"latent space of {self.bundle.path}",
                expected="a game that makes samples of a vector z",
                received=f"one that draws {', '.join(drawn) or 'nothing'}",
            )
        return drawn["z"]

    def codes(self, drawn: Drawn, y: Tensor | None = None) -> Tensor:
        """The vectors that directions move, (B, D): w of a generator of styles, else z."""
        z, generator = self.latents(drawn), self.styled
        if generator is None:
            return z
        with torch.no_grad():
            return generator.style(z, None if y is None else y.to(z.device))

    def moved(self, drawn: Drawn, step: Tensor) -> tuple[Space, Drawn]:
        """Space and numbers of samples whose `codes` are moved by a step, shape (1, D)."""
        z, generator = self.latents(drawn), self.styled
        if generator is None:
            return self, {**drawn, "z": z + step.to(z)}
        return self.restyled(MovedGenerator(generator, step.to(z))), drawn

    def _noise(self, seed: int, start: int, count: int) -> Noise:
        device, dtype = self.machine.device, self.machine.dtype
        return Noise(
            seed, "sample", start, count, device=device, dtype=dtype, truncation=self.bound
        )

    def _sample(self, noise: Noise, y: Tensor | None) -> Tensor:
        device = self.machine.device
        query = Query(noise, None if y is None else y.to(device))
        return self.bundle.game.sample(self.players, query)


@contextmanager
def opened(
    bundle: Bundle, device: str = "auto", truncation: float | None = None
) -> Iterator[Space]:
    """The latent space of a bundle, for as long as the block lasts.

    With a truncation (`gantlet.truncation.narrowed`) the numbers it draws, or the styles it makes
    of them, are those of `gantlet sample --truncation`.
    """
    with ready(bundle, device) as (players, machine):
        yield Space(bundle, players, machine).narrowed(truncation)


def numbered(samples: Sequence[int]) -> Tensor:
    """Numbers of samples as an index, int64; UsageError for what counts no sample."""
    wrong = [i for i in samples if not 0 <= i <= LAST]
    if wrong:
        raise UsageError(
            "number of a sample", expected=f"0 or more, at most {LAST}", received=str(wrong[0])
        )
    return torch.tensor(samples, dtype=torch.int64)


def turned(a: Drawn, b: Drawn, t: Tensor) -> dict[str, Tensor]:
    """The way from a to b, u cos(t pi / 2) + v sin(t pi / 2): normal numbers stay normal.

    Arguments:
        a, b: numbers of B samples each.
        t: shape (B,), from 0 (a) to 1 (b).

    Source: White (2016), Sampling Generative Networks, https://arxiv.org/abs/1609.04468, of which
    this is the form for vectors at right angles, as those of many dimensions nearly are.
    """
    angle = t * (torch.pi / 2)

    def way(u: Tensor, v: Tensor) -> Tensor:
        phi = angle.to(u).view(-1, *[1] * (u.dim() - 1))
        return u * phi.cos() + v * phi.sin()

    return {name: way(u, b[name]) for name, u in a.items()}
