"""What makes features of samples. One file an extractor, one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gantlet.data.dataset import Dataset
from gantlet.data.split import Indices
from gantlet.metrics.extractors.base import Answers, Extractor, alike
from gantlet.metrics.extractors.cache import answers
from gantlet.metrics.extractors.dinov2 import HUB, check_dinov2, dinov2
from gantlet.metrics.extractors.embedded import Training, embedded
from gantlet.metrics.extractors.inception import check_inception, inception
from gantlet.metrics.extractors.pixels import pixels
from gantlet.spec import DataSpec

__all__ = [
    "EXTRACTORS",
    "Answers",
    "Extractor",
    "Kind",
    "Material",
    "Training",
    "alike",
    "answers",
    "dinov2",
    "embedded",
    "inception",
    "pixels",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What an extractor may be made of."""

    dataset: Dataset
    train: Indices
    """Indices of the samples that a network may be trained on: never of those held out."""
    training: Training | None = None
    """Settings of `embedded`; its defaults if none are given."""
    weights: str | None = None
    """A file for `inception`; a file or repository for `dinov2`. None: the published network."""
    cache: Path | None = None
    """Folder where trained networks are kept."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to features."""

    line: str
    """What it is, in one line."""
    source: str
    """Where it was published."""
    make: Callable[[Material], Extractor]
    check: Callable[[DataSpec], None] = lambda _: None
    """Raises UsageError where it cannot be made: not installed, or not for such data."""


EXTRACTORS: Mapping[str, Kind] = {
    "embedded": Kind(
        line="a small network trained on the data itself: a classifier, or without labels",
        source="Chen et al. (2020), A Simple Framework for Contrastive Learning of Visual "
        "Representations, https://arxiv.org/abs/2002.05709",
        make=lambda m: embedded(m.dataset, m.train, m.training, cache=m.cache),
    ),
    "pixels": Kind(
        line="the values of samples themselves, for any kind of data",
        source="Xu et al. (2018), An empirical study on evaluation metrics of generative "
        "adversarial networks, https://arxiv.org/abs/1806.07755",
        make=lambda m: pixels(m.dataset.spec),
    ),
    "inception": Kind(
        line="the Inception network of published Fréchet distances (extra fidelity)",
        source="Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule Converge to a "
        "Local Nash Equilibrium, https://arxiv.org/abs/1706.08500",
        make=lambda m: inception(m.dataset.spec, m.weights),
        check=check_inception,
    ),
    "dinov2": Kind(
        line="a vision transformer trained on photographs without labels (extra hub, or a file)",
        source="Oquab et al. (2023), DINOv2: Learning Robust Visual Features without "
        "Supervision, https://arxiv.org/abs/2304.07193",
        make=lambda m: dinov2(m.dataset.spec, m.weights or HUB),
        check=check_dinov2,
    ),
}
"""Extractors of features, by name; the first is the default."""
