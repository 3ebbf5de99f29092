"""Whether a generator copies: how near its samples lie to training samples, and to each other.

All rests on the distance of a sample to its nearest training sample, `neighbours.nearest(x,
train)`, taken for generated samples and for held-out real ones. Given the training samples,
both are independent draws, and a perfect sampler's are those of held-out data. How many there
are of each does not matter, the training samples must be the same. Samples of the middle of the
data lie near to everything, though they copy nothing: their distances are told beside those to
real samples that are not trained on (`beside`), which are then no nearer for them than for others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.auc import auc, chance_error
from gantlet.metrics.estimate import Estimate, normal, wilson
from gantlet.metrics.evidence import Pair
from gantlet.metrics.neighbours import Nearest

__all__ = [
    "Closer",
    "authenticity",
    "beside",
    "closer",
    "distance_ratio",
    "near_bound",
    "near_share",
    "twin_share",
    "twin_threshold",
    "worst_pairs",
]


def _checked(what: str, fewest: int, **distances: Tensor) -> None:
    for name, d in distances.items():
        if d.ndim != 1 or len(d) < fewest or not torch.isfinite(d).all():
            raise UsageError(
                what,
                expected=f"at least {fewest} finite distances of {name} samples",
                received=f"shape {tuple(d.shape)}",
            )


def beside(known: Tensor, unseen: Tensor) -> Tensor:
    """Distances to training samples beside those to unseen ones, d / (d + u), shape (N,).

    0 for copies, whatever the scale; 1/2 where both are as near. Of samples that do not depend on
    the training samples it has one law wherever the data look alike from near: what makes both
    distances small, as a generator that collapsed to the middle of the data does, cancels.

    Arguments:
        known, unseen: distances d and u to the nearest sample of either set, shape (N,).
    """
    both = known + unseen
    return torch.where(both > 0, known / both.clamp(min=torch.finfo(both.dtype).tiny), 0.5)


def distance_ratio(fake: Tensor, held_out: Tensor) -> Estimate:
    r"""Mean distance to training samples, or of what `beside` gives, generated over held-out.

    1 for a perfect sampler, 0 for copies. Means, as copies among other samples move a mean from
    the first on, a median only when they are many. The interval is that of the delta method,
    with R the ratio, m and s^2 means and variances:

        s_R^2 = (s_f^2 / n_f + R^2 s_h^2 / n_h) / m_h^2.

    Arguments:
        fake, held_out: distances, shapes (N,) and (M,).

    Raises:
        UsageError: fewer than two distances, or all held-out samples are training samples.
    """
    _checked("ratio of distances", 2, generated=fake, held_out=held_out)
    f, h = fake.double(), held_out.double()
    scale = _scale(float(h.mean()))
    ratio = float(f.mean()) / scale
    variance = float(f.var() / len(f) + ratio**2 * h.var() / len(h))
    return normal(ratio, math.sqrt(variance) / scale, "delta method")


def _scale(distance: float) -> float:
    if not distance > 0:
        raise UsageError(
            "distances to training samples",
            expected="held-out samples that are not themselves training samples",
            received="held-out samples at distance 0",
        )
    return distance


@dataclass(frozen=True)
class Closer:
    """How often a generated sample lies nearer to training data than a held-out one."""

    share: Estimate
    """Share of pairs (held-out, generated), ties half: 1/2 for a perfect sampler, 1 for copies."""
    p: float
    """Probability of at least this share for a perfect sampler."""


def closer(fake: Tensor, held_out: Tensor) -> Closer:
    r"""The data-copying test: Mann-Whitney's on distances to the nearest training sample.

    share = P(d_held > d_fake) + P(d_held = d_fake) / 2, with the interval of `metrics.auc`. p is
    one-sided, by the normal approximation with ties

        z = (U - NM/2 - 1/2) / \sqrt{ NM/12 (n + 1 - \sum_t (t^3 - t) / (n (n - 1))) }, n = N + M.

    Copies among samples that lie too far away elsewhere balance each other here: see `near_share`.

    Arguments:
        fake, held_out: distances, shapes (N,) and (M,).

    Raises:
        UsageError: fewer than two distances.

    Source: Meehan et al. (2020), A Non-Parametric Test to Detect Data-Copying in Generative
    Models, https://arxiv.org/abs/2004.05675
    """
    _checked("test of copying", 2, generated=fake, held_out=held_out)
    share = auc(held_out, fake)
    return Closer(share, _one_sided(share.value, fake, held_out))


def _one_sided(share: float, fake: Tensor, held_out: Tensor) -> float:
    error, pairs = chance_error(held_out, fake), len(fake) * len(held_out)
    excess = share - 0.5 - 0.5 / pairs
    return math.erfc(excess / error / math.sqrt(2)) / 2 if error else 1.0


def near_share(fake: Tensor, held_out: Tensor, quantile: float = 0.05) -> Estimate:
    """Share of samples nearer to training data than all but the nearest held-out ones.

    "Nearer" is below the k-th smallest of M held-out distances, k = ceil(quantile M), where a
    perfect sampler has k / (M + 1) in expectation. Unlike a ratio or a rank it does not let
    samples that are too far away make up for copies. The interval is Wilson's for N M / (N + M)
    trials, as the threshold is itself a quantile of a sample.

    Arguments:
        fake, held_out: distances, shapes (N,) and (M,).
        quantile: above 0 and below 1.

    Raises:
        UsageError: no distance, or a quantile out of range.
    """
    _checked("share of near samples", 1, generated=fake, held_out=held_out)
    threshold = _smallest(held_out, quantile)
    n, m = len(fake), len(held_out)
    share, trials = int((fake.double() < threshold).sum()) / n, max(1, round(n * m / (n + m)))
    over = wilson(round(share * trials), trials)
    return Estimate(share, over.low, over.high, "Wilson, both samples counted")


def near_bound(n: int, m: int, quantile: float = 0.05, level: float = 0.975) -> float:
    r"""The largest `near_share` of a perfect sampler, but for a probability of 1 - level.

    Of n generated and m held-out distances that are independent draws of one law, the number X
    of generated ones below the k-th smallest held-out one, k = ceil(quantile m), is
    beta-binomial, whatever the law:

        P(X = x) = C(n, x) B(x + k, n - x + m + 1 - k) / B(k, m + 1 - k).

    The bound is the smallest x / n with P(X <= x) >= level. Ties only make X smaller.

    Arguments:
        n, m: generated and held-out samples.
        quantile, level: above 0 and below 1.
    """
    k = math.ceil(quantile * m)
    x = torch.arange(n + 1, dtype=torch.float64)
    # C(n, x) = 1 / ((n + 1) B(x + 1, n - x + 1))
    ways = -_log_beta(x + 1, n - x + 1) - math.log(n + 1)
    whole = _log_beta(x.new_tensor(k), x.new_tensor(m + 1 - k))
    log = ways + _log_beta(x + k, n - x + m + 1 - k) - whole
    reached = log.exp().cumsum(0) >= level
    return int(reached.double().argmax()) / n


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def _smallest(distances: Tensor, quantile: float) -> float:
    if not 0 < quantile < 1:
        raise UsageError("quantile", expected="above 0 and below 1", received=str(quantile))
    k = math.ceil(quantile * len(distances))
    return float(distances.double().sort().values[k - 1])


def worst_pairs(fake: Nearest, held_out: Tensor, count: int) -> list[Pair]:
    """The `count` generated samples nearest to training samples, nearest first.

    Arguments:
        fake: nearest training samples of the generated ones.
        held_out: distances of held-out samples to theirs, shape (M,).

    Raises:
        UsageError: no distance, or half of the held-out samples are training samples.
    """
    _checked("nearest pairs", 1, generated=fake.distance, held_out=held_out)
    scale = _scale(_smallest(held_out, 0.5))
    first = fake.distance.sort(stable=True).indices[:count]
    index, distance = fake.index[first].tolist(), fake.distance[first].tolist()
    return [
        Pair(fake=i, real=j, distance=d, ratio=d / scale)
        for i, j, d in zip(first.tolist(), index, distance, strict=True)
    ]


def authenticity(fake: Nearest, train_gaps: Tensor) -> Estimate:
    r"""Share of generated samples farther from a training sample than its own neighbour is.

    With t(j) the training sample nearest to f_j,

        authenticity = 1/M \sum_j 1[ |f_j - t(j)| > \min_{i != t(j)} |t(j) - t_i| ].

    Copies have 0. A perfect sampler does not have 1: a fresh draw is inauthentic exactly when it
    and t(j) are each other's nearest neighbours among the N + 1. Where data are locally uniform
    in D dimensions that has the probability of no third sample in the union of two balls, given
    none in one, so that

        E authenticity -> 1 - 1 / (2 - I_{3/4}((D + 1) / 2, 1/2)),

    with I the regularised incomplete beta function: 1/3, 0.379, 11/27 = 0.407 for D = 1, 2, 3 and
    one half for many. D is the data's own dimension. A few samples that are neighbours to many,
    as there are in high dimensions, raise it above one half: score held-out data the same way.
    Copies of a training sample that recurs in the data count as authentic unless they are exact.

    Wilson's interval, given the training samples.

    Arguments:
        fake: nearest training samples of the generated ones.
        train_gaps: distance of each training sample to its nearest other, shape (N,).

    Raises:
        UsageError: no distance.

    Source: Alaa et al. (2022), How Faithful is your Synthetic Data?, https://arxiv.org/abs/2102.08921
    """
    _checked("authenticity", 1, generated=fake.distance, training=train_gaps)
    return wilson(int((fake.distance > train_gaps[fake.index]).sum()), len(fake.distance))


def twin_threshold(held_out_gaps: Tensor, quantile: float = 0.01) -> float:
    """The distance within which one in a hundred held-out samples has another of them.

    One in a hundred is then also the share of twins that a perfect sampler has among as many
    samples; among more samples it has more.

    Arguments:
        held_out_gaps: distance of each held-out sample to the nearest other one, shape (N,).

    Raises:
        UsageError: no distance, or a quantile out of range.
    """
    _checked("threshold of twins", 1, held_out=held_out_gaps)
    return _smallest(held_out_gaps, quantile)


def twin_share(twins: Tensor) -> Estimate:
    """Share of samples that have a twin among the others.

    Samples with twins come in groups, at least in pairs, and groups are what is independent:
    with c the mean over samples with a twin of the size of their group (1 + twins, at least 2),
    the interval is Wilson's for N / c trials.

    Arguments:
        twins: how many others are twins of each sample, shape (N,): `neighbours.identical` for
            exact duplicates, `neighbours.within` a `twin_threshold` for near ones.

    Raises:
        UsageError: fewer than two samples.
    """
    n = len(twins)
    if n < 2:
        raise UsageError("share of twins", expected="at least 2 samples", received=str(n))
    groups = (1 + twins[twins > 0]).cpu().double()
    size = max(2.0, float(groups.mean())) if len(groups) else 2.0
    over = wilson(round(len(groups) / size), round(n / size))
    return Estimate(len(groups) / n, over.low, over.high, "Wilson over groups of twins")
