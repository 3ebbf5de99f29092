"""Which samples are set aside: by `Dataset.lots`, so that copies never straddle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantlet.data.dataset import Dataset, Hashes
from gantlet.data.settings import DataSettings

__all__ = ["Indices", "Split", "halves", "spared", "split", "split_hashes"]

Indices = NDArray[np.int64]

_FEWEST, _LEAST, _MOST, _SHARE = 200, 100, 10_000, 0.1
_SPARED = 200
"""Samples for validation below which the noise of a look would hide most gains."""
_SET_ASIDE, _HALVES, _VALIDATION = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7
"""Salts: choices among the same hashes are independent."""


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the samples to train on and of those set aside, each in ascending order."""

    train: Indices
    held_out: Indices
    note: str


def _mixed(hashes: Hashes, salt: int) -> Hashes:
    """A permutation of the 64-bit numbers, different for each salt.

    Source: Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators,
    https://doi.org/10.1145/2660193.2660195
    """
    h = hashes ^ np.uint64(salt)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = h ^ (h >> np.uint64(31))
    return mixed


def _chosen(hashes: Hashes, target: int, salt: int) -> NDArray[np.bool_]:
    """Whole classes of equal hashes, in the order of their mixed hashes, until `target`.

    A class with more members than `target` is passed over.
    """
    _, inverse, counts = np.unique(_mixed(hashes, salt), return_inverse=True, return_counts=True)
    small = counts <= target
    before = np.cumsum(np.where(small, counts, 0)) - counts
    taken = small & (before < target)
    chosen: NDArray[np.bool_] = taken[inverse]
    return chosen


def split_hashes(hashes: Hashes, held_out: bool = True) -> Split:
    """The split of samples with these content hashes; independent of their order.

    A tenth is set aside, at least 100 and at most 10,000; more only where the last class of
    copies goes beyond. None of fewer than 200.
    """
    n = len(hashes)
    everything, nothing = np.arange(n), np.arange(0)
    if not held_out:
        return Split(everything, nothing, "No samples are set aside, as data.held_out says.")
    if n < _FEWEST:
        note = f"No samples are set aside: {n} are fewer than {_FEWEST}."
        return Split(everything, nothing, note)
    chosen = _chosen(hashes, min(max(round(_SHARE * n), _LEAST), _MOST), _SET_ASIDE)
    kept = int(chosen.sum())
    note = f"{kept:,} of {n:,} samples are set aside and never trained on."
    if not kept:
        note = "No samples are set aside: the data are copies of one another."
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen), note)


def split(dataset: Dataset, settings: DataSettings) -> Split:
    """Which samples to train on and which to set aside; see `split_hashes`."""
    return split_hashes(dataset.lots, settings.held_out)


def halves(indices: Indices, hashes: Hashes) -> tuple[Indices, Indices]:
    """Two disjoint halves of `indices` (floor, reference); copies fall into the same one.

    Arguments:
        indices: of samples, shape (n,).
        hashes: `Dataset.lots` of all samples, shape (N,).
    """
    first = _chosen(hashes[indices], len(indices) // 2, _HALVES)
    return indices[first], indices[~first]


def spared(indices: Indices, hashes: Hashes, most: int) -> tuple[Indices, Indices]:
    """Of the samples set aside, those for validation while training, and those for evaluation.

    A third is for validation, at most `most`; none where that would be fewer than 200.

    Arguments:
        indices: of samples, shape (n,).
        hashes: `Dataset.lots` of all samples, shape (N,); copies fall into the same part.
    """
    third = len(indices) // 3
    target = min(third, most) if third >= _SPARED else 0
    chosen = _chosen(hashes[indices], target, _VALIDATION)
    return indices[chosen], indices[~chosen]
