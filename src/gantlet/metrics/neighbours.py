"""Nearest neighbours of samples, by blocks of rows: never all pairs at once.

Distances are Euclidean. Neighbours are chosen by |a|^2 + |b|^2 - 2 a.b in float64, with a and b
centred: one matrix product, and the digits lost in it matter only between neighbours whose
distances differ by less than about 1e-7 of |a| + |b|. In float32 that would be 3e-3, enough to
confuse a copy with its neighbour. Distances that are returned come from differences: those of
equal samples are exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "ROUNDING",
    "Nearest",
    "blocks",
    "distinct",
    "exact",
    "identical",
    "nearest",
    "neighbour_distances",
    "one_of_each",
    "standing_out",
    "standing_out_among",
    "to_earlier",
    "within",
]

ROUNDING = 1e-12
"""Share of |a|^2 + |b|^2 below which two squared distances count as equal."""
_ROWS, _CELLS = 1000, 2**24
"""Most rows and distances of one block: 128 MiB."""
_COLUMNS = 256
"""Features widened to float64 at a time."""


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbour of each of N samples."""

    index: Tensor
    """Its row, shape (N,)."""
    distance: Tensor
    """Shape (N,), float64."""


def exact(x: Tensor) -> Tensor:
    """x in float64, which MPS lacks, without gradient."""
    return x.detach().to("cpu" if x.device.type == "mps" else x.device, torch.float64)


