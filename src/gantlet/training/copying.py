"""Does a generator copy while it trains? Its samples' distances to training samples tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.data.dataset import Dataset
from gantlet.data.split import Indices
from gantlet.metrics.copying import near_bound, near_share
from gantlet.metrics.extractors import Extractor
from gantlet.metrics.extractors.base import Answers, encoding
from gantlet.metrics.neighbours import distinct, nearest, neighbour_distances
from gantlet.rng import permutation
from gantlet.spec import DataSpec

__all__ = [
    "FEWEST",
    "Closeness",
    "CopyWatch",
    "against_one_another",
    "against_unseen",
    "recurs",
    "thumbnails",
]

_SIDE = 32
"""Pixels of a thumbnail's side, at most."""
FEWEST = 20
"""Training samples below which their distances to one another tell nothing."""
_RECURRING = 0.01
"""Share of samples that are there already up to which data do not recur."""
_MOST = 1_000
"""Training samples whose distances to one another are taken, at most."""


@dataclass(frozen=True)
class Closeness:
    """How many generated samples lie among the nearest to training samples."""

    share: float
    """Of samples nearer to a training sample than 95 % of unseen real ones: 0.05 by chance."""
    bound: float
    """The share that a perfect sampler stays within, 39 looks of 40."""

    @property
    def copies(self) -> bool:
        """Whether more samples lie so near than chance would have it."""
        return self.share > self.bound


@dataclass(frozen=True, eq=False)
class CopyWatch:
    """Compares distances to the nearest training sample: generated ones' and real ones'.

    The statistic is `metrics.copying.near_share`, which `gantlet evaluate` has too. Distances are
    taken to a fixed choice of training samples, block by block; of data larger than that, a copy
    of a sample that was not chosen is not seen, but the same share of all copies is at every
    look. Samples that recur count once.
    """

    extractor: Extractor
    """Of the features."""
    known: Tensor
    """Features of training samples, (N, D)."""
    yardstick: Tensor
    """Distances of real samples to the nearest of these that is another one, (M,)."""
    independent: int
    """As how many independent draws the yardstick counts."""

    def look(self, features: Tensor) -> Closeness | None:
        """How near samples of these features (n, D) are; None where they are not finite."""
        if not torch.isfinite(features).all():
            return None
        made = nearest(features[distinct(features)], self.known).distance
        share = near_share(made, self.yardstick).value
        return Closeness(share, near_bound(len(made), self.independent))


def recurs(dataset: Dataset) -> bool:
    """Whether samples recur by themselves, so that a fresh one may equal a training sample.

    No unseen sample of ours ever does, because the data are divided by content. Among such data
    copies cannot be told from chance: rows of tables, and any data of which more than one sample
    in a hundred is there already.
    """
    if dataset.spec.kind == "table":
        return True
    return len(np.unique(dataset.hashes)) < (1 - _RECURRING) * len(dataset)


def _chosen(dataset: Dataset, train: Indices, most: int) -> Indices:
    order = permutation(0, "copying", 0, len(train))[:most].sort().values.numpy()
    chosen: Indices = train[order]
    return chosen


def against_unseen(
    extractor: Extractor, dataset: Dataset, train: Indices, unseen: Indices, most: int
) -> CopyWatch:
    """The yardstick is samples that are not trained on, in the extractor's features.

    Arguments:
        extractor: of the features.
        dataset: where samples come from.
        train, unseen: training samples, and those set aside.
        most: training samples that are looked through.
    """
    known = extractor.answers(dataset.rows(_chosen(dataset, train, most))).features
    apart = extractor.answers(dataset.rows(unseen)).features
    yardstick = nearest(apart[distinct(apart)], known).distance
    return CopyWatch(extractor, known, yardstick, len(yardstick))


def against_one_another(dataset: Dataset, train: Indices, most: int) -> CopyWatch | None:
    """The yardstick is training samples, each against the others: for data without unseen ones.

    A fresh sample's nearest of N training samples is as far as that of one of them among the
    N - 1 others, but for the factor (1 - 1/N)^(1/D) in D dimensions. Their distances are not
    independent, as two that are each other's nearest share one: they count as half as many. The
    features are small images, for a network that was trained on the samples themselves would set
    these apart from one another.

    Returns:
        None for fewer than twenty training samples.
    """
    extractor = thumbnails(dataset.spec)
    x = extractor.answers(dataset.rows(_chosen(dataset, train, min(most, _MOST)))).features
    known = x[distinct(x)]
    if len(known) < FEWEST:
        return None
    yardstick = neighbour_distances(known, 1)[:, 0]
    return CopyWatch(extractor, known, yardstick, len(known) // 2)


class _Thumbnail(nn.Module):
    """Means over equal parts of images, at most 32 a side; points as they are."""

    def forward(self, x: Tensor) -> Answers:
        """x (B, *shape) to features (B, D)."""
        if x.dim() == 4:
            height, width = (min(side, _SIDE) for side in x.shape[2:])
            x = F.adaptive_avg_pool2d(x, (height, width))
        return Answers(x.flatten(1))


def thumbnails(spec: DataSpec) -> Extractor:
    """Features that nothing was trained for, few enough for any image."""
    return Extractor(
        name="thumbnails",
        spec=spec,
        preprocessing=f"{encoding(spec)}, means to {_SIDE} a side at most",
        network=_Thumbnail(),
    )
