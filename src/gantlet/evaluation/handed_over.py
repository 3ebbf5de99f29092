"""Held-out data that a person hands over, brought to the form of a run's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.data.dataset import Dataset, Labels
from gantlet.data.frames import fitting, frame_of
from gantlet.data.split import Indices, halves
from gantlet.errors import UsageError
from gantlet.evaluation.parts import Part, part_of
from gantlet.planning import cache_of
from gantlet.spec import DataSpec
from gantlet.tables.transform import TableTransform

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["HandedOver", "handed_over"]


@dataclass(frozen=True, eq=False)
class HandedOver:
    """Held-out data, and those of them that may take part."""

    name: str
    dataset: Dataset
    table: Any
    """The rows of a table as they were read, a pandas DataFrame; None of other samples."""
    index: Indices
    """Places of those that the run has not seen."""
    notes: tuple[str, ...] = ()
    """About the others."""

    def part(self, index: Indices) -> Part:
        """Those at `index`."""
        return part_of(self.dataset, self.table, index)

    def unseen(self, dataset: Dataset, trained: Indices, used: Indices) -> HandedOver:
        """Without the samples that a run has seen; rows of tables may recur, and stay.

        Arguments:
            dataset: of the run.
            trained: places of its training samples.
            used: places of the samples that validation looked at.

        Raises:
            UsageError: most of the data are training samples.
        """
        if self.table is not None:
            return self
        hashes = self.dataset.hashes
        known = np.isin(hashes, dataset.hashes[trained])
        if 2 * known.sum() > len(hashes):
            raise UsageError(
                "the held-out data",
                expected="samples that the run was not trained on",
                received=f"{len(hashes):,}, of which it was trained on {known.sum():,}",
                remedy="Give others."
                if len(trained) == len(dataset)
                else "Give others, or leave --data away: some were set aside.",
            )
        seen = known | np.isin(hashes, dataset.hashes[used])
        if not seen.any():
            return self
        note = (
            f"{seen.sum():,} of the {len(seen):,} samples handed over were seen while training, "
            "and take no part."
        )
        return replace(self, index=np.flatnonzero(~seen), notes=(note,))

    def others(self, dataset: Dataset, places: Indices) -> Indices:
        """Those of a run's samples at some places that are not among these; rows may recur."""
        if self.table is not None:
            return places
        return places[~np.isin(dataset.hashes[places], self.dataset.hashes[self.index])]

    def halves(self, fewest: int) -> tuple[Indices, Indices]:
        """Places of the floor and of the reference: by content, as of samples set aside.

        Where a half would have fewer than `fewest`, all are the reference, and there is no floor.
        """
        floor, reference = halves(self.index, self.dataset.lots)
        if min(len(floor), len(reference)) < fewest:
            return self.index[:0], self.index
        return floor, reference


def handed_over(data: Source, bundle: Bundle, like: Any) -> HandedOver:
    """Held-out data of the shape, the classes and the columns of a run.

    Arguments:
        data: a file, a folder or an array.
        bundle: of the run.
        like: of a table some rows of the run, whose types tell how cells are read; else None.

    Raises:
        UsageError: data of another shape, other classes or other columns.
    """
    name = f"{data}" if isinstance(data, str | Path) else "data handed over"
    dataset, table = (_samples(data, bundle), None) if like is None else _rows(data, bundle, like)
    return HandedOver(name, dataset, table, np.arange(len(dataset)))


def _rows(data: Source, bundle: Bundle, like: Any) -> tuple[Dataset, Any]:
    transform = TableTransform.from_json(bundle.spec.table)
    frame = fitting(
        frame_of(data, bundle.config.data, transform.columns_), transform.columns_, like
    )
    return Dataset(bundle.spec, transform.transform(frame), None, "held out"), frame


def _samples(data: Source, bundle: Bundle) -> Dataset:
    """Brought to the size and the classes of the run."""
    spec, settings = bundle.spec, bundle.config.data
    if spec.kind == "image":
        _, height, width = spec.shape
        settings = replace(settings, size=(height, width))
    other = open_data(data, settings, cache=cache_of(data))
    if other.spec.shape != spec.shape or other.spec.dtype != spec.dtype:
        raise UsageError(
            "the held-out data",
            expected=f"{spec.dtype} samples of shape {spec.shape}, as the run was trained on",
            received=f"{other.spec.dtype} of shape {other.spec.shape}",
        )
    y = other.y
    if y is not None and other.spec.classes != spec.classes:
        y = _renamed(y, other.spec.classes, spec.classes)
    alike = spec.classes or (spec.conditions and _asked(other.spec) == _asked(spec))
    return replace(other, y=y if alike else None)


def _asked(spec: DataSpec) -> list[tuple[str, bool, tuple[str, ...]]]:
    """What makes values of conditions comparable."""
    return [(c.name, c.kind == "flag", c.names) for c in spec.conditions]


def _renamed(y: Labels, theirs: tuple[str, ...], ours: tuple[str, ...]) -> Labels:
    unknown = [name for name in theirs if name not in ours]
    if unknown and ours:
        raise UsageError(
            "the held-out data",
            expected=f"the classes of the run ({', '.join(ours[:8])})",
            received=f"class {unknown[0]!r}",
        )
    return np.array([ours.index(name) for name in theirs])[y] if ours else y
