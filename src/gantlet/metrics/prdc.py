"""Precision and recall, density and coverage: four shares from balls around nearest neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import stdev

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import GROUPS, Estimate, groups, mean_of, student, wilson
from gantlet.metrics.neighbours import ROUNDING, blocks, neighbour_distances

__all__ = ["PRDC", "prdc"]

_FEWEST_GROUPS, _GROUP = 4, 50
"""Groups at least, and samples of a group where there are enough for more."""


@dataclass(frozen=True, kw_only=True)
class PRDC:
    """Two numbers of fidelity and two of diversity."""

    precision: Estimate
    """Share of generated samples inside some ball of the real ones."""
    recall: Estimate
    """Share of real samples inside some ball of the generated ones."""
    density: Estimate
    """Balls of the real samples that hold a generated one, over k; above 1 in dense regions."""
    coverage: Estimate
    """Share of balls of the real samples that hold a generated one."""


def prdc(real: Tensor, fake: Tensor, *, manifold_k: int = 3, density_k: int = 5) -> PRDC:
    r"""Precision, recall, density and coverage from one pass over the pairs.

    With B_k(x_i) the closed ball around x_i that reaches to its k-th nearest other of its set,

        precision = 1/M \sum_j 1[ f_j in \bigcup_i B_k(r_i) ]        k = manifold_k
        recall    = 1/N \sum_i 1[ r_i in \bigcup_j B_k(f_j) ]        k = manifold_k
        density   = 1/(k M) \sum_j \sum_i 1[ f_j in B_k(r_i) ]       k = density_k
        coverage  = 1/N \sum_i 1[ some f_j in B_k(r_i) ]             k = density_k

    A perfect sampler has E density = 1 exactly, for all N, M and k and continuous data: f_j and
    the other N - 1 real samples are exchangeable around r_i, so that f_j is among the k nearest
    with probability k / N. For E coverage see `diversity.coverage`. Precision and recall have no
    such value: score held-out real data the same way.

    The interval is the wider of two. Wilson's (for density that of a mean) counts samples as
    independent, which they are only given the balls. The other lets both sets vary: s / sqrt(g)
    and Student's quantile from the values of g = 4 to 10 groups, each of 1/g of both sets, as the
    variance falls with the inverse of their size.

    Arguments:
        real, fake: shapes (N, D) and (M, D).
        manifold_k, density_k: neighbours, at least 1; the defaults are those of the papers.

    Raises:
        UsageError: a k below 1, too few samples for groups with more than k, D unlike, or numbers
            that are not finite.

    Source: Kynkäänniemi et al. (2019), Improved Precision and Recall Metric for Assessing
    Generative Models, https://arxiv.org/abs/1904.06991 (precision, recall);
    Naeem et al. (2020), Reliable Fidelity and Diversity Metrics for Generative Models,
    https://arxiv.org/abs/2002.09797 (density, coverage, with strict inequalities)
    """
    if min(manifold_k, density_k) < 1:
        received = f"{manifold_k} and {density_k}"
        raise UsageError("neighbours", expected="k of at least 1", received=received)
    fewest = _FEWEST_GROUPS * (max(manifold_k, density_k) + 1)
    check_sets("precision, recall, density and coverage", fewest, real=real, fake=fake)
    precise, recalled, held, covered = _memberships(real, fake, manifold_k, density_k)
    g = max(_FEWEST_GROUPS, min(GROUPS, len(real) // _GROUP, len(fake) // _GROUP))
    parts = [
        [float(of.mean()) for of in _memberships(real[i], fake[j], manifold_k, density_k)]
        for i, j in zip(groups(len(real), g), groups(len(fake), g), strict=True)
    ]
    precisions, recalls, densities, coverages = zip(*parts, strict=True)
    return PRDC(
        precision=_wider(_share(precise), precisions, 1),
        recall=_wider(_share(recalled), recalls, 1),
        density=_wider(mean_of(held), densities, math.inf),
        coverage=_wider(_share(covered), coverages, 1),
    )


def _memberships(
    real: Tensor, fake: Tensor, manifold_k: int, density_k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What precision (M,), recall (N,), density (M,) and coverage (N,) are the means of."""
    radii = neighbour_distances(real, max(manifold_k, density_k)).square()
    manifold, dense = radii[:, [manifold_k - 1]], radii[:, [density_k - 1]]
    reach = neighbour_distances(fake, manifold_k)[:, -1].square()
    precise = torch.zeros(len(fake), dtype=torch.bool, device=reach.device)
    held = torch.zeros(len(fake), dtype=torch.int64, device=reach.device)
    recalled, covered = [], []
    for rows, squared in blocks(real, fake, ROUNDING):
        inside = squared <= dense[rows]
        held += inside.sum(0)
        covered.append(inside.any(1))
        precise |= (squared <= manifold[rows]).any(0)
        recalled.append((squared <= reach).any(1))
    found = precise, torch.cat(recalled), held.double() / density_k, torch.cat(covered)
    first, second, third, fourth = (of.to("cpu", torch.float64) for of in found)
    return first, second, third, fourth


def _share(hits: Tensor) -> Estimate:
    return wilson(int(hits.sum()), len(hits))


def _wider(given: Estimate, parts: tuple[float, ...], most: float) -> Estimate:
    """The interval that holds both `given` and that of independent groups, from 0 to `most`."""
    g = len(parts)
    across = student(given.value, stdev(parts) / math.sqrt(g), g - 1, "")
    low, high = max(0.0, min(given.low, across.low)), min(most, max(given.high, across.high))
    return Estimate(given.value, low, high, f"{given.how}, or {g} groups where wider")
