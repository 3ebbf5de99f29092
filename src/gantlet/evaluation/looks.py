"""Fidelity and coverage: do samples look real, and do they cover everything?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from gantlet.evaluation.scoring import Scorer, Side, recognised
from gantlet.metrics.balance import class_balance, rarest
from gantlet.metrics.birthday import support_size
from gantlet.metrics.copying import twin_share, twin_threshold
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.frechet import frechet_estimate, rank_deficient
from gantlet.metrics.kernel import kernel_estimate
from gantlet.metrics.means import euclidean, mahalanobis
from gantlet.metrics.moments import grouped, jackknifed, merged
from gantlet.metrics.msssim import similarity_within
from gantlet.metrics.neighbours import identical, neighbour_distances, within
from gantlet.metrics.prdc import PRDC, prdc
from gantlet.metrics.score import classifier_score
from gantlet.metrics.sliced import sliced_wasserstein
from gantlet.metrics.two_sample import two_sample
from gantlet.spec import DataSpec

__all__ = ["score_classes", "score_coverage", "score_fidelity"]

_ARXIV = "https://arxiv.org/abs/"


def score_fidelity(scorer: Scorer[Side]) -> None:
    """Distances of distributions and of means, the share that passes for real, a judge."""
    real = scorer.sides.reference
    whole = grouped(real.features)
    if rank_deficient(merged(whole)):
        scorer.notes.append(
            f"{len(real):,} real samples are fewer than the {real.features.shape[1]} features: "
            "the Fréchet distance tells little beside its bias."
        )

    def frechet(side: Side) -> Sequence[Estimate]:
        return [frechet_estimate(whole, grouped(side.features))]

    def means(side: Side) -> Sequence[Estimate]:
        return [jackknifed(euclidean, whole, grouped(side.features))]

    def deviations(side: Side) -> Sequence[Estimate]:
        return [jackknifed(mahalanobis, whole, grouped(side.features))]

    add = scorer.add
    add("fidelity", [("frechet", "Fréchet distance")], frechet, better="lower",
        source=_ARXIV + "1706.08500")  # fmt: skip
    add("fidelity", [("kernel", "Kernel distance")],
        lambda side: [kernel_estimate(real.features, side.features)], better="lower",
        source=_ARXIV + "1801.01401")  # fmt: skip
    add("fidelity", [("sliced", "Sliced Wasserstein")],
        lambda side: [sliced_wasserstein(real.features, side.features)], better="lower",
        source="https://doi.org/10.1007/s10851-014-0506-3")  # fmt: skip
    add("fidelity", [("means", "Distance of means")], means, better="lower", source="")
    add("fidelity", [("mahalanobis", "Mahalanobis of means")], deviations,
        better="lower", source="https://doi.org/10.1214/aoms/1177732979")  # fmt: skip
    add("fidelity", [("two_sample", "Told apart (classifier)")],
        lambda side: [two_sample(real.features, side.features).accuracy], better="lower",
        source=_ARXIV + "1610.06545")  # fmt: skip


def score_coverage(scorer: Scorer[Side], spec: DataSpec) -> None:
    """Shares of real and generated samples that have each other, repetition, likeness."""
    real, floor = scorer.sides.reference, scorer.sides.floor

    @cache
    def shares(side: Side) -> PRDC:
        return prdc(real.features, side.features)

    def inside(side: Side) -> Sequence[Estimate]:
        return [shares(side).precision, shares(side).density]

    def met(side: Side) -> Sequence[Estimate]:
        return [shares(side).recall, shares(side).coverage]

    scorer.add("fidelity", [("precision", "Precision"), ("density", "Density")],
               inside, better="higher",
               source=_ARXIV + "2002.09797")  # fmt: skip
    scorer.add("coverage", [("recall", "Recall"), ("coverage", "Coverage")],
               met, better="higher",
               source=_ARXIV + "2002.09797")  # fmt: skip
    if spec.kind == "image":
        scorer.add("coverage", [("ms_ssim", "Likeness (MS-SSIM)")],
                   lambda side: [_likeness(side, spec)], better="lower", featured=False,
                   source=_ARXIV + "1610.09585", against=0)  # fmt: skip
    scorer.add("coverage", [("duplicates", "Exact duplicates")],
               lambda side: [twin_share(identical(torch.from_numpy(side.x[:]).flatten(1)))],
               better="lower", source="", featured=False, against=0)  # fmt: skip
    held_out = real if floor is None else floor
    if len(held_out) > 2:
        near = twin_threshold(neighbour_distances(held_out.features, 1)[:, 0])

        @cache
        def twins(side: Side) -> Tensor:
            return within(side.features, near)

        scorer.add("coverage", [("twins", "Near twins")],
                   lambda side: [twin_share(twins(side))], better="lower",
                   source=_ARXIV + "1706.08224", against=0)  # fmt: skip
        scorer.add("coverage", [("support", "Support (birthday)")],
                   lambda side: [support_size(twins(side))], better="higher",
                   source=_ARXIV + "1706.08224", against=0)  # fmt: skip


def _likeness(side: Side, spec: DataSpec) -> Estimate:
    images = (spec.encode(torch.from_numpy(side.x[:])) + 1) / 2
    labels = None if side.y is None or spec.conditions else torch.from_numpy(side.y)
    return similarity_within(images.clamp(0, 1), labels)


def score_classes(scorer: Scorer[Side], spec: DataSpec) -> list[dict[str, object]]:
    """What a classifier says of samples: clear, of all classes, of the one asked for.

    Returns:
        A row for each class: name, share of the real samples, share of them and of the generated
        ones that the classifier takes for it, and the same of those that were asked for.
    """
    fake, real = scorer.sides.matched, scorer.sides.reference
    if fake.logits is None or real.logits is None or not spec.classes:
        return []
    count = len(spec.classes)
    in_data = real.logits.argmax(1)

    def score(side: Side) -> Sequence[Estimate]:
        return [] if side.logits is None else [classifier_score(side.logits)]

    def balance(side: Side) -> Sequence[Estimate]:
        if side.logits is None:
            return []
        return [class_balance(in_data, side.logits.argmax(1), count).variation]

    def lacking(side: Side) -> Sequence[Estimate]:
        if side.logits is None:
            return []
        return [rarest(in_data, side.logits.argmax(1), count)]

    def right(side: Side) -> Sequence[Estimate]:
        if side.logits is None or side.y is None:
            return []
        return [recognised(side.logits, side.y)]

    scorer.add("fidelity", [("score", "Classifier score")], score, better="higher",
               source=_ARXIV + "1606.03498", against=0)  # fmt: skip
    scorer.add("coverage", [("balance", "Imbalance of classes")], balance, better="lower",
               source="")  # fmt: skip
    scorer.add("coverage", [("rarest", "Share of the rarest class")], lacking,
               better="higher", source="")  # fmt: skip
    if fake.y is not None:
        scorer.add("fidelity", [("labels", "Labels recognised")], right,
                   better="higher", source="", against=0)  # fmt: skip
    return _rows(scorer.sides.fake, real, spec)


def _rows(fake: Side, real: Side, spec: DataSpec) -> list[dict[str, object]]:
    made, read = (
        torch.empty(0) if side.logits is None else side.logits.argmax(1) for side in (fake, real)
    )
    shares = None if real.y is None else torch.from_numpy(real.y)
    rows: list[dict[str, object]] = []
    for label, name in enumerate(spec.classes):
        asked = None if fake.y is None else torch.from_numpy(fake.y) == label
        met = asked is not None and bool(asked.any())
        rows.append(
            {
                "name": name,
                "share": None if shares is None else float((shares == label).double().mean()),
                "read": float((read == label).double().mean()),
                "made": float((made == label).double().mean()),
                "accuracy": float((made[asked] == label).double().mean()) if met else None,
            }
        )
    return rows
