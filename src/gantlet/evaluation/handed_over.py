"""Held-out data that a person hands over, brought to the form of a run's own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.data.dataset import Dataset, Labels, one_by_one
from gantlet.data.frames import fitting, frame_of
from gantlet.data.split import Indices, halves
from gantlet.errors import UsageError
from gantlet.evaluation.parts import Part, part_of, recurs_by_chance
from gantlet.planning import cache_of
from gantlet.spec import DataSpec
from gantlet.tables.transform import TableTransform

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["HandedOver", "handed_over"]

_RARE = 0.01
"""Share of training samples that equal others below which an equal one is no chance."""


@dataclass(frozen=True, eq=False)
class HandedOver:
    """Held-out data, and those of them that take part."""

    name: str
    dataset: Dataset
    table: Any
    """The rows of a table as they were read, a pandas DataFrame; None of other samples."""
    index: Indices
    """Places of those that take part."""
    note: str = ""
    """About the others, or about those that a run knows."""
    recur: bool = False
    """Whether they may equal one another by chance (`recurs_by_chance`)."""

    def part(self, index: Indices) -> Part:
        """Those at `index`."""
        return part_of(self.dataset, self.table, index)

    def unseen(self, dataset: Dataset, trained: Indices, used: Indices) -> HandedOver:
        """Without the samples that a run has seen, unless chance may have made them equal.

        Where samples recur, as rows of tables do, fresh ones equal training samples as often as
        one of these equals another: they stay, for without them no perfect sampler would pass.
        Of what is beyond that by three standard errors not most may be training samples.

        Arguments:
            dataset: of the run.
            trained: places of its training samples.
            used: places of the samples that validation looked at.

        Raises:
            UsageError: most of what does not recur by chance are training samples, or nothing is
                left.
        """
        hashes, ours = self.dataset.hashes, dataset.hashes[trained]
        known = np.isin(hashes, ours)
        _, place, counts = np.unique(ours, return_inverse=True, return_counts=True)
        chance = float((counts[place] > 1).mean())
        noise = math.sqrt(chance * (1 - chance) * (1 / len(hashes) + 1 / len(ours)))
        beyond = known.mean() - chance > 3 * noise
        if beyond and known.mean() - chance > (1 - chance) / 2:
            raise self._refused(int(known.sum()), "was trained on", len(trained) < len(dataset))
        seen = known | np.isin(hashes, dataset.hashes[used])
        recur = recurs_by_chance(dataset)
        if not seen.any():
            return replace(self, recur=recur)
        told = f"{seen.sum():,} of the {len(seen):,} samples handed over"
        if recur and not (beyond and chance < _RARE):
            why = f"equal some that the run has seen, as {chance:.0%} of those equal others"
            return replace(self, note=f"{told} {why}: they stay.", recur=True)
        if seen.all():
            raise self._refused(len(seen), "has seen", len(trained) < len(dataset))
        note = f"{told} were seen while training, and take no part."
        return replace(self, index=np.flatnonzero(~seen), note=note, recur=recur)

    def _refused(self, count: int, how: str, others: bool) -> UsageError:
        return UsageError(
            "the held-out data",
            expected="samples that the run was not trained on",
            received=f"{len(self.dataset):,}, of which it {how} {count:,}",
            remedy="Give others, or leave --data away: some were set aside."
            if others
            else "Give others.",
        )

    def without(self, dataset: Dataset, places: Indices) -> Indices:
        """Those of a run's places whose samples are not among these; rows may recur, and stay."""
        if self.table is not None:
            return places
        return places[~np.isin(dataset.hashes[places], self.dataset.hashes[self.index])]

    def halves(self, fewest: int) -> tuple[Indices, Indices]:
        """Places of floor and reference: by content, but where samples recur by chance.

        All are the reference where a half would have fewer than `fewest` that differ.
        """
        hashes = self.dataset.hashes
        lots = one_by_one(hashes) if self.recur else hashes
        floor, reference = halves(self.index, lots)
        if min(len(np.unique(lots[part])) for part in (floor, reference)) < fewest:
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
