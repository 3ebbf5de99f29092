"""One sample of a latent space: moved along directions, its styles mixed with another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.labels import Label
from gantlet.latents.directions import Directions, directions
from gantlet.latents.mixing import crossed
from gantlet.latents.space import Drawn, Space, numbered, opened
from gantlet.sample import Samples

__all__ = ["Still", "drawn", "still"]


@dataclass(frozen=True, kw_only=True)
class Still:
    """One sample, by all that makes it what it is but the truncation of its space."""

    sample: int = 0
    """Its number, as `gantlet sample` with that seed counts it."""
    seed: int = 0
    label: Label | None = None
    """The class, by name or number, or conditions; the first class, or the usual ones, if none is
    given."""
    moves: Sequence[float] = ()
    """How far it goes along each direction, the strongest first (`Directions.vectors`)."""
    layers: str | Sequence[int] | None = None
    """Those with the styles of another sample, as `mix` takes them; none: its own in all."""
    other: tuple[int, int] = (1, 0)
    """Seed and number of that sample."""

    def values(
        self,
        space: Space,
        found: Directions | None = None,
        draw: Callable[[int, int], Drawn] | None = None,
    ) -> NDArray[Any]:
        """Raw values, shape (1, *spec.shape).

        Arguments:
            found: the directions of the moves.
            draw: what gives the numbers of a seed's sample, `drawn` of the space if none is given.

        Raises:
            UsageError: a sample below 0, an unknown label, other moves than there are directions,
                layers that are not there or of a generator without styles.
        """
        draw, y = draw or partial(drawn, space), space.labels(self.label, 1)
        there, numbers = space, draw(self.seed, self.sample)
        if self.layers is not None:
            there, numbers = crossed(space, numbers, draw(*self.other), self.layers, y)
        if any(self.moves):
            steps = torch.tensor([self.moves], dtype=torch.float32)
            there, numbers = there.moved(numbers, steps @ _vectors(found, self))
        return there.values(numbers, y)


def _vectors(found: Directions | None, asked: Still) -> torch.Tensor:
    if found is None or len(found) != len(asked.moves):
        raise UsageError(
            "moves along directions",
            expected=f"{0 if found is None else len(found)}, one for each direction",
            received=str(len(asked.moves)),
        )
    return found.vectors


def drawn(space: Space, seed: int, sample: int) -> dict[str, torch.Tensor]:
    """The random numbers of one sample of a seed, (1, ...) each; UsageError below number 0."""
    return space.drawn(seed, numbered([sample]), space.labels(None, 1))


def still(
    bundle: Bundle,
    sample: int = 0,
    *,
    seed: int = 0,
    label: Label | None = None,
    truncation: float | None = None,
    moves: Sequence[float] = (),
    method: str = "sefa",
    layers: str | Sequence[int] | None = None,
    other: tuple[int, int] = (1, 0),
    device: str = "auto",
) -> Samples:
    """One sample, moved along directions and mixed with another: what `gantlet explore` shows.

    It moves by the sum of moves[k] times the k-th of as many `directions`, found by `method`;
    `layers` have the styles of the other sample, as in `mix`, which does not move. See `Still` for
    the arguments.

    Raises:
        UsageError: a sample below 0, an unknown label, a truncation out of range, more moves than
            there are directions, another method, layers that are not there or of a generator
            without styles.
    """
    found = directions(bundle, len(moves), method=method, device=device) if any(moves) else None
    asked = Still(
        sample=sample, seed=seed, label=label, moves=tuple(moves), layers=layers, other=other
    )
    with opened(bundle, device, truncation) as space:
        values, y = asked.values(space, found), space.labels(label, 1)
    return Samples(values, None if y is None else bundle.spec.untold(y), bundle.spec)
