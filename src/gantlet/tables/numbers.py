"""Numbers as a mode and a place within it: mode-specific normalisation, values that stand out.

Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.tables.mixture import Mixture, fitted, uniform_of
from gantlet.tables.words import FEWEST

__all__ = ["Numbers", "Warp", "bounds", "decimals_of"]

Values = NDArray[np.float64]

_MODES = 10
_DISTINCT = 24
"""A column of no more distinct values has each as a choice of its own."""
_SPIKE, _SPIKES, _ABOVE, _AROUND = 0.01, 20, 3.0, 4
"""A value stands out with this share of the rows, and so many times its neighbours'."""
_WIDE = 4.0
"""Standard deviations that a mode reaches to each side."""
_SKEWED = 2.0
_MOST_DECIMALS = 12
_LOOKED_AT = 10_000


@dataclass(frozen=True)
class Warp:
    """y = asinh((x - centre) / scale), which draws long tails in."""

    centre: float
    scale: float

    def forward(self, x: Values) -> Values:
        """y of x."""
        return np.arcsinh((x - self.centre) / self.scale)

    def inverse(self, y: Values) -> Values:
        """x of y."""
        return np.sinh(y) * self.scale + self.centre


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How numbers are written as two: an alpha in [-1, 1] and a code.

    Codes 0 ... K - 1 are modes: x = centre_k + reach_k alpha, from four standard deviations below
    the mean to four above, but never beyond the bounds, so that no number piles up at them. The
    next are values that stand out, which many rows share (zeros, caps, codes, infinities). The
    last is a missing value, where there are any. With one code in all there is no choice to make.
    """

    low: float
    """Smallest value that comes back."""
    high: float
    """Largest value that comes back."""
    decimals: int | None
    """Digits behind the point that come back; none: all."""
    warp: Warp | None
    centres: tuple[float, ...]
    reaches: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    weights: tuple[float, ...]
    spikes: tuple[float, ...]
    """Values that stand out, in ascending order."""
    has_missing: bool
    shares: tuple[float, ...]
    """Of each code among the rows."""

    @property
    def width(self) -> int:
        """Codes."""
        return len(self.means) + len(self.spikes) + self.has_missing

    @property
    def commonest(self) -> int:
        """The code of most rows, as far as shares are known."""
        return int(np.argmax(self.shares)) if self.shares else 0

    @classmethod
    def fit(
        cls, x: Values, absent: NDArray[np.bool_], *, decimals: int | None, public: bool
    ) -> Numbers:
        """From the values of a column; infinities count as values that may stand out.

        Arguments:
            x: shape (N,); what stands where `absent` plays no part.
            absent: whether a value is missing, shape (N,).
            decimals: digits to round to.
            public: whether values of few rows, and the bounds, may be stored.
        """
        present = x[~absent]
        values, counts = np.unique(present, return_counts=True)
        finite = np.isfinite(values)
        low, high = bounds(values[finite], counts[finite], public)
        spikes = _spikes(values, counts, public)
        rest = finite & ~np.isin(values, spikes) & (values >= low) & (values <= high)
        if len(spikes) and counts[rest].sum() < (1 if public else FEWEST):
            rest[:] = False
        warp = _warp(values[rest], counts[rest])
        half = 0.0 if decimals is None else 10.0**-decimals / 2  # what is rounded to a bound
        ends = np.array([low - half, high + half])
        ends = warp.forward(ends) if warp else ends
        y = warp.forward(values[rest]) if warp else values[rest]
        mixture = _mixture(y, counts[rest], ends, len(spikes), public)
        centres, reaches = _reaches(mixture, y, ends)
        made = cls(
            low=low,
            high=high,
            decimals=decimals,
            warp=warp,
            centres=tuple(centres.tolist()),
            reaches=tuple(reaches.tolist()),
            means=tuple(mixture.means.tolist()),
            stds=tuple(mixture.stds.tolist()),
            weights=tuple(mixture.weights.tolist()),
            spikes=tuple(spikes.tolist()),
            has_missing=bool(absent.any()),
            shares=(),
        )
        codes = made.encode(x, absent)[1]
        shares = np.bincount(codes, minlength=made.width) / max(1, len(codes))
        return cls(**{**vars(made), "shares": tuple(shares.tolist())})

    def encode(self, x: Values, absent: NDArray[np.bool_]) -> tuple[Values, NDArray[np.int64]]:
        """alpha (N,) and code (N,). Of the modes that reach a value, its probability chooses."""
        alpha, code = np.zeros(len(x)), np.zeros(len(x), np.int64)
        code[absent] = self.width - 1 if self.has_missing else self.commonest
        values, back = np.unique(x[~absent], return_inverse=True)
        a, c = self._encoded(values)
        alpha[~absent], code[~absent] = a[back] + 0.0, c[back]  # -0 is 0: equal rows stay equal
        return alpha, code

    def decode(self, alpha: Values, code: NDArray[np.int64]) -> tuple[Values, NDArray[np.bool_]]:
        """The inverse of `encode`: values (N,), and which of them are missing."""
        modes, spikes = len(self.means), len(self.spikes)
        absent = (code == self.width - 1) & self.has_missing
        mode = np.minimum(code, max(modes - 1, 0))
        centres, reaches = np.array(self.centres or (0.0,)), np.array(self.reaches or (0.0,))
        x = centres[mode] + reaches[mode] * np.clip(alpha, -1, 1)
        x = self.warp.inverse(x) if self.warp else x
        x = np.clip(x, self.low, self.high)
        if self.decimals is not None:
            x = np.clip(np.round(x, self.decimals), self.low, self.high)
        if spikes:
            at = (code >= modes) & (code < modes + spikes)
            x[at] = np.array(self.spikes)[code[at] - modes]
        return x, absent

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values; infinities as text."""
        plain = asdict(self)
        plain["spikes"] = [repr(s) if not np.isfinite(s) else s for s in self.spikes]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Numbers:
        """The inverse of `to_json`."""
        held: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list | tuple) else v for k, v in values.items()
        }
        held["spikes"] = tuple(float(s) for s in held["spikes"])
        held["warp"] = Warp(**values["warp"]) if values["warp"] else None
        return cls(**held)

    def _encoded(self, values: Values) -> tuple[Values, NDArray[np.int64]]:
        """alpha and code of distinct values in ascending order."""
        modes, spikes = len(self.means), np.array(self.spikes)
        code = np.zeros(len(values), np.int64)
        alpha = np.zeros(len(values))
        stands = np.isin(values, spikes)
        code[stands] = modes + np.searchsorted(spikes, values[stands])
        rest = np.clip(values[~stands], self.low, self.high)
        if not modes:
            if len(rest):
                code[~stands] = _nearest(rest, spikes)
            return alpha, code
        y = self.warp.forward(rest) if self.warp else rest
        centres, reaches = np.array(self.centres), np.array(self.reaches)
        mixture = Mixture(np.array(self.weights), np.array(self.means), np.array(self.stds))
        away = np.abs(y[:, None] - centres) / reaches
        odds = np.where(away <= 1, mixture.posterior(y), 0.0)
        lost = odds.sum(1) <= 0
        odds[lost] = away[lost] == away[lost].min(1, keepdims=True)
        edges = odds.cumsum(1)
        draw = uniform_of(rest) * edges[:, -1]
        mode = (draw[:, None] >= edges).sum(1).clip(max=modes - 1)
        code[~stands] = mode
        alpha[~stands] = ((y - centres[mode]) / reaches[mode]).clip(-1, 1)
        return alpha, code