def blocks(a: Tensor, b: Tensor, slack: float = 0.0) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a, block by block, with their squared distances to all of b.

    Each distance is |a_i - b_j|^2 - slack (|a_i|^2 + |b_j|^2), with norms about the mean of a.
    With slack = `ROUNDING` it is at most the true one, so that <= finds every tie.

    Arguments:
        a, b: shapes (N, D) and (M, D).

    Yields:
        The rows, and their distances of shape (rows, M), which the caller may overwrite.
    """
    centre = torch.cat([exact(part).mean(0) for part in a.split(_COLUMNS, 1)])
    height = min(_ROWS, max(1, _CELLS // len(b)))
    for start in range(0, len(a), height):
        rows = slice(start, min(start + height, len(a)))
        yield rows, _squared(a[rows], b, centre, 1 - slack)


def _squared(a: Tensor, b: Tensor, centre: Tensor, weight: float) -> Tensor:
    """weight (|a_i|^2 + |b_j|^2) - 2 a_i.b_j, (n, D), (M, D) -> (n, M), about the centre."""
    total = centre.new_zeros(len(a), len(b))
    for part, other, c in zip(*(t.split(_COLUMNS, -1) for t in (a, b, centre)), strict=True):
        x, y = exact(part) - c, exact(other) - c
        # The norms are two more columns of the product: a pass over (n, M) costs more.
        left = [-2 * x, weight * x.square().sum(1, keepdim=True), x.new_ones(len(x), 1)]
        right = [y, y.new_ones(len(y), 1), weight * y.square().sum(1, keepdim=True)]
        total.addmm_(torch.cat(left, 1), torch.cat(right, 1).T)
    return total


def _apart(a: Tensor, b: Tensor, index: Tensor) -> Tensor:
    """|a_i - b_index|, (n, D), (M, D), (n, k) -> (n, k)."""
    parts = zip(a.split(_COLUMNS, 1), b.split(_COLUMNS, 1), strict=True)
    total = torch.zeros(index.shape, dtype=torch.float64, device=index.device)
    for x, y in parts:
        total += (exact(x)[:, None] - exact(y[index])).square().sum(-1)
    return total.sqrt()


def neighbour_distances(x: Tensor, k: int, at: Tensor | None = None) -> Tensor:
    """Distances of samples to their k nearest others, ascending, (N, D) -> (N, k); k < N.

    Arguments:
        x: shape (N, D).
        k: neighbours.
        at: rows of x whose neighbours are sought, shape (n,), giving (n, k); all if none.
    """
    asked = x if at is None else x[at]
    own = torch.arange(len(x), device=x.device) if at is None else at.to(x.device)
    found = []
    for rows, squared in blocks(asked, x):
        squared.scatter_(1, own[rows, None].to(squared.device), math.inf)
        index = squared.topk(k, largest=False).indices
        found.append(_apart(asked[rows], x, index).sort(1).values)
    return torch.cat(found)


def one_of_each(index: Tensor) -> Tensor:
    """Places of the first sample near to each neighbour, ascending, (N,) -> (K,).

    Arguments:
        index: the neighbour of each sample, shape (N,).
    """
    ordered = index.sort(stable=True)
    begins = torch.ones_like(ordered.values, dtype=torch.bool)
    begins[1:] = ordered.values[1:] != ordered.values[:-1]
    return ordered.indices[begins].sort().values


def standing_out(a: Tensor, b: Tensor) -> Tensor:
    """Distance to the nearest sample of b over that to the second, (N, D), (M, D) -> (N,).

    0 for a copy, 1 where two are equally near: near to one sample, and not to a region that holds
    many. Independent of the scale; b has at least two samples, which all differ.

    Source: the test of matches in section 7.1 of Lowe (2004), Distinctive Image Features from
    Scale-Invariant Keypoints, https://doi.org/10.1023/B:VISI.0000029664.99615.94
    """
    found = []
    for rows, squared in blocks(a, b):
        index = squared.topk(2, largest=False).indices
        found.append(_ratio(_apart(a[rows], b, index)))
    return torch.cat(found)


def standing_out_among(x: Tensor) -> Tensor:
    """`standing_out` of each sample among the others, (N, D) -> (N,); all differ, N > 2."""
    return _ratio(neighbour_distances(x, 2))


def _ratio(distances: Tensor) -> Tensor:
    """The smaller over the larger of two distances, (N, 2) -> (N,)."""
    return distances.amin(1) / distances.amax(1)


def to_earlier(x: Tensor) -> Tensor:
    """Distance of each sample to the nearest before it, (N, D) -> (N,); infinite for the first."""
    places, found = torch.arange(len(x), device=x.device), []
    for rows, squared in blocks(x, x):
        later = places >= places[rows, None]
        index = squared.masked_fill_(later.to(squared.device), math.inf).argmin(1)
        found.append(_apart(x[rows], x, index[:, None])[:, 0])
    distances = torch.cat(found)
    distances[0] = math.inf
    return distances


def nearest(a: Tensor, b: Tensor) -> Nearest:
    """The sample of b nearest to each of a, shapes (N, D) and (M, D), neither empty.

    Of several that are equally near, any.
    """
    index, distance = [], []
    for rows, squared in blocks(a, b):
        index.append(squared.argmin(1))
        distance.append(_apart(a[rows], b, index[-1][:, None])[:, 0])
    return Nearest(torch.cat(index), torch.cat(distance))


def within(x: Tensor, threshold: float) -> Tensor:
    """How many other samples lie within a distance of each, ties included, (N, D) -> (N,)."""
    found = [(d <= threshold**2).sum(1) - 1 for _, d in blocks(x, x, ROUNDING)]
    return torch.cat(found)


def distinct(x: Tensor) -> Tensor:
    """The rows of x, (N, D), without those that repeat an earlier one: ascending, (n,)."""
    group = torch.unique(x, dim=0, return_inverse=True)[1]
    first = torch.full((int(group.max()) + 1,), len(x), device=x.device)
    places = torch.arange(len(x), device=x.device)
    return first.scatter_reduce(0, group, places, "amin").sort().values


def identical(x: Tensor) -> Tensor:
    """How many other samples are the same in every number, (N, D) -> (N,)."""
    found = torch.unique(x, dim=0, return_inverse=True, return_counts=True)
    group: Tensor = found[1]
    count: Tensor = found[2]
    return count[group] - 1
