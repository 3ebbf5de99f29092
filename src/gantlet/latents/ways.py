"""Ways through a latent space: from sample to sample, and from class to class."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.labels import Label, class_of, ends_of, way_labels
from gantlet.latents.space import Drawn, Space, numbered, opened, turned
from gantlet.sample import Samples

__all__ = ["interpolate", "morph", "morphed", "way"]


def interpolate(
    bundle: Bundle,
    samples: Sequence[int] = (0, 1, 2, 3),
    *,
    steps: int = 8,
    seed: int = 0,
    label: Label | None = None,
    truncation: float | None = None,
    device: str = "auto",
) -> Samples:
    """Samples on the way from one sample of a seed to the next, those included.

    (S - 1) steps + 1 samples for S stops. Every random number turns from one stop's to the
    next's (`gantlet.latents.turned`).

    Arguments:
        samples: numbers of the stops, as `gantlet sample` with that seed counts them.
        steps: from each stop to the next.
        label: the class, by name or number; the first if none is given.
        truncation: of the stops (`gantlet.truncation.narrowed`). Numbers between them have the
            spread of theirs.

    Raises:
        UsageError: fewer than two stops, no steps, an unknown label, a truncation out of range.
    """
    if len(samples) < 2 or steps < 1:
        raise UsageError(
            "a way from sample to sample",
            expected="at least two samples by their numbers, and at least 1 step",
            received=f"samples {list(samples)}, {steps} steps",
        )
    with opened(bundle, device, truncation) as space:
        values = way(space, samples, steps=steps, seed=seed, label=label)
        y = space.labels(label, len(values))
    return Samples(values, None if y is None else bundle.spec.untold(y), bundle.spec)


def way(
    space: Space, samples: Sequence[int], *, steps: int, seed: int, label: Label | None
) -> NDArray[Any]:
    """Raw values of what `interpolate` tells, shape ((S - 1) steps + 1, *spec.shape)."""
    stops = space.drawn(seed, numbered(samples), space.labels(label, 1))
    t = torch.arange(steps * (len(samples) - 1) + 1)
    at = (t // steps).clamp(max=len(samples) - 2)
    a = {name: u[at] for name, u in stops.items()}
    b = {name: u[at + 1] for name, u in stops.items()}
    return space.values(turned(a, b, t / steps - at), space.labels(label, len(t)))


def morph(
    bundle: Bundle,
    labels: Sequence[Label],
    samples: Sequence[int] = (0, 1, 2, 3),
    *,
    steps: int = 8,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Samples:
    """Samples of a seed on the way from class to class: a row of equal length for each.

    A row has (K - 1) steps + 1 samples for K labels. Only the vectors that the generator has for
    classes change, linearly, or the values of conditions; the random numbers stay.
    `truncation` is that of the samples (`gantlet.truncation.narrowed`).

    Raises:
        UsageError: a run without labels, unknown or too few labels, a generator that has no
            vector for each class.
    """
    if not (bundle.spec.classes or bundle.spec.conditions):
        raise UsageError(
            "a way from class to class",
            expected="a run on data with labels",
            received="one trained without labels",
            remedy="From sample to sample goes gantlet interpolate.",
        )
    if len(labels) < 2 or steps < 1 or not samples:
        raise UsageError(
            "a way from class to class",
            expected="at least two labels, at least 1 step and 1 sample",
            received=f"labels {list(labels)}, {steps} steps, samples {list(samples)}",
            remedy=" ".join(["For example", *ends_of(bundle.spec.conditions[0])])
            if bundle.spec.conditions
            else "",
        )
    with opened(bundle, device, truncation) as space:
        drawn = space.drawn(seed, numbered(samples), space.labels(None, 1))
        columns = list(
            (_conditioned if bundle.spec.conditions else _classed)(space, drawn, labels, steps)
        )
    values = np.stack(columns, axis=1).reshape(-1, *bundle.spec.stored)
    return Samples(values, None, bundle.spec)


def _conditioned(
    space: Space, drawn: Drawn, labels: Sequence[Label], steps: int
) -> Iterator[NDArray[Any]]:
    """Samples at each step from values of conditions to the next."""
    count = len(next(iter(drawn.values())))
    for y in way_labels(space.spec, labels, steps):
        yield space.values(drawn, y.expand(count, -1))


def _classed(
    space: Space, drawn: Drawn, labels: Sequence[Label], steps: int
) -> Iterator[NDArray[Any]]:
    """Samples at each step from class to class."""
    numbers = [class_of(space.spec, label) for label in labels]
    for a, b in pairwise(numbers):
        yield from (_between(space, drawn, a, b, t / steps) for t in range(steps))
    yield _between(space, drawn, numbers[-1], numbers[-1], 0.0)


def _between(space: Space, drawn: Drawn, a: int, b: int, t: float) -> NDArray[Any]:
    there = replace(space, players=morphed(space.players, len(space.spec.classes), a, b, t))
    return there.values(drawn, space.labels(a, len(next(iter(drawn.values())))))


def morphed(players: nn.ModuleDict, classes: int, a: int, b: int, t: float) -> nn.ModuleDict:
    """Players for which class a is (1 - t) a + t b in every table of class vectors.

    Raises UsageError where the players have no such table.
    """
    other = copy.deepcopy(players)
    tables = [
        m for m in other.modules() if isinstance(m, nn.Embedding) and m.num_embeddings == classes
    ]
    if not tables:
        raise UsageError(
            "a way from class to class",
            expected="a generator with a vector for each class",
            received="one that learns of classes in another way",
        )
    with torch.no_grad():
        for table in tables:
            table.weight[a] = torch.lerp(table.weight[a], table.weight[b], t)
    return other
