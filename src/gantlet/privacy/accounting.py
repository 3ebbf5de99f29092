"""What private steps cost: epsilon from rates, noise and numbers of steps, and back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gantlet.errors import UsageError

__all__ = [
    "Spent",
    "epsilon_of",
    "gaussian_delta",
    "gaussian_sigma",
    "most_steps",
    "sigma_for",
]

_ORDERS = [
    *(1 + tenth / 10 for tenth in range(1, 100)),
    *range(12, 64),
    *(72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768),
]
"""Orders at which the Renyi divergence is bounded; the best gives epsilon."""
_CLOSE = 1e-3
"""Relative width at which a search for sigma ends."""
_LEAST, _MOST = 1e-2, 1e6
_MANY = 10**9


@dataclass(frozen=True)
class Spent:
    """Steps of the sampled Gaussian mechanism."""

    sigma: float
    """Standard deviation of the noise over the L2 sensitivity of what it is added to."""
    q: float
    """Probability with which each row takes part; 1: all do."""
    steps: int = 1


def epsilon_of(spent: Sequence[Spent], delta: float) -> float:
    """Epsilon of all that was spent, at delta, for tables that differ by one row more or less.

    Computed by Opacus: Renyi divergences of the sampled Gaussian mechanism add up over steps, and
    the best order is converted.

    Source: Mironov (2017), Renyi Differential Privacy, https://arxiv.org/abs/1702.07476;
    Yousefpour et al. (2021), Opacus: User-Friendly Differential Privacy Library in PyTorch,
    https://arxiv.org/abs/2109.12298

    Raises UsageError where Opacus is not installed.
    """
    history = [(part.sigma, part.q, part.steps) for part in spent if part.steps]
    if not history:
        return 0.0
    accountant = _accountant()
    accountant.history = history
    with warnings.catch_warnings():
        # Of an optimal order at either end, where epsilon is right but larger than it need be.
        warnings.simplefilter("ignore")
        return float(accountant.get_epsilon(delta, alphas=_ORDERS))


@lru_cache
def sigma_for(
    epsilon: float, delta: float, q: float, steps: int, before: tuple[Spent, ...] = ()
) -> float:
    """The smallest noise with which so many steps, after what was spent before, cost epsilon.

    Rounded up to four digits, so that epsilon is not exceeded.

    Raises UsageError where what was spent before leaves nothing.
    """

    def fits(sigma: float) -> bool:
        return epsilon_of([*before, Spent(sigma, q, steps)], delta) <= epsilon

    if not fits(_MOST):
        raise UsageError(
            "the privacy budget",
            expected=f"epsilon of more than {epsilon_of(before, delta):.3g}, which the columns "
            f"cost at delta {delta:.2g}",
            received=f"{epsilon:g}",
            remedy="Raise privacy.epsilon, or lower privacy.columns.",
        )
    high = _LEAST
    while not fits(high):
        high *= 2
    low = high / 2
    while high - low > _CLOSE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    digits = 3 - math.floor(math.log10(high))
    return float(math.ceil(high * 10**digits) / 10**digits)


def most_steps(
    epsilon: float, delta: float, q: float, sigma: float, before: Sequence[Spent] = ()
) -> int:
    """As many steps as epsilon allows with a noise, after what was spent before; 0 if none."""

    def fits(steps: int) -> bool:
        return epsilon_of([*before, Spent(sigma, q, steps)], delta) <= epsilon

    if not fits(1):
        return 0
    high = 2
    while high < _MANY and fits(high):
        high *= 2
    return _last(fits, high // 2, high)


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The largest number that holds, from a low one that does and a high one that does not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def gaussian_delta(epsilon: float, sigma: float) -> float:
    r"""The exact delta of the Gaussian mechanism of sensitivity 1.

    \delta = \Phi(1/(2 sigma) - epsilon sigma) - e^epsilon \Phi(-1/(2 sigma) - epsilon sigma). k
    of them together are one with sigma / sqrt(k).

    Source: Balle and Wang (2018), Improving the Gaussian Mechanism for Differential Privacy,
    https://arxiv.org/abs/1805.06530
    """
    half = 1 / (2 * sigma)
    tail = _normal(-half - epsilon * sigma)
    lost = math.exp(epsilon + math.log(tail)) if tail > 0 else 0.0
    return max(0.0, _normal(half - epsilon * sigma) - lost)


def gaussian_sigma(epsilon: float, delta: float) -> float:
    """The smallest noise with which one answer of sensitivity 1 is (epsilon, delta)-private."""
    low, high = _LEAST, _MOST
    while high - low > 1e-6 * high:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if gaussian_delta(epsilon, middle) <= delta else (middle, high)
    return high


def _normal(x: float) -> float:
    """The normal distribution function, exact far into its lower tail."""
    return math.erfc(-x / math.sqrt(2)) / 2


def _accountant() -> Any:
    try:
        from opacus.accountants import RDPAccountant
    except ImportError:
        raise UsageError(
            "a private training",
            expected="the package opacus, whose accountant tells what it costs",
            remedy="Install it: pip install 'gantlet[private]'",
        ) from None
    return RDPAccountant()
