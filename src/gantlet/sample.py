"""Samples from a bundle: arrays and pictures that show and save themselves."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from gantlet.bundle import Bundle
from gantlet.config import Train
from gantlet.errors import RunError, UsageError
from gantlet.files import drafted, zipped
from gantlet.labels import Label, asked_labels, class_of, label_table
from gantlet.png import encoded
from gantlet.processors import ahead, granted_threads
from gantlet.rejection import MOST, is_constrained, judged, kept, law_of
from gantlet.rng import BLOCK
from gantlet.spec import DataSpec
from gantlet.training.machine import Machine, find_machine, settled
from gantlet.training.pictures import as_image, as_pixels, grid, picture
from gantlet.training.snapshot import raw_blocks
from gantlet.truncation import narrowed

__all__ = [
    "SHOWN",
    "Samples",
    "check_place",
    "computed",
    "ready",
    "sample",
    "sample_into_zip",
    "saving",
]

_OTHER_FILES = (
    *(".npy", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pt"),
    *(".csv", ".tsv", ".json", ".jsonl", ".parquet", ".feather", ".xlsx"),
)
SHOWN = 400
"""Samples that one picture of them has at most."""
_WAITING = 2
"""Blocks of samples that wait for each thread that encodes."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Generated samples: raw values of shape (N, *spec.stored), and their labels if any."""

    values: NDArray[Any]
    labels: NDArray[Any] | None
    """Class labels (N,), int64; values of conditions (N, K), float32, a choice by its number."""
    spec: DataSpec
    seed: int = 0
    """That they were made with."""
    share: float = 1.0
    """Of the rows of a table that were made, those that met constraints and conditions."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> NDArray[Any]:
        row: NDArray[Any] = self.values[index]
        return row

    def __repr__(self) -> str:
        if self.spec.kind == "table":
            return f"<{len(self)} rows of a table of {len(self.spec.table['columns'])} columns>"
        shape = " x ".join(map(str, self.spec.shape))
        return f"<{len(self)} samples of {self.spec.kind} {shape}, {self.values.dtype}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    @property
    def frame(self) -> Any:
        """Rows of a table as a pandas DataFrame, of the columns and types that it was made from.

        Raises UsageError for samples that are no rows.
        """
        from gantlet.tables import TableTransform

        if self.spec.kind != "table":
            raise UsageError(
                f"samples of {self.spec.kind} as a DataFrame", expected="rows of a table"
            )
        transform = TableTransform.from_json(self.spec.table)
        return transform.inverse_transform(self.values, seed=self.seed)

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
        return _pictured(self.spec)

    def save(self, path: str | Path) -> Path:
        """Write them and return the path.

        Arguments:
            path: `.npz` (arrays x and y), `.png` (one picture, of the first 400), `.zip` (a PNG
                file for each), or a folder (the same, and `grid.png`). Of rows: `.csv`, `.tsv`,
                `.jsonl` (with `.gz` too), `.parquet` or `.feather`.

        Raises:
            UsageError: a file of another kind, or samples that PNG cannot hold.
            RunError: the disk refuses.
        """
        path = Path(path)
        check_place(path, self.spec)
        if self.spec.kind == "table":
            return self._save_table(path)
        kinds = {".npz": self._save_arrays, ".png": self._save_grid, ".zip": self._save_zip}
        with saving(path):
            kinds.get(path.suffix.lower(), self._save_pictures)(path)
        return path

    def _save_table(self, path: Path) -> Path:
        from gantlet.tables.files import write_table

        with saving(path):
            write_table(self.frame, path)
        return path

    def _save_arrays(self, path: Path) -> None:
        with drafted(path) as file:
            if self.labels is None:
                np.savez_compressed(file, x=self.values)
            else:
                np.savez_compressed(file, x=self.values, y=self.labels)

    def _save_grid(self, path: Path) -> None:
        with drafted(path) as file:
            picture(self.values[:SHOWN], self.spec, file)

    def _save_zip(self, path: Path) -> None:
        _check_pictured(self.spec)
        parts = torch.from_numpy(self.values).split(BLOCK)
        names = _names(self.spec, len(self), self.labels)
        _write_zip(path, parts, names, self.spec, self.labels)

    def _save_pictures(self, folder: Path) -> None:
        _check_pictured(self.spec)
        folder.mkdir(parents=True, exist_ok=True)
        names = _names(self.spec, len(self), self.labels)
        for name, content in zip(names, encoded(_pixels(self.values, self.spec)), strict=True):
            (folder / name).write_bytes(content)
        for name, content in _tables(self.spec, names, self.labels):
            (folder / name).write_bytes(content)
        self._save_grid(folder / "grid.png")

    def _repr_png_(self) -> bytes:
        """The picture that a notebook shows."""
        buffer = io.BytesIO()
        picture(self.values[:100], self.spec, buffer)
        return buffer.getvalue()


def check_place(path: Path, spec: DataSpec) -> None:
    """Refuse a file that samples cannot be written to, before they are made.

    Raises UsageError for a file of another kind.
    """
    if spec.kind == "table":
        from gantlet.tables.files import check_written

        check_written(path)
        return
    known = path.suffix.lower() in (".npz", ".png", ".zip")
    if path.suffix.lower() in _OTHER_FILES or (path.is_file() and not known):
        raise UsageError(
            f"samples as {path}",
            expected="a folder, or a file that ends in .npz, .png or .zip",
        )


def _pictured(spec: DataSpec) -> bool:
    return spec.kind == "image" and spec.shape[0] in (1, 3, 4)


def _check_pictured(spec: DataSpec) -> None:
    if spec.kind == "table":
        raise UsageError(
            "rows of a table as PNG", expected="a file such as rows.csv or rows.parquet"
        )
    if not _pictured(spec):
        raise UsageError(
            f"samples of {spec.kind} {spec.shape} as PNG",
            expected="images of 1, 3 or 4 channels",
            remedy="Save them as arrays, for example as samples.npz.",
        )


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """The folder of `path` is there within; what the disk refuses becomes a `RunError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise RunError(
            f"{path} could not be written: {error.strerror or error}",
            remedy="Free space or choose another place with --out (in Python: another path).",
        ) from error


def _names(spec: DataSpec, n: int, labels: NDArray[Any] | None) -> list[str]:
    """Names of n files: `0007.png`, or `0007-cat.png` with classes."""
    digits = max(4, len(str(n - 1)))
    if labels is None or spec.conditions:
        return [f"{i:0{digits}d}.png" for i in range(n)]
    plain = ["".join(c if c.isalnum() else "_" for c in name) for name in spec.classes]
    return [f"{i:0{digits}d}-{plain[label]}.png" for i, label in enumerate(labels.tolist())]


def _write_zip(
    path: Path,
    parts: Iterable[torch.Tensor],
    names: Sequence[str],
    spec: DataSpec,
    labels: NDArray[Any] | None,
) -> None:
    """A zip of PNG files, and of their conditions in a table where there are any.

    Threads fetch and encode parts while others are computed and written.
    """

    def files(values: torch.Tensor) -> list[bytes]:
        return list(encoded(_pixels(values.cpu().numpy(), spec)))

    with ThreadPoolExecutor(granted_threads()) as pool:
        found = ahead(pool, files, parts, granted_threads() * _WAITING)
        pictures = zip(names, chain.from_iterable(found), strict=True)
        zipped(path, chain(pictures, _tables(spec, names, labels)))


def _tables(
    spec: DataSpec, names: Sequence[str], labels: NDArray[Any] | None
) -> Iterator[tuple[str, bytes]]:
    """The file of conditions beside pictures, as training takes it, if there are any."""
    if spec.conditions and labels is not None:
        yield "labels.csv", label_table(spec, names, labels).encode()


def _pixels(values: NDArray[Any], spec: DataSpec) -> NDArray[Any]:
    """Images with channels last; they keep 16 bits where they have one channel."""
    if spec.dtype == "uint16" and values.shape[1] == 1:
        return values.transpose(0, 2, 3, 1)
    return as_pixels(values, spec)


def sample(
    bundle: Bundle,
    n: int = 16,
    *,
    label: Label | None = None,
    seed: int = 0,
    truncation: float | None = None,
    constraints: Sequence[Callable[[Any], Any]] = (),
    device: str = "auto",
) -> Samples:
    """Samples 0 to n - 1 of a seed. Sample i depends on the seed, i and the truncation alone.

    Rows of a table with constraints are those that meet them, in the order in which they are made.

    Arguments:
        bundle: of a run or a folder.
        n: how many, at least 1.
        label: a class, by name or number, or conditions by name; what it does not say is drawn as
            the data have it (`gantlet.labels.drawn_labels`).
        seed: any number; equal seeds give equal samples.
        truncation: less variety, and samples nearer to the usual; see
            `gantlet.truncation.narrowed`.
        constraints: of a table: the functions among the constraints of the training.
        device: where to compute; results of different devices differ by rounding.

    Raises:
        UsageError: n below 1, a label that the data has not, a truncation out of range,
            constraints that hardly any row meets, or functions of them that are not at hand.
    """
    y, spec = _checked(n, bundle.spec, label, seed), bundle.spec
    if not (is_constrained(spec) or constraints):
        with computed(bundle, n, y, seed, truncation, device) as parts:
            values = torch.cat([part.cpu() for part in parts]).numpy()
        return Samples(values, None if y is None else spec.untold(y), spec, seed)
    holds, what = law_of(spec, constraints)
    asked = None if label is None else torch.tensor(class_of(spec, label)).expand(MOST)
    with computed(bundle, MOST, asked, seed, truncation, device) as parts:
        found = kept(judged((part.cpu().numpy() for part in parts), holds), n, what)
    y = asked_labels(spec, int(found.places[-1]) + 1, label, seed)
    labels = None if y is None else y.numpy()[found.places]
    return Samples(found.rows, labels, spec, seed, found.share)


def sample_into_zip(
    bundle: Bundle,
    path: str | Path,
    n: int,
    *,
    label: Label | None = None,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "auto",
) -> Path:
    """The samples of `sample` as PNG files in a zip, written while they are computed.

    Threads encode what is computed, so that memory does not grow with n. The zip has its name once
    it is whole. See `sample` for the arguments.

    Raises:
        UsageError: see `sample`; samples that PNG cannot hold.
        RunError: the disk refuses.
    """
    path, spec = Path(path), bundle.spec
    _check_pictured(spec)
    y = _checked(n, spec, label, seed)
    labels = None if y is None else spec.untold(y)
    names = _names(spec, n, labels)
    with computed(bundle, n, y, seed, truncation, device) as parts, saving(path):
        _write_zip(path, parts, names, spec, labels)
    return path


@contextmanager
def computed(
    bundle: Bundle,
    n: int,
    y: torch.Tensor | None,
    seed: int,
    truncation: float | None,
    device: str,
) -> Iterator[Iterator[torch.Tensor]]:
    """Samples as raw values, block by block; each is computed when it is asked for."""
    game, spec = bundle.game, bundle.spec
    with ready(bundle, device) as (whole, machine):
        players, bound = narrowed(whole, truncation, spec)
        yield raw_blocks(game, players, spec, machine, seed=seed, count=n, y=y, truncation=bound)


@contextmanager
def ready(bundle: Bundle, device: str = "auto") -> Iterator[tuple[nn.ModuleDict, Machine]]:
    """A bundle's players where they compute, in float32: equal samples on different processors.

    Blocks of rows of tables are computed side by side, each by one thread.
    """
    machine = find_machine(Train(device=device, precision="float32"))
    threads = 1 if bundle.spec.kind == "table" else machine.threads
    with settled(replace(machine, threads=threads), Train()):
        yield bundle.players.to(machine.device, torch.float32), machine


def _checked(n: int, spec: DataSpec, label: Label | None, seed: int) -> torch.Tensor | None:
    """Labels of the samples that are asked for; UsageError for what cannot be made."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise UsageError(
            "number of samples", expected="a whole number, at least 1", received=repr(n)
        )
    return asked_labels(spec, n, label, seed)
