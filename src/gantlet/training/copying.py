"""Does a generator copy while it trains? Nearest training samples that stand out tell.

A copy is near to one training sample, and to no second one. A blur in the middle of the data may
be nearer to training samples than unseen ones are, but it is so to many at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.data.dataset import Dataset
from gantlet.data.split import Indices
from gantlet.metrics.copying import near_bound, near_share
from gantlet.metrics.extractors import Extractor
from gantlet.metrics.extractors.base import Answers, encoding
from gantlet.metrics.neighbours import (
    distinct,
    nearest,
    standing_out,
    standing_out_among,
    to_earlier,
)
from gantlet.rng import some
from gantlet.spec import DataSpec

__all__ = [
    "FEWEST",
    "Closeness",
    "CopyWatch",
    "against_one_another",
    "against_unseen",
    "thumbnails",
]

_SIDE = 32
"""Pixels of a thumbnail's side, at most."""
FEWEST = 20
"""Training samples below which their distances to one another tell nothing."""
_MOST = 1_000
"""Training samples whose distances to one another are taken, at most."""


@dataclass(frozen=True)
class Closeness:
    """Of how many generated samples one training sample stands out as the nearest."""

    share: float
    """Of samples whose nearest training sample stands out more than those of 95 % of unseen real
    ones do: 0.05 by chance."""
    bound: float
    """The share that a perfect sampler stays within, 39 looks of 40."""

    @property
    def copies(self) -> bool:
        """Whether there are more of these than chance would have it."""
        return self.share > self.bound


@dataclass(frozen=True, eq=False)
class CopyWatch:
    """Compares how nearest training samples stand out: generated ones' and real ones'.

    The number is the distance to the nearest training sample over that to the second
    (`metrics.neighbours.standing_out`), the statistic `metrics.copying.near_share`. Distances are
    taken to a fixed choice of training samples, block by block; of data larger than that, a copy
    of a sample that was not chosen is not seen, but the same share of all copies is at every
    look. Generated samples that resemble each other count once: one that lies nearer to an earlier
    one than to its training sample is not taken for a copy, as blurs of one colour beside a pale
    training image are not.
    """

    extractor: Extractor
    """Of the features."""
    known: Tensor
    """Features of training samples that all differ, (N, D)."""
    yardstick: Tensor
    """The number of real samples, among those of these that are others, (M,)."""
    independent: int
    """As how many independent draws the yardstick counts."""

    def look(self, features: Tensor) -> Closeness | None:
        """How samples of these features (n, D) lie; None where they are not finite."""
        if not torch.isfinite(features).all():
            return None
        x = features[distinct(features)]
        repeats = to_earlier(x) < nearest(x, self.known).distance
        made = standing_out(x, self.known).masked_fill(repeats, 1.0)
        share = near_share(made, self.yardstick).value
        return Closeness(share, near_bound(len(made), self.independent))


def _chosen(dataset: Dataset, train: Indices, most: int) -> Indices:
    chosen: Indices = train[some("copying", len(train), most).numpy()]
    return chosen


def against_unseen(
    extractor: Extractor, dataset: Dataset, train: Indices, unseen: Indices, most: int
) -> CopyWatch | None:
    """The yardstick is samples that are not trained on, in the extractor's features.

    Arguments:
        extractor: of the features.
        dataset: where samples come from.
        train, unseen: training samples, and those set aside.
        most: training samples that are looked through.

    Returns:
        None for fewer than twenty training samples that differ.
    """
    known = _differing(extractor, dataset, _chosen(dataset, train, most))
    if len(known) < FEWEST:
        return None
    yardstick = standing_out(_differing(extractor, dataset, unseen), known)
    return CopyWatch(extractor, known, yardstick, len(yardstick))


def against_one_another(dataset: Dataset, train: Indices, most: int) -> CopyWatch | None:
    """The yardstick is training samples, each against the others: for data without unseen ones.

    The nearest of N training samples stands out from the second as that of one of them among the
    N - 1 others does: a ratio does not depend on how densely they lie. Ratios are not
    independent, as two that are each other's nearest share a distance: they count as half as
    many. The features are small images, for a network that was trained on the samples themselves
    would set these apart from one another.

    Returns:
        None for fewer than twenty training samples.
    """
    extractor = thumbnails(dataset.spec)
    known = _differing(extractor, dataset, _chosen(dataset, train, min(most, _MOST)))
    if len(known) < FEWEST:
        return None
    return CopyWatch(extractor, known, standing_out_among(known), len(known) // 2)


def _differing(extractor: Extractor, dataset: Dataset, index: Indices) -> Tensor:
    """Features of the samples at `index`, equal ones once, (N, D)."""
    x = extractor.answers(dataset.rows(index)).features
    return x[distinct(x)]


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
