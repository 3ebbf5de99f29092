"""A small convolutional network that is trained on the data itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet import rng
from gantlet.data.dataset import Dataset
from gantlet.data.feed import Feed
from gantlet.data.split import Indices
from gantlet.metrics.extractors.base import Answers, Extractor, encoding
from gantlet.metrics.extractors.cache import kept, key_of
from gantlet.metrics.extractors.pixels import pixels
from gantlet.nn.layers import Flatten
from gantlet.nn.resampling import plan
from gantlet.spec import Batch, DataSpec

__all__ = ["Embedding", "Training", "contrast", "embedded", "views"]

_FEWEST = 100
"""Images below which no network is trained."""
_GRID = 32
"""Positions a side after the first convolution, at most."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the network is built and trained; its cost does not grow with the data."""

    steps: int = 900
    batch: int = 128
    """Samples of a step; all of them where they are fewer."""
    rate: float = 3e-3
    """Largest learning rate of Adam: it rises over a fifth of the steps, then falls to zero."""
    width: int = 16
    """Channels of the first convolution; doubled with every halving, up to four times."""
    features: int = 128
    seed: int = 0

    @classmethod
    def tiny(cls) -> Training:
        """A few steps of a narrow network, for tests."""
        return cls(steps=30, batch=32, width=4, features=16)