def bounds(values: Values, counts: NDArray[np.int64], public: bool) -> tuple[float, float]:
    """The smallest and largest value to store: those of the fifth row from either end."""
    if not len(values):
        return 0.0, 0.0
    if public:
        return float(values[0]), float(values[-1])
    fewest = min(FEWEST, int(counts.sum()))
    first = np.searchsorted(counts.cumsum(), fewest)
    last = len(values) - 1 - np.searchsorted(counts[::-1].cumsum(), fewest)
    low, high = float(values[first]), float(values[last])
    return min(low, high), max(low, high)


def decimals_of(x: NDArray[Any]) -> int | None:
    """The fewest digits behind the point that hold every value, of 10,000 at most; None: all."""
    step = max(1, len(x) // _LOOKED_AT)
    some = x[::step]
    some = some[np.isfinite(some)]
    wide = some.astype(np.float64)
    for digits in range(_MOST_DECIMALS + 1):
        if (np.round(wide, digits).astype(some.dtype) == some).all():
            return digits
    return None


def _spikes(values: Values, counts: NDArray[np.int64], public: bool) -> Values:
    """Values that stand out, in ascending order."""
    fewest = 1 if public else FEWEST
    enough = counts >= fewest
    if len(values) <= _DISTINCT:
        return values[enough]
    infinite = ~np.isfinite(values) & enough
    share = counts / counts.sum()
    likely = np.flatnonzero((share >= _SPIKE) & (counts >= max(fewest, 2)) & ~infinite)
    found = [i for i in likely if counts[i] >= _ABOVE * _around(counts, int(i))]
    found = sorted(found, key=lambda i: -counts[i])[:_SPIKES]
    return np.sort(values[[*found, *np.flatnonzero(infinite)]])


def _around(counts: NDArray[np.int64], i: int) -> float:
    """The median count of the neighbours of a value."""
    near = np.r_[counts[max(0, i - _AROUND) : i], counts[i + 1 : i + 1 + _AROUND]]
    return float(np.median(near))


def _warp(values: Values, counts: NDArray[np.int64]) -> Warp | None:
    """A warp where values are skewed and it makes them less so."""
    if len(values) < 3:
        return None
    total = np.cumsum(counts)
    low, middle, high = (
        float(values[np.searchsorted(total, share * total[-1])]) for share in (0.25, 0.5, 0.75)
    )
    scale = (high - low) / 2
    if scale <= 0 or abs(_skewness(values, counts)) < _SKEWED:
        return None
    warp = Warp(middle, scale)
    calmer = abs(_skewness(warp.forward(values), counts)) < abs(_skewness(values, counts))
    return warp if calmer else None


def _skewness(x: Values, counts: NDArray[np.int64]) -> float:
    share = counts / counts.sum()
    x = (x - x[0]) / (x[-1] - x[0])
    away = x - share @ x
    spread = float(share @ away**2)
    return float(share @ away**3) / spread**1.5 if spread > 0 else 0.0


def _mixture(
    y: Values, counts: NDArray[np.int64], ends: Values, spikes: int, public: bool
) -> Mixture:
    """Modes of the values that do not stand out."""
    if len(y):
        return fitted(y, counts.astype(np.float64), _MODES, 1 if public else FEWEST)
    if spikes:
        return Mixture(np.empty(0), np.empty(0), np.empty(0))
    return Mixture(np.ones(1), np.array([ends.mean()]), np.ones(1))


def _reaches(mixture: Mixture, y: Values, ends: Values) -> tuple[Values, Values]:
    """The middle of what each mode reaches, and how far it reaches to a side.

    Together modes reach from one end to the other; gaps between two modes belong half to each
    where any value lies in them.
    """
    left = mixture.means - _WIDE * mixture.stds
    right = mixture.means + _WIDE * mixture.stds
    left[:1], right[-1:] = ends
    for k in range(len(left) - 1):
        gap = (y > right[: k + 1].max()) & (y < left[k + 1 :].min())
        if gap.any():
            middle = mixture.means[k : k + 2].mean()
            right[k], left[k + 1] = max(right[k], middle), min(left[k + 1], middle)
    left, right = left.clip(min=ends[0]), right.clip(max=ends[1])
    return (left + right) / 2, (right - left) / 2 * (1 + 1e-9) + 1e-300


def _nearest(x: Values, to: Values) -> NDArray[np.int64]:
    """The place of the nearest of ascending values."""
    right = np.searchsorted(to, x).clip(1, max(1, len(to) - 1))
    left = right - 1
    if len(to) == 1:
        return np.zeros(len(x), np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        closer = np.abs(x - to[left]) <= np.abs(to[right] - x)
    return np.where(closer, left, right)
