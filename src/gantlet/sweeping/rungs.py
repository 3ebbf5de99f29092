"""The rungs of successive halving: how many trials go on, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gantlet.errors import UsageError

__all__ = ["Rung", "fraction", "rungs", "samples_in_all"]


@dataclass(frozen=True)
class Rung:
    """A round of a sweep."""

    trials: int
    """That are trained in it."""
    samples: int
    """Real samples that each has seen at its end, counted from its beginning."""


def fraction(text: str | float) -> Fraction:
    """The share of trials that goes on to the next rung: 1/3, 0.5 or 50%.

    Raises UsageError for what is no number between 0 and 1.
    """
    written = str(text).strip()
    try:
        share = Fraction(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share < 1:
        raise UsageError(
            "share of trials to keep",
            expected="a number between 0 and 1, such as 1/3 or 0.5",
            received=written,
        )
    return share


def rungs(trials: int, samples: int, keep: Fraction, least: int = 1) -> tuple[Rung, ...]:
    r"""Rungs from `trials` trials down to the last ones, which see `samples` samples.

    Rung i of S has n_i = floor(n_{i-1} \kappa) trials, the share \kappa of the rung before, as
    long as that is at least 1, and ends at R \kappa^{S - 1 - i} samples. Counted from the
    beginning every rung costs about as much as every other; trials go on rather than begin anew,
    so that it is less.

    Arguments:
        trials: how many to begin with.
        samples: R, what the trials of the last rung have seen at its end.
        keep: \kappa, between 0 and 1.
        least: fewest samples for a rung, such as the largest batch.

    Raises:
        UsageError: no trials, or R too small for the first rung.

    Source: Jamieson and Talwalkar (2016), Non-stochastic Best Arm Identification and
    Hyperparameter Optimization, https://arxiv.org/abs/1502.07943

    Source: Li et al. (2018), Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization, https://arxiv.org/abs/1603.06560
    """
    if trials < 1:
        raise UsageError("trials of a sweep", expected="at least 1", received=str(trials))
    counts = [trials]
    while int(counts[-1] * keep):
        counts.append(int(counts[-1] * keep))
    last = len(counts) - 1
    found = tuple(Rung(n, int(samples * keep ** (last - i))) for i, n in enumerate(counts))
    if found[0].samples < least:
        enough = -(-least * keep.denominator**last // keep.numerator**last)
        raise UsageError(
            f"--samples {samples}",
            expected=f"at least {enough:,} for {len(found)} rung{'s' * (last > 0)}, so that the "
            f"first has {least:,} samples, a batch",
            received=f"{found[0].samples:,} samples in the first rung",
            remedy="Give more samples, fewer values, or another --keep.",
        )
    return found


def samples_in_all(found: Sequence[Rung], seeds: int = 1) -> int:
    """Samples that all trials see together, each going on from where it stood."""
    before = [0, *(rung.samples for rung in found[:-1])]
    return seeds * sum(
        rung.trials * (rung.samples - b) for rung, b in zip(found, before, strict=True)
    )
