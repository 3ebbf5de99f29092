"""Does a generator copy while it trains? Its samples' distances to training samples tell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.data.dataset import Dataset
from gantlet.data.split import Indices
from gantlet.metrics.copying import near_bound, near_share
from gantlet.metrics.extractors import Extractor
from gantlet.metrics.neighbours import distinct, nearest
from gantlet.rng import permutation

__all__ = ["Closeness", "CopyWatch"]


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


class CopyWatch:
    """Compares distances to the nearest training sample: generated ones' and unseen real ones'.

    The statistic is `metrics.copying.near_share`, which `gantlet evaluate` has too, on the
    features of validation. Distances are taken to a fixed choice of training samples, block by
    block; of data larger than that, a copy of a sample that was not chosen is not seen, but the
    same share of all copies is at every look. Samples that recur count once.

    Arguments:
        extractor: of the features.
        dataset: where samples come from.
        train: training samples.
        unseen: real samples that are not trained on.
        most: training samples that are looked through.
    """

    def __init__(
        self, extractor: Extractor, dataset: Dataset, train: Indices, unseen: Indices, most: int
    ) -> None:
        order = permutation(0, "copying", 0, len(train))[:most].sort().values.numpy()
        self._train = extractor.answers(dataset.raw[train[order]]).features
        self._unseen = self._distances(extractor.answers(dataset.raw[unseen]).features)

    def _distances(self, features: Tensor) -> Tensor:
        return nearest(features[distinct(features)], self._train).distance

    def look(self, features: Tensor) -> Closeness | None:
        """How near samples of these features (N, D) are; None where they are not finite."""
        if not torch.isfinite(features).all():
            return None
        made = self._distances(features)
        share = near_share(made, self._unseen).value
        return Closeness(share, near_bound(len(made), len(self._unseen)))
