"""Whether classes are as frequent among generated samples as in the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, normal, wilson

__all__ = ["FEW", "Balance", "class_balance", "rarest"]

FEW = 5
"""Real samples of a class below which its share says little."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Class frequencies of generated samples against those of real ones."""

    variation: Estimate
    """Total variation between the two shares, from 0 to 1."""
    expected: float
    """The total variation that a perfect sampler has on average: not 0."""
    p: float
    """Probability of at least this chi-square for a perfect sampler."""
    shares: Sequence[Estimate]
    """Share of each class among generated samples."""
    data: Sequence[float]
    """Share of each class among real samples."""


def class_balance(real: Tensor, fake: Tensor, classes: int) -> Balance:
    r"""Total variation of class shares, a chi-square test and the shares.

    With counts a_k of M generated and b_k of N real samples,

        variation = 1/2 \sum_k |a_k / M - b_k / N|,
        chi^2 = \sum_k (a_k \sqrt{N / M} - b_k \sqrt{M / N})^2 / (a_k + b_k),

    the latter with one degree of freedom fewer than classes that occur (the test of equal shares
    in a 2 x K table). The interval of the variation holds the signs of the differences fixed, so
    that it is that of a difference of two means; near 0, where the absolute value raises the
    variation, hold it against

        expected = \sum_k \sqrt{ q_k (1 - q_k) (1 / M + 1 / N) / (2 \pi) }

    with q_k the pooled shares, each difference taken as normal. p is too rough where fewer than
    about five samples of a class are expected. Shares have Wilson's interval.

    Arguments:
        real, fake: classes from 0 to `classes` - 1, shapes (N,) and (M,), both by one classifier,
            whose mistakes then fall on both sides.

    Raises:
        UsageError: fewer than two samples or classes, only one class present, or classes out of
            range.
    """
    for labels in (real, fake):
        _check_labels(labels, classes)
    b, a = (torch.bincount(y.long().cpu(), minlength=classes).double() for y in (real, fake))
    n, m = len(real), len(fake)
    together = a + b
    present = together > 0
    if present.sum() < 2:
        raise UsageError("class balance", expected="at least two classes that occur", received="1")
    q = together / (n + m)
    deviations = (a * math.sqrt(n / m) - b * math.sqrt(m / n)) ** 2 / together
    half = torch.stack([(present.sum() - 1) / 2, deviations[present].sum() / 2]).double()
    return Balance(
        variation=_variation(a / m, b / n, m, n),
        expected=float((q * (1 - q) * (1 / m + 1 / n) / (2 * math.pi)).sqrt().sum()),
        p=float(torch.special.gammaincc(half[0], half[1])),
        shares=[wilson(int(count), m) for count in a],
        data=(b / n).tolist(),
    )


def rarest(real: Tensor, fake: Tensor, classes: int) -> Estimate:
    r"""How much of its due the class has that lacks most: \min_k (a_k / M) / (b_k / N).

    0 where a class is missing; below 1 for a perfect sampler too, by chance: score held-out data
    the same way. Classes with fewer than 5 real samples are left out. The interval is that of the
    ratio for that class, Wilson's of both shares put together by their squares.

    Arguments:
        real, fake: classes from 0 to `classes` - 1, shapes (N,) and (M,), both by one classifier.

    Raises:
        UsageError: fewer than two samples or classes, classes out of range, or no class with 5
            real samples.

    Source: Zou and Donner (2008), Construction of Confidence Limits About Effect Measures,
    https://doi.org/10.1002/sim.3095
    """
    for labels in (real, fake):
        _check_labels(labels, classes)
    b, a = (torch.bincount(y.long().cpu(), minlength=classes) for y in (real, fake))
    known = (b >= FEW).nonzero().flatten()
    if not len(known):
        raise UsageError(
            "rarest class", expected=f"a class with {FEW} real samples", received="none"
        )
    k = known[(a[known] / b[known]).argmin()]
    p, q = wilson(int(a[k]), len(fake)), wilson(int(b[k]), len(real))
    ratio = p.value / q.value
    below = math.hypot((p.value - p.low) / q.value, ratio * (q.high / q.value - 1))
    above = math.hypot((p.high - p.value) / q.value, ratio * (1 - q.low / q.value))
    return Estimate(ratio, max(0.0, ratio - below), ratio + above, "Wilson, both shares")


def _check_labels(y: Tensor, classes: int) -> None:
    if y.ndim != 1 or len(y) < 2 or classes < 2 or not (y.min() >= 0 and y.max() < classes):
        raise UsageError(
            "class balance",
            expected="at least 2 samples, of classes numbered from 0, at least 2 classes",
            received=f"shape {tuple(y.shape)} and {classes} classes",
        )


def _variation(p: Tensor, q: Tensor, m: int, n: int) -> Estimate:
    """Half the sum of |p - q|: with its signs fixed, a difference of means of +-1/2."""
    sign = (p - q).sign() / 2
    means = (sign * p).sum(), (sign * q).sum()
    squares = (sign**2 * p).sum(), (sign**2 * q).sum()
    variance = (squares[0] - means[0] ** 2) / m + (squares[1] - means[1] ** 2) / n
    error = math.sqrt(max(0.0, float(variance)))
    found = normal(float(means[0] - means[1]), error, "normal, signs fixed")
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.how)
