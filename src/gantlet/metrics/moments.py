"""Count, mean and scatter of feature vectors, in one pass, in parts that can be merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from gantlet import dist
from gantlet.errors import UsageError
from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import GROUPS, Estimate, groups, jackknife
from gantlet.metrics.neighbours import exact

__all__ = [
    "Moments",
    "across_ranks",
    "grouped",
    "jackknifed",
    "leave_one_out",
    "merged",
    "principal",
]

_ROWS = 4096
"""Samples widened to float64 at a time."""


@dataclass(frozen=True, eq=False)
class Moments:
    """What a Gaussian needs to know of n samples: a value that grows by answering a new one.

        moments = Moments.empty(D)
        for features in batches:
            moments = moments.add(features)

    Its memory is that of D^2 numbers, whatever n is. Parts of the samples, on other ranks say,
    are merged exactly, in any order.

    Source: Chan, Golub and LeVeque (1983), Algorithms for Computing the Sample Variance,
    https://doi.org/10.1080/00031305.1983.10483115
    """

    count: int
    """n."""
    mean: Tensor
    """Shape (D,), float64."""
    scatter: Tensor
    r"""\sum_i (x_i - mean) (x_i - mean)^T, shape (D, D), float64."""

    @classmethod
    def empty(cls, dimensions: int) -> Moments:
        """Of no samples."""
        zeros = torch.zeros(dimensions, dimensions + 1, dtype=torch.float64)
        return cls(0, zeros[:, 0], zeros[:, 1:])

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """Of features of shape (N, D); UsageError if they are not finite or of another shape."""
        check_sets("moments", 1, features=features)
        return cls.empty(features.shape[1]).add(features)

    @property
    def covariance(self) -> Tensor:
        """scatter / (n - 1), shape (D, D); UsageError for fewer than two samples."""
        if self.count < 2:
            raise UsageError(
                "a covariance", expected="at least 2 samples", received=str(self.count)
            )
        return self.scatter / (self.count - 1)

    def add(self, features: Tensor) -> Moments:
        """With the features (N, D) of more samples; UsageError if they do not fit."""
        check_sets("moments", 0, features=features, mean=self.mean[None])
        parts = [_of_block(rows) for rows in features.split(_ROWS) if len(rows)]
        return merged([self, *parts])

    def merge(self, other: Moments) -> Moments:
        """Of the samples of both; UsageError if they have other dimensions."""
        check_sets("moments", 1, mean=self.mean[None], other=other.mean[None])
        if not self.count or not other.count:
            return self if self.count else other
        n, step = self.count + other.count, other.mean - self.mean
        return Moments(
            n,
            self.mean + step * (other.count / n),
            torch.addr(
                self.scatter + other.scatter, step, step, alpha=self.count * other.count / n
            ),
        )

    def without(self, part: Moments) -> Moments:
        """Of the samples that are not in `part`, which must be some of these, but not all.

        Raises UsageError if `part` has as many samples or more.
        """
        n = self.count - part.count
        if n < 1:
            raise UsageError(
                "moments without a part of them",
                expected=f"a part of less than {self.count} samples",
                received=str(part.count),
            )
        step = self.mean - part.mean
        return Moments(
            n,
            self.mean + step * (part.count / n),
            torch.addr(
                self.scatter - part.scatter, step, step, alpha=-part.count * self.count / n
            ),
        )


def _of_block(rows: Tensor) -> Moments:
    """In two passes; shifted first, so that constant features have exactly no scatter."""
    x = exact(rows)
    shifted = x - x[0]
    shift = shifted.mean(0)
    centred = shifted - shift
    return Moments(len(x), x[0] + shift, centred.mT @ centred)


def merged(parts: Sequence[Moments]) -> Moments:
    """Of the samples of all parts, at least one."""
    return reduce(Moments.merge, parts)


def across_ranks(moments: Moments) -> Moments:
    """Of the samples of all processes: the same bits on each of them, itself on one alone.

    Merged in rank order; only D^2 + D + 1 numbers of each process travel.
    """
    if dist.world() == 1:
        return moments
    d = len(moments.mean)
    count = moments.mean.new_tensor([moments.count])  # exact below 2^53
    rows = dist.gather(torch.cat([count, moments.mean, moments.scatter.flatten()])[None])
    return merged([Moments(int(row[0]), row[1 : d + 1], row[d + 1 :].view(d, d)) for row in rows])


def grouped(features: Tensor, count: int = GROUPS) -> list[Moments]:
    """Of `count` groups of the samples, (N, D), for a jackknife.

    Ranks merge their lists entry by entry (`across_ranks`). Memory is that of `count` D^2 numbers.
    Raises UsageError for fewer samples than groups.
    """
    return [
        Moments.of(features[chosen.to(features.device)]) for chosen in groups(len(features), count)
    ]


def leave_one_out(parts: Sequence[Moments]) -> Iterator[Moments]:
    """Of all samples but those of one part, for each part in turn, without the samples."""
    whole = merged(parts)
    return (whole.without(part) for part in parts)


def jackknifed(
    statistic: Callable[[Moments, Moments], float],
    real: Sequence[Moments],
    fake: Sequence[Moments],
) -> Estimate:
    """A statistic of real and fake moments, with a jackknife over groups of both.

    Group i of the real and group i of the fake samples are left out together. The two sets are
    independent and so their variances add up: that of g such pairs estimates the sum.

    Arguments:
        real, fake: from `grouped`, as many groups of each.

    Raises:
        UsageError: the lists have other lengths, or less than two entries.
    """
    if len(real) != len(fake) or len(real) < 2:
        raise UsageError(
            "a jackknife of moments",
            expected="as many real as fake groups, at least 2",
            received=f"{len(real)} and {len(fake)}",
        )
    pairs = zip(leave_one_out(real), leave_one_out(fake), strict=True)
    return jackknife(statistic(merged(real), merged(fake)), [statistic(r, f) for r, f in pairs])


def principal(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues above rounding, (k,), and their eigenvectors, (D, k); k is the rank."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    return values[kept], vectors[:, kept]
