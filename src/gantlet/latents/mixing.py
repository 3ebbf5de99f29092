"""Samples with some layers' styles of one sample, and the rest of another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.files import drafted
from gantlet.labels import Label
from gantlet.latents.film import check_end
from gantlet.latents.space import Drawn, Space, numbered, opened
from gantlet.networks.styles import MixedGenerator
from gantlet.sample import Samples, saving

__all__ = ["PARTS", "Mixture", "check_mixture", "crossed", "mix", "taken"]

PARTS: Mapping[str, tuple[int, int]] = {
    "coarse": (0, 1),
    "middle": (1, 2),
    "fine": (2, 3),
    "all": (0, 3),
}
"""Thirds of a generator's layers by name, the coarsest first."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """R C samples that have some layers' styles of C others and the rest of R."""

    rows: Samples
    """The R samples that give the rest."""
    columns: Samples
    """The C samples that give those layers."""
    mixed: Samples
    """R C samples, row by row."""

    def grid(self) -> Image.Image:
        """The figure of the paper: the rows' samples on the left, the columns' on top."""
        across, spec = len(self.columns), self.mixed.spec
        inner = self.mixed.values.reshape(-1, across, *spec.shape)
        lines = np.concatenate([self.rows.values[:, None], inner], axis=1)
        top = np.concatenate([np.zeros_like(self.columns.values[:1]), self.columns.values])
        every = np.concatenate([top[None], lines]).reshape(-1, *spec.shape)
        sheet = Samples(every, None, spec).grid(across + 1)
        corner = Image.new(sheet.mode, (1, 1), sheet.getpixel((0, 0)))  # the colour of gaps
        size = (sheet.width // (across + 1), sheet.height // (len(self.rows) + 1))
        sheet.paste(corner.resize(size))
        return sheet

    def save(self, path: str | Path) -> Path:
        """Write `.png` (the figure) or `.npz` (arrays x, rows, columns) and return the path.

        Raises:
            UsageError: another kind of file.
            RunError: the disk refuses.
        """
        path = Path(path)
        check_mixture(path)
        with saving(path), drafted(path) as file:
            if path.suffix.lower() == ".png":
                self.grid().save(file, format="png")
            else:
                x, rows, columns = self.mixed.values, self.rows.values, self.columns.values
                np.savez_compressed(file, x=x, rows=rows, columns=columns)
        return path


def check_mixture(path: str | Path) -> None:
    """UsageError for a file that a `Mixture` is not written to."""
    check_end(path, "mixed samples", ".png", ".npz")


def mix(
    bundle: Bundle,
    rows: Sequence[int] = (0, 1, 2, 3),
    columns: Sequence[int] = (0, 1, 2, 3, 4),
    *,
    layers: str | Sequence[int] = "coarse",
    seed: int = 0,
    other: int = 1,
    label: Label | None = None,
    truncation: float | None = None,
    device: str = "auto",
) -> Mixture:
    """Style mixing: each sample of the rows with the styles of each of the columns in `layers`.

    A layer's noise goes with its style, so that with all layers a sample is that of its column.

    Arguments:
        rows: numbers of samples, as `gantlet sample` with `seed` counts them.
        columns: the same with the seed `other`.
        layers: those that columns give: coarse, middle or fine (a third each), all, "2-5", "3",
            or numbers from 0, the coarsest.
        label: the class of all, by name or number; the first if none is given.
        truncation: psi of all styles (`gantlet.truncation.narrowed`).

    Raises:
        UsageError: no samples, layers that are not there, a generator without styles, an unknown
            label, a truncation out of range.

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948
    """
    if not rows or not columns:
        raise UsageError(
            "samples to mix",
            expected="at least one for rows and columns each",
            received=f"{len(rows)} rows, {len(columns)} columns",
        )
    with opened(bundle, device, truncation) as space:
        y, top = space.labels(label, len(rows)), space.labels(label, len(columns))
        a, b = (
            space.drawn(seed, numbered(rows), y),
            space.drawn(other, numbered(columns), top),
        )
        mixed = []
        for i in range(len(columns)):
            there, numbers = crossed(space, a, {k: u[i : i + 1] for k, u in b.items()}, layers, y)
            mixed.append(there.values(numbers, y))
        inner = np.stack(mixed, axis=1).reshape(-1, *bundle.spec.shape)
        edges = (space.values(a, y), space.values(b, top))
    return Mixture(*(Samples(values, None, bundle.spec) for values in (*edges, inner)))


def crossed(
    space: Space, a: Drawn, b: Drawn, layers: str | Sequence[int], y: Tensor | None = None
) -> tuple[Space, Drawn]:
    """Space and numbers of samples with numbers a that have some layers as of b.

    Arguments:
        a: numbers of B samples.
        b: numbers of one.
        layers: see `mix`.
        y: labels, of which the style of b takes the first.

    Raises UsageError for layers that are not there, or a generator without styles.
    """
    generator = space.styled
    if generator is None:
        kinds = (f"{type(p).__module__}.{type(p).__qualname__}" for p in space.players.values())
        raise UsageError(
            "style mixing",
            expected="a run whose generator maps z to styles of its layers",
            received=", ".join(kinds),
            remedy="The recipe stylegan2 trains one.",
        )
    which = taken(layers, generator.layers).to(space.machine.device)
    w = space.codes(b, None if y is None else y[:1])
    swapped = {name for name, layer in generator.enters.items() if which[layer]}
    numbers = {name: b[name].expand_as(u) if name in swapped else u for name, u in a.items()}
    return space.restyled(MixedGenerator(generator, w, which)), numbers


def taken(layers: str | Sequence[int], count: int) -> Tensor:
    """Which of `count` layers are meant, (count,), bool; UsageError for what is no layer."""
    if isinstance(layers, str) and layers in PARTS:
        first, last = (round(count * third / 3) for third in PARTS[layers])
        chosen: Sequence[int] = range(first, last)
    elif isinstance(layers, str):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", layers)
        chosen = range(int(found[1]), int(found[2] or found[1]) + 1) if found else ()
    else:
        chosen = layers
    if not chosen or min(chosen) < 0 or max(chosen) >= count:
        raise UsageError(
            "layers to mix",
            expected=f"{', '.join(PARTS)}, or layers from 0 to {count - 1} such as 0-3",
            received=str(layers),
        )
    which = torch.zeros(count, dtype=torch.bool)
    which[list(chosen)] = True
    return which
