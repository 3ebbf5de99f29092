"""Real images that stand for generated ones, as they are or with a fault that is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from gantlet.data.dataset import Dataset
from gantlet.evaluation.copies import score_copying
from gantlet.evaluation.evaluated import DECIDING
from gantlet.evaluation.looks import score_classes, score_coverage, score_fidelity
from gantlet.evaluation.scoring import Scorer, Side, Sides
from gantlet.evaluation.verdict import judged, overall
from gantlet.metrics.evidence import Number
from gantlet.metrics.extractors import Extractor, Training, embedded

Fault = Callable[[np.ndarray, np.ndarray, Side], tuple[np.ndarray, np.ndarray]]
"""Of fresh images (N, C, H, W) in raw values, their labels, and the training samples."""


@dataclass(frozen=True)
class Stage:
    """Real images: some to train on, the others fresh."""

    dataset: Dataset
    judge: Extractor
    train: Side
    fresh: Side
    n: int
    """Samples generated, in the reference and in the floor."""

    def side(self, x: np.ndarray, y: np.ndarray) -> Side:
        answers = self.judge.answers(x)
        return Side(x, y, answers.features, answers.logits)

    def drawn(self, draw: int, fault: Fault | None = None) -> Sides:
        """Fresh samples for `fake`, with a fault or without, reference and floor: all disjoint."""
        order = np.random.default_rng(draw).permutation(len(self.fresh))
        n, keep = self.n, self.fresh
        fake, reference, floor = (
            Side(keep.x[i], keep.y[i], keep.features[i], keep.logits[i])
            for i in (order[:n], order[n : 2 * n], order[2 * n : 3 * n])
        )
        if fault is not None:
            own = np.concatenate([order[:n], order[3 * n :]])  # spare ones, where some are dropped
            x, y = fault(keep.x[own], keep.y[own], self.train)
            fake = self.side(np.ascontiguousarray(x[:n]), y[:n])
        return Sides(fake=fake, train=self.train, reference=reference, floor=floor)

    def numbers(self, sides: Sides) -> tuple[dict[str, Number], str]:
        """All numbers by name, usefulness aside, and the verdict."""
        scorer, spec = Scorer(sides, self.judge.describe()), self.dataset.spec
        score_fidelity(scorer)
        score_coverage(scorer, spec)
        classes = score_classes(scorer, spec)
        score_copying(scorer)
        found = judged(scorer.numbers)
        return {number.name: number for number in found}, overall(found, DECIDING, classes)


def stage(dataset: Dataset, *, train: int, fresh: int, n: int) -> Stage:
    """Part a data set; train the extractor on the part for training."""
    order = np.random.default_rng(0).permutation(len(dataset))[: train + fresh]
    known, new = order[:train], order[train:]
    judge = embedded(dataset, known, Training(steps=400))

    def side(index: np.ndarray) -> Side:
        x, y = np.asarray(dataset.raw[index]), dataset.y[index]
        answers = judge.answers(x)
        return Side(x, y, answers.features, answers.logits)

    return Stage(dataset, judge, side(known), side(new), n)


def dropped(x, y, train):
    """One class of ten never comes."""
    return x[y != 7], y[y != 7]


def blurred(x, y, train):
    """Each image averaged over 3x3 pixels."""
    images = torch.from_numpy(x).float()
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 3, 1).round().numpy().astype(x.dtype), y


def noisy(x, y, train):
    """Normal noise with a standard deviation of a fifth of the range."""
    top = 255 if x.max() > 16 else 16
    noise = np.random.default_rng(1).standard_normal(x.shape) * 0.2 * top
    return np.clip(x + noise, 0, top).round().astype(x.dtype), y


def copied(x, y, train):
    """Every other sample is a training image."""
    taken = np.random.default_rng(1).choice(len(train), len(x))
    out, labels = x.copy(), y.copy()
    out[::2], labels[::2] = train.x[taken][::2], train.y[taken][::2]
    return out, labels


def repeated(x, y, train):
    """Every fifth sample is one and the same."""
    out, labels = x.copy(), y.copy()
    out[::5], labels[::5] = x[0], y[0]
    return out, labels


def sized(stage: Stage, n: int) -> Stage:
    """The same stage for another number of samples."""
    return replace(stage, n=n)
