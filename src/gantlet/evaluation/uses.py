"""Usefulness: how much does a classifier learn from generated samples?"""

from __future__ import annotations

import numpy as np

from gantlet.data.dataset import Dataset
from gantlet.evaluation.parts import Part
from gantlet.evaluation.scoring import Scorer, Side, recognised
from gantlet.evaluation.subject import Subject
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.extractors import Training, embedded
from gantlet.rng import some

__all__ = ["score_usefulness"]

_SOURCE = "https://arxiv.org/abs/1905.10887"


def score_usefulness(
    scorer: Scorer[Side], subject: Subject, training: Training | None = None
) -> None:
    """Classification accuracy on real samples set aside, after training on generated ones.

    Three classifiers of one kind: trained on real samples, on as many generated ones with the
    labels asked for, and on both together. The first is the floor of the others.
    """
    held_out = subject.held_out
    if subject.bundle.spec.kind != "image" or not subject.bundle.spec.classes:
        scorer.notes.append("Usefulness was not measured: it takes images with classes.")
        return
    if held_out is None or held_out.y is None or subject.train.y is None:
        scorer.notes.append(
            "Usefulness was not measured: there are too few unseen samples with labels."
        )
        return
    n = min(len(subject.train), len(subject.fake))
    chosen = some("usefulness", len(subject.train), n).numpy()
    y = subject.train.y[chosen]
    real = Part(subject.train.x[chosen], y, chosen)
    made = subject.fake.first(n)
    both = Part(
        np.concatenate([real.x[:], made.x[:]]),
        None if made.y is None else np.concatenate([y, made.y]),
        np.arange(2 * n),
    )
    floor = _accuracy(subject, real, held_out, training)
    if floor is None:
        scorer.notes.append(
            f"Usefulness was not measured: {n:,} training samples are too few, or of one class, "
            "to train a classifier on."
        )
        return
    for name, title, part in (
        ("useful", "Trained on samples", made),
        ("augments", "Trained on real and samples", both),
    ):
        value = _accuracy(subject, part, held_out, training)
        if value is None:
            scorer.notes.append(
                f"{title}: no classifier learns anything, as all samples are of one class."
            )
            continue
        scorer.keep(
            "usefulness",
            name,
            title,
            value,
            floor,
            real=len(held_out),
            made=len(made),
            better="higher",
            source=_SOURCE,
        )


def _accuracy(
    subject: Subject, part: Part, held_out: Part, training: Training | None
) -> Estimate | None:
    """Accuracy on held-out samples of a classifier trained on `part`.

    None where none can be trained: samples of one class, or too few of them.
    """
    dataset = Dataset(spec=subject.bundle.spec, raw=part.x[:], y=part.y, name="part")
    logits = embedded(dataset, np.arange(len(part)), training).answers(held_out.x).logits
    if logits is None or held_out.y is None:
        return None
    return recognised(logits, held_out.y)
