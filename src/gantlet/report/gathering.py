"""The pictures of a report, or the columns of a table, from what an evaluation looked at."""

from __future__ import annotations

import numpy as np
import torch

from gantlet.bundle import Bundle
from gantlet.data.dataset import Labels
from gantlet.evaluation.evaluated import Evaluated
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Sides
from gantlet.evaluation.subject import Subject
from gantlet.labels import ends_labels, in_words
from gantlet.latents import opened
from gantlet.latents.ways import way
from gantlet.report.images import Pictures
from gantlet.report.marginals import marginals
from gantlet.report.tables import Rows, cells

__all__ = ["gathered", "gathered_pictures", "gathered_rows"]

_ROWS = 8
_SAMPLES, _OF_A_CLASS = 60, 12
_STRIPS, _STEPS, _SWEPT = 3, 10, 8


def gathered(found: Evaluated) -> Pictures | Rows:
    """What the report of an evaluation shows."""
    return gathered_pictures(found) if found.rows is None else gathered_rows(found, found.rows)


def gathered_rows(found: Evaluated, sides: Sides[RowSide]) -> Rows:
    """Columns, generated over real as they were compared, and the first generated rows."""
    subject = found.subject
    frame = subject.fake.frame.iloc[:_ROWS]
    return Rows(
        spec=subject.bundle.spec,
        marginals=marginals(sides, found.evidence.columns),
        names=[str(name) for name in sides.reference.coder.columns],
        header=[str(name) for name in frame.columns],
        rows=cells(frame),
    )


def gathered_pictures(found: Evaluated) -> Pictures:
    """Samples, some of each class, real ones, nearest pairs, and ways between samples."""
    subject = found.subject
    chosen = _chosen(subject.fake.y, len(subject.bundle.spec.classes), len(subject.fake))
    pairs = [
        (np.asarray(subject.fake.x[pair.fake]), np.asarray(subject.dataset.raw[pair.real]))
        for pair in found.evidence.pairs
    ]
    return Pictures(
        spec=subject.bundle.spec,
        samples=subject.fake.x[chosen],
        labels=_classes_of(subject, chosen),
        real=subject.reference.x[:_SAMPLES],
        pairs=pairs,
        interpolation=_ways(subject.bundle) if subject.bundle.spec.kind == "image" else None,
        swept=_swept(subject.bundle),
    )


def _chosen(y: Labels | None, classes: int, n: int) -> Labels:
    """The first samples of each class, or the first of all."""
    if y is None or not classes:
        return np.arange(min(n, _SAMPLES))
    return np.concatenate([np.flatnonzero(y == k)[:_OF_A_CLASS] for k in range(classes)])


def _swept(bundle: Bundle) -> dict[str, np.ndarray]:
    """The first sample on the way from end to end of each condition, by its name."""
    spec, found = bundle.spec, dict[str, np.ndarray]()
    if not spec.conditions or spec.kind != "image":
        return found
    with opened(bundle) as space:
        drawn = space.drawn(0, torch.arange(1), space.labels(None, 1))
        many = {name: u.expand(_STEPS, *u.shape[1:]) for name, u in drawn.items()}
        for i, condition in enumerate(spec.conditions[:_SWEPT]):
            made = space.values(many, ends_labels(spec, i, _STEPS))
            found[in_words(condition)] = made
    return found


def _classes_of(subject: Subject, chosen: Labels) -> list[int] | None:
    y = subject.fake.y
    return y[chosen].tolist() if y is not None and subject.bundle.spec.classes else None


def _ways(bundle: Bundle) -> np.ndarray:
    """(strips, steps, *spec.shape), each strip between two samples of one class."""
    classes = len(bundle.spec.classes)
    with opened(bundle) as space:
        strips = [
            way(space, (0, 1), steps=_STEPS, seed=k, label=k % classes if classes else None)
            for k in range(_STRIPS)
        ]
    return np.stack(strips)