class Embedding(nn.Module):
    """Convolutions of 3x3 with batch norm and ReLU, halving by maxima, then a dense layer.

    The first convolution strides so that at most 32 positions a side are left, its kernels two
    pixels wider than its stride: every pixel is read, and no other layer's cost grows with images.

    Arguments:
        spec: of the images.
        training: gives widths.
        classes: outputs of the linear classifier behind the features; none with 0.
    """

    def __init__(self, spec: DataSpec, training: Training, classes: int) -> None:
        super().__init__()
        channels, height, width = spec.shape
        down, across = -(-height // _GRID), -(-width // _GRID)
        sizes = plan(-(-height // down), -(-width // across))[::-1]
        widths = [training.width * min(4, 2**i) for i in range(len(sizes))]
        kernel = (down + 2, across + 2)
        first = nn.Conv2d(channels, widths[0], kernel, (down, across), padding=1, bias=False)
        whole = nn.ZeroPad2d((0, -width % across, 0, -height % down))
        layers: list[nn.Module] = [whole, *_normed(first)]
        for (large, small), (a, b) in zip(pairwise(sizes), pairwise(widths), strict=True):
            halved = (1 + (small[0] < large[0]), 1 + (small[1] < large[1]))
            layers += [nn.MaxPool2d(halved, ceil_mode=True)]
            layers += _normed(nn.Conv2d(a, b, 3, padding=1, bias=False))
        flat = widths[-1] * sizes[-1][0] * sizes[-1][1]
        dense = nn.Linear(flat, training.features, bias=False)
        self.trunk = nn.Sequential(
            *layers, Flatten(), dense, nn.BatchNorm1d(training.features), nn.ReLU()
        )
        self.head = nn.Linear(training.features, classes) if classes else None

    def forward(self, x: Tensor) -> Answers:
        """x (B, C, H, W) in [-1, 1] to features (B, D) and logits (B, K)."""
        features = self.trunk(x.contiguous(memory_format=torch.channels_last))
        return Answers(features, None if self.head is None else self.head(features))


def _normed(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU()]


def views(x: Tensor, u: Tensor) -> Tensor:
    """A random crop of each image at its full size, with other contrast and brightness.

    Crops have 0.6 to 1 of each side. Contrast is scaled by 0.8 to 1.2 and brightness shifted by
    -0.1 to 0.1, so that a histogram does not quite tell which two views belong together. There is
    no blur and no noise, for features are to show both; wider ranges hide them, too.

    Arguments:
        x: images (B, C, H, W) in [-1, 1].
        u: uniform on [0, 1), shape (B, 6).
    """
    scale = 0.6 + 0.4 * u[:, :2]
    shift = (1 - scale) * (2 * u[:, 2:4] - 1)
    theta = torch.cat([torch.diag_embed(scale), shift[:, :, None]], 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    crop = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    gain, bias = 0.8 + 0.4 * u[:, 4], 0.2 * u[:, 5] - 0.1
    return crop * gain[:, None, None, None] + bias[:, None, None, None]


def contrast(a: Tensor, b: Tensor, temperature: float = 0.2) -> Tensor:
    r"""The normalised temperature-scaled cross-entropy of B pairs of views (a_i, b_i).

    With z the 2B vectors scaled to length one, the mean over i of

        -log( exp(z_i z_j / t) / \sum_{k != i} exp(z_i z_k / t) ),   j the other view of i's image.

    Source: Chen et al. (2020), A Simple Framework for Contrastive Learning of Visual
    Representations, https://arxiv.org/abs/2002.05709
    """
    z = F.normalize(torch.cat([a, b]), dim=1)
    similar = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(similar, torch.arange(len(z)).roll(len(a)))


def embedded(
    dataset: Dataset,
    train: Indices,
    training: Training | None = None,
    *,
    cache: Path | None = None,
) -> Extractor:
    """The default: features of a small network that is trained on the data in about a minute.

    Where labels exist it is a classifier, its features the last layer but one. Elsewhere it
    learns to tell which two views show the same image. It sees the samples `train` alone. The
    same data, settings and number of threads give the same weights, bit for bit. It computes on
    the CPU, where the arithmetic repeats.

    Arguments:
        dataset: where samples come from.
        train: indices of those to train on.
        training: settings.
        cache: a folder where trained networks are kept.

    Returns:
        Pixels in its place, with a note that says why, for points and fewer than 100 images.

    Source: Chen et al. (2020), A Simple Framework for Contrastive Learning of Visual
    Representations, https://arxiv.org/abs/2002.05709
    """
    spec, training, train = dataset.spec, training or Training(), np.sort(train)
    reason = "the data are points" if spec.kind != "image" else ""
    if len(train) < _FEWEST:
        reason = reason or f"{len(train)} images are too few to train a network on"
    if reason:
        return pixels(spec, f"The extractor embedded falls back to pixels: {reason}.")
    labels = dataset.y[train] if dataset.y is not None and spec.classes else np.zeros(0, np.int64)
    classes = len(spec.classes) if len(np.unique(labels)) > 1 else 0
    words = f"classifier of {classes} classes" if classes else "trained without labels"
    key = key_of(
        repr((asdict(training), spec.shape, spec.dtype, spec.low, spec.high, classes)),
        dataset.hashes[train].astype("<u8").tobytes(),
        labels.astype("<i8").tobytes(),
    )
    weights = kept(cache, f"embedded-{key}", lambda: _trained(dataset, train, training, classes))
    with torch.device("meta"):
        network = Embedding(spec, training, classes)
    network.load_state_dict(weights, assign=True)
    return Extractor(
        name="embedded",
        spec=spec,
        preprocessing=f"{words}; {encoding(spec)}",
        network=network,
    )


@torch.enable_grad()
def _trained(
    dataset: Dataset, train: Indices, training: Training, classes: int
) -> dict[str, Tensor]:
    """The weights after training."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng.seed_of(training.seed, "embedded"))
        network = Embedding(dataset.spec, training, classes)
        project = nn.Linear(training.features, training.features // 2)
    loss = _classify(network) if classes else _instances(network, project, training.seed)
    adam = torch.optim.Adam([*network.parameters(), *project.parameters()])
    feed, batch = Feed(dataset, train, seed=training.seed), min(training.batch, len(train))
    for step in range(training.steps):
        done = (step + 1) / (training.steps + 1)
        adam.param_groups[0]["lr"] = training.rate * min(done / 0.2, (1 - done) / 0.8)
        adam.zero_grad()
        loss(feed.batch("embedded", step * batch, batch), step * batch).backward()
        adam.step()
    return network.state_dict()


_Loss = Callable[[Batch, int], Tensor]
"""From a batch and the number of its first sample."""


def _classify(network: Embedding) -> _Loss:
    def loss(batch: Batch, _: int) -> Tensor:
        return F.cross_entropy(network(batch.x).logits, torch.as_tensor(batch.y))

    return loss


def _instances(network: Embedding, project: nn.Module, seed: int) -> _Loss:
    def loss(batch: Batch, start: int) -> Tensor:
        u = rng.rows(seed, "embedded/views", start, len(batch), (2, 6), torch.rand)
        pair = torch.cat([views(batch.x, u[:, 0]), views(batch.x, u[:, 1])])
        a, b = project(network(pair).features).chunk(2)
        return contrast(a, b)

    return loss
