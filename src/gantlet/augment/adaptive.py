"""A probability that follows how surely the critic knows its training samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from gantlet.errors import UsageError

__all__ = ["Adaptive", "moved", "realness"]


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """p rises while the critic is surer of its training samples than `target`, else it falls.

    After each step of the critic on B samples, p <- p + sign(r - target) B / `samples`, kept
    within [0, `most`], with r from `realness`.

    Raises:
        UsageError: `start` is above `most`.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676
    """

    target: Annotated[float, Interval(gt=-1, lt=1)] = 0.6
    """r at which p rests: how surely the critic may tell its training samples, -1 to 1."""
    samples: Annotated[int, Gt(0)] = 500_000
    """Real samples that p takes from 0 to 1."""
    start: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """p at the beginning."""
    most: Annotated[float, Interval(gt=0, le=1)] = 0.8
    """Largest p: up to 0.8 augmentations hardly leak into what is generated (section 2.2)."""

    def __post_init__(self) -> None:
        if self.start > self.most:
            raise UsageError(
                "adaptive probability",
                expected="start at most as large as most",
                received=f"start={self.start} most={self.most}",
            )


def moved(p: Tensor, r: Tensor, count: int, rule: Adaptive) -> Tensor:
    """p after a step of the critic on `count` samples with overfitting r: see `Adaptive`."""
    step = (r - rule.target).sign() * (count / rule.samples)
    return (p + step.to(p)).clamp(0, rule.most)


def realness(real: Tensor, fake: Tensor | None = None, genuine: Tensor | None = None) -> Tensor:
    """r = E sign(D(x) - c) over training samples x: 0 where they look like no side, 1 if all real.

    Without `fake`, c = 0: the paper's r_t, for critics whose logit 0 means undecided. Objectives
    that read differences of logits leave a constant free, so that the sign of one means nothing;
    there c is midway between the means of both sides, and equal to the paper's in a symmetric
    game.

    Arguments:
        real, fake: logits, (B,).
        genuine: (B,), 1 for the real samples that count, 0 for others; all if none are given.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676
    """
    weight = real.new_ones(real.shape) if genuine is None else genuine.to(real)
    weight = weight / weight.sum().clamp_min(1)
    middle = 0.0 if fake is None else ((weight * real).sum() + fake.mean()) / 2
    return (weight * (real - middle).sign()).sum()
