"""Samples from a bundle: arrays and pictures that show and save themselves."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from gantlet.bundle import Bundle
from gantlet.config import Train
from gantlet.errors import RunError, UsageError, unknown
from gantlet.spec import DataSpec
from gantlet.training.machine import Machine, find_machine, settled
from gantlet.training.pictures import as_image, grid, picture
from gantlet.training.snapshot import drawn_labels, generate

__all__ = ["Samples", "class_of", "ready", "sample"]

_OTHER_FILES = (".npy", ".jpg", ".jpeg", ".webp", ".gif", ".zip", ".pt", ".csv")


@dataclass(frozen=True, eq=False)
class Samples:
    """Generated samples: raw values of shape (N, *spec.shape), and their labels if any."""

    values: NDArray[Any]
    labels: NDArray[np.int64] | None
    spec: DataSpec

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> NDArray[Any]:
        row: NDArray[Any] = self.values[index]
        return row

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.spec.shape))
        return f"<{len(self)} samples of {self.spec.kind} {shape}, {self.values.dtype}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    @property
    def images(self) -> list[Image.Image]:
        """Each sample as a picture."""
        return [as_image(value, self.spec) for value in self.values]

    def grid(self, columns: int | None = None) -> Image.Image:
        """All samples in one picture."""
        return grid(self.values, self.spec, columns)

    @property
    def pictured(self) -> bool:
        """Whether each sample can be a PNG file: images of 1, 3 or 4 channels."""
        return self.spec.kind == "image" and self.spec.shape[0] in (1, 3, 4)

    def save(self, path: str | Path) -> Path:
        """Write them and return the path.

        Arguments:
            path: `.npz` (arrays x and y), `.png` (one picture of all), or a folder (a PNG file
                for each, and `grid.png`).

        Raises:
            UsageError: a file of another kind, or samples that PNG cannot hold.
            RunError: the disk refuses.
        """
        path = Path(path)
        if path.suffix.lower() in _OTHER_FILES:
            raise UsageError(
                f"samples as {path}", expected="a folder, or a file that ends in .npz or .png"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            {".npz": self._save_arrays, ".png": self._save_grid}.get(
                path.suffix.lower(), self._save_pictures
            )(path)
        except OSError as error:
            raise RunError(
                f"{path} could not be written: {error.strerror or error}",
                remedy="Free space or choose another place with --out (in Python: another path).",
            ) from error
        return path

    def _save_arrays(self, path: Path) -> None:
        with path.open("wb") as file:  # np.savez would add its own suffix to others
            if self.labels is None:
                np.savez_compressed(file, x=self.values)
            else:
                np.savez_compressed(file, x=self.values, y=self.labels)

    def _save_grid(self, path: Path) -> None:
        picture(self.values[:400], self.spec, path)

    def _save_pictures(self, folder: Path) -> None:
        if not self.pictured:
            raise UsageError(
                f"samples of {self.spec.kind} {self.spec.shape} as PNG",
                expected="images of 1, 3 or 4 channels",
                remedy="Save them as arrays, for example as samples.npz.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        digits = max(4, len(str(len(self) - 1)))
        for i, value in enumerate(self.values):
            _as_file(value, self.spec).save(folder / f"{self._stem(i, digits)}.png")
        self._save_grid(folder / "grid.png")

    def _stem(self, i: int, digits: int) -> str:
        """`0007`, or `0007-cat` with labels."""
        if self.labels is None:
            return f"{i:0{digits}d}"
        name = self.spec.classes[int(self.labels[i])]
        return f"{i:0{digits}d}-{''.join(c if c.isalnum() else '_' for c in name)}"

    def _repr_png_(self) -> bytes:
        """The picture that a notebook shows."""
        buffer = io.BytesIO()
        picture(self.values[:100], self.spec, buffer)
        return buffer.getvalue()


def _as_file(value: NDArray[Any], spec: DataSpec) -> Image.Image:
    """A picture that keeps 16 bits where PNG can hold them: in one channel."""
    if spec.dtype == "uint16" and len(value) == 1:
        return Image.fromarray(value[0].astype(np.uint16))
    return as_image(value, spec)


def sample(
    bundle: Bundle,
    n: int = 16,
    *,
    label: str | int | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Samples:
    """Samples 0 to n - 1 of a seed. Sample i depends on the seed, i and the truncation alone.

    Arguments:
        bundle: of a run or a folder.
        n: how many, at least 1.
        label: a class, by name or number; by the data's frequencies if none is given.
        seed: any number; equal seeds give equal samples.
        truncation: bound t of the latents, which then come from a normal truncated to [-t, t]
            (`gantlet.rng.truncated`): less variety, and samples nearer to the usual. None: no
            bound.
        device: where to compute; results of different devices differ by rounding.

    Raises:
        UsageError: n below 1, a label that the data has not, a truncation of 0 or below.
    """
    if n < 1:
        raise UsageError("number of samples", expected="at least 1", received=str(n))
    if truncation is not None and not (truncation > 0 and math.isfinite(truncation)):
        raise UsageError(
            "truncation",
            expected="a number above 0",
            received=str(truncation),
            remedy="0.5 is strong, 2 is weak; leave it away for the whole variety.",
        )
    y = _labels(bundle.spec, n, label, seed)
    with ready(bundle, device) as (players, machine):
        values = generate(
            bundle.game,
            players,
            bundle.spec,
            machine,
            seed=seed,
            count=n,
            y=y,
            truncation=truncation,
        )
    return Samples(values, None if y is None else y.numpy(), bundle.spec)


@contextmanager
def ready(bundle: Bundle, device: str = "auto") -> Iterator[tuple[nn.ModuleDict, Machine]]:
    """A bundle's players where they compute, in float32: equal samples on different processors."""
    machine = find_machine(Train(device=device, precision="float32"))
    with settled(machine, Train()):
        yield bundle.players.to(machine.device, torch.float32), machine


def _labels(spec: DataSpec, n: int, label: str | int | None, seed: int) -> torch.Tensor | None:
    if label is None:
        return drawn_labels(spec, seed, "sample", 0, n)
    return torch.full((n,), class_of(spec, label))


def class_of(spec: DataSpec, label: str | int) -> int:
    """The number of a class that is told by its name or number; UsageError if there is none."""
    if not spec.classes:
        raise UsageError(
            f"label {label!r}",
            expected="no label",
            received="a run trained without labels",
            remedy="Leave --label away.",
        )
    names = list(spec.classes)
    if str(label) in names:
        return names.index(str(label))
    if isinstance(label, int) and 0 <= label < len(names):
        return label
    raise unknown("label", str(label), names)
