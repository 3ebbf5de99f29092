"""Scores of samples from data whose modes are known: modes hit, quality, spread, balance.

A mode is a Gaussian of a mixture, or a tuple of classes of an image's channels. The protocol is
that of the first two sources; the spread is our own, because quality alone rewards samplers that
shrink the modes.

Sources: Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761
Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.rng import seed_of

__all__ = [
    "ModeScores",
    "histogram",
    "kl_floor",
    "nearest_modes",
    "reverse_kl",
    "score_mixture",
    "simulated",
    "spread_within",
    "stacked_modes",
    "within",
]

_BATCH = 1000


@dataclass(frozen=True)
class ModeScores:
    """What the samples of a Gaussian mixture score."""

    hit: int
    """Modes that are nearest to at least one sample of high quality."""
    quality: Estimate
    """Share of samples of high quality."""
    kl: float
    """`reverse_kl` of the samples of high quality; NaN without any."""
    spread: float
    """`spread_within`."""


def nearest_modes(x: Tensor, centres: Tensor, std: float) -> tuple[Tensor, Tensor]:
    """The mode nearest to each sample, and the Mahalanobis distance |x - mu| / std; (N,), (N,).

    Arguments:
        x: samples, shape (N, D).
        centres: mu, shape (K, D).
        std: of every mode in every direction.
    """
    if x.ndim != 2 or x.shape[1:] != centres.shape[1:] or len(x) == 0:
        raise UsageError(
            "samples of a mixture",
            expected=f"shape (N, {centres.shape[1]})",
            received=str(tuple(x.shape)),
        )
    gaps = torch.cdist(x.double(), centres.double(), compute_mode="donot_use_mm_for_euclid_dist")
    least = gaps.min(1)
    return least.indices, least.values / std


def histogram(modes: Tensor, k: int) -> Tensor:
    """How often each of k modes occurs, (N,) -> (k,)."""
    return torch.bincount(modes, minlength=k)


def reverse_kl(counts: Tensor, target: Tensor | None = None) -> float:
    r"""KL(p || q) = \sum_k p_k log(p_k / q_k) in nats, with p_k = counts_k / n and 0 log 0 = 0.

    Arguments:
        counts: of the modes among generated samples, shape (K,).
        target: q, shape (K,), positive and summing to one; uniform if none is given.
    """
    n = int(counts.sum())
    if n == 0:
        raise UsageError("a divergence of modes", expected="at least one sample", received="none")
    p = counts.double() / n
    q = torch.full_like(p, 1 / len(p)) if target is None else target.double()
    return float(torch.special.xlogy(p, p / q).sum())


def within(radius: float, dims: int) -> float:
    """P(chi^2_dims < radius^2): the share of a Gaussian within `radius` standard deviations."""
    half = torch.tensor([dims / 2, radius**2 / 2], dtype=torch.float64)
    return float(torch.special.gammainc(half[0], half[1]))


def spread_within(x: Tensor, modes: Tensor, std: float, radius: float, dims: int) -> float:
    r"""Standard deviation within the modes over the true one: 1 for a perfect sampler.

    s^2 = \sum_i |x_i - m_i|^2 / (d (n - K)) with m_i the mean of the samples of the same mode and
    K the modes that occur, divided by the variance of a Gaussian that is cut at `radius` standard
    deviations, std^2 P(chi^2_{d+2} < radius^2) / P(chi^2_d < radius^2). NaN where no mode has two
    samples.

    Arguments:
        x: samples within `radius` of their mode, shape (n, D).
        modes: of each sample, shape (n,).
        std, radius: of the modes, and where they are cut, in standard deviations.
        dims: d, the directions in which the modes vary.
    """
    values, places = modes.unique(return_inverse=True)
    free = len(x) - len(values)
    if free == 0:
        return math.nan
    sums = torch.zeros(len(values), x.shape[1], dtype=torch.float64).index_add_(
        0, places, x.double()
    )
    means = sums / torch.bincount(places)[:, None]
    variance = (x.double() - means[places]).square().sum() / (dims * free)
    cut = within(radius, dims + 2) / within(radius, dims)
    return float((variance / cut).sqrt()) / std


def score_mixture(
    x: Tensor, centres: Tensor, std: float, *, radius: float = 3.0, dims: int | None = None
) -> ModeScores:
    """Scores of samples (N, D) of a mixture of equal Gaussians; see `ModeScores`.

    A sample is of high quality if it lies within `radius` standard deviations of its nearest mode.

    Arguments:
        centres: shape (K, D).
        std: of every mode.
        radius: in standard deviations.
        dims: directions in which the modes vary; all D if none is given.
    """
    modes, distances = nearest_modes(x, centres, std)
    good = distances < radius
    counts = histogram(modes[good], len(centres))
    hits = int(good.sum())
    return ModeScores(
        hit=int((counts > 0).sum()),
        quality=wilson(hits, len(x)),
        kl=reverse_kl(counts) if hits else math.nan,
        spread=spread_within(x[good], modes[good], std, radius, dims or x.shape[1]),
    )


def stacked_modes(images: Tensor, classify: Callable[[Tensor], Tensor]) -> Tensor:
    """The mode of stacked images: the classes of their channels as the digits of a number, (N,).

    With k classes and channels of the classes a, b, c the mode is a k^2 + b k + c.

    Arguments:
        images: shape (N, C, H, W).
        classify: from (B, 1, H, W) to logits (B, k).
    """
    singles = images.flatten(0, 1)[:, None]
    logits = torch.cat([classify(part) for part in singles.split(_BATCH)])
    places = logits.shape[1] ** torch.arange(images.shape[1]).flip(0)
    return (logits.argmax(1).reshape(len(images), -1).cpu() * places).sum(1)


def simulated(values: Tensor) -> Estimate:
    """The mean over simulated perfect samplers, and the range in which 95 % of them lie, (N,)."""
    low, high = torch.quantile(values.double(), torch.tensor([0.025, 0.975]).double()).tolist()
    how = f"95 % of {len(values)} simulated perfect samplers"
    return Estimate(float(values.double().mean()), low, high, how)


def kl_floor(
    n: int, shares: Tensor, target: Tensor | None = None, *, draws: int = 200, seed: int = 0
) -> Estimate:
    """`reverse_kl` of a perfect sampler at n samples: about (K - 1) / 2n above KL(shares || q).

    Simulated; the same for the same seed. Raises UsageError for n below 1.

    Arguments:
        n: samples.
        shares: of the modes in the data, shape (K,).
        target: q; uniform if none is given.
        draws: simulated samplers.
        seed: of the simulation.
    """
    if n < 1:
        raise UsageError("samples of a perfect sampler", expected="at least 1", received=str(n))
    found = []
    for draw in range(draws):
        generator = torch.Generator().manual_seed(seed_of(seed, "modes", draw))
        modes = torch.multinomial(shares.double(), n, replacement=True, generator=generator)
        found.append(reverse_kl(histogram(modes, len(shares)), target))
    return simulated(torch.tensor(found, dtype=torch.float64))
