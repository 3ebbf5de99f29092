"""Samples moved along directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.latents.directions import Directions
from gantlet.latents.space import opened
from gantlet.sample import Samples

__all__ = ["check_reach", "move"]


def move(
    bundle: Bundle,
    found: Directions,
    *,
    n: int = 1,
    reach: float = 3.0,
    steps: int = 7,
    seed: int = 0,
    label: str | int | None = None,
    truncation: float | None = None,
    device: str = "auto",
) -> Samples:
    """Samples 0 to n - 1 of a seed moved along each direction: K n rows of `steps` samples.

    A row goes from c - reach v to c + reach v, with c the latent vector z, or w where there are
    styles (`Space.codes`), and v one of the `vectors`. `truncation` is that of the samples
    (`gantlet.truncation.narrowed`); the way from them is not cut.

    Raises UsageError for fewer than two steps, a reach of 0 or below, directions of another space,
    a truncation out of range.
    """
    if steps < 2 or n < 1:
        raise UsageError("steps along a direction", expected="at least 2", received=str(steps))
    check_reach(reach)
    with opened(bundle, device, truncation) as space:
        y = space.labels(label, n)
        drawn = space.drawn(seed, torch.arange(n), y)
        size = space.codes(drawn, y).shape[1]
        if found.vectors.shape[1] != size:
            raise UsageError(
                "directions",
                expected=f"vectors of {size} numbers, as the latent space has",
                received=str(found.vectors.shape[1]),
            )
        values = list[Any]()
        for vector in found.vectors:
            places = (t * vector[None] for t in torch.linspace(-reach, reach, steps))
            ways = [space.moved(drawn, step) for step in places]
            row = [there.values(numbers, y) for there, numbers in ways]
            values.append(np.stack(row, axis=1).reshape(-1, *bundle.spec.stored))
        y = space.labels(label, n * steps * len(found))
    labels = None if y is None else bundle.spec.untold(y)
    return Samples(np.concatenate(values), labels, bundle.spec)


def check_reach(reach: float) -> None:
    """UsageError for what is no way to go to both sides."""
    if not (reach > 0 and math.isfinite(reach)):
        raise UsageError("reach of a direction", expected="a number above 0", received=str(reach))
