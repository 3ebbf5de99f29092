"""Columns fitted from noisy counts: what they cost is known, and no row can be told from them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.privacy.counts import NoisyCounts
from gantlet.tables.numbers import Numbers, Values

__all__ = ["MISSING", "PrivateFit", "octaves_of", "private_numbers", "public_numbers"]

MISSING = "missing"
"""The key of a missing value."""
_CELLS, _BINS = 64, 16
_DISTINCT = 24
_CROWDED = 0.5
"""Share of a column's rows in one of the cells from which octaves tell more than cells."""
_ABOVE, _AROUND = 3.0, 4
"""Times the rows of a value's neighbours from which it stands out, and how many to each side."""
_SEEN = 3.0
"""Standard deviations of noise from which a cell counts as one with rows."""


class PrivateFit:
    """Where noisy counts come from: as many histograms as were paid for, and no more.

    Arguments:
        counts: what each costs.
        draw: where the noise comes from.
        rows: of the table; their number is public.
    """

    def __init__(self, counts: NoisyCounts, draw: np.random.Generator, rows: int) -> None:
        self.counts, self.draw, self.rows = counts, draw, rows
        self.left = counts.histograms

    def of(self, rows: Mapping[Any, int], public: Iterable[Hashable] = ()) -> dict[Any, int]:
        """Noisy counts of a histogram in which each row has one key at most."""
        if not self.left:
            raise RuntimeError(f"more than the {self.counts.histograms} histograms paid for")
        self.left -= 1
        return self.counts.of(rows, self.draw, public)

    def rest(self, released: Mapping[Any, int]) -> int:
        """About how many rows have other keys than those released; 0 where noise explains them."""
        rest = self.rows - sum(released.values())
        noise = self.counts.spread * math.sqrt(len(released) + 1)
        return rest if rest > _SEEN * noise else 0


Octave = tuple[int, int]
"""Sign and e of numbers with 2^e <= |x| < 2^(e+1)."""


def octaves_of(x: Values) -> dict[Octave | float, int]:
    """Counts by octave; 0 and infinities are keys by themselves."""
    alone = ~np.isfinite(x) | (x == 0)
    found: list[tuple[Octave | float, int]] = [*_counted(x[alone] + 0.0).items()]
    sign, e = np.sign(x[~alone]), np.frexp(np.abs(x[~alone]))[1] - 1
    pairs, counts = np.unique(np.stack([sign, e]), axis=1, return_counts=True)
    signs, exponents = pairs.astype(int).tolist()
    found += zip(zip(signs, exponents, strict=True), counts.tolist(), strict=True)
    return dict(found)


def _counted(x: Values) -> dict[float, int]:
    values, counts = np.unique(x, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def private_numbers(
    x: Values,
    absent: NDArray[np.bool_],
    decimals: int | None,
    *,
    fit: PrivateFit,
    spiked: bool,
) -> Numbers | None:
    """Numbers by bins between bounds, from three histograms: octaves, values, cells.

    Bounds are the ends of the outermost cells, of 64 equal ones between the outermost octaves,
    that have rows beyond noise. Whole numbers that enough rows share stand out. None where too few
    rows share anything.

    Arguments:
        x: shape (N,); what stands where `absent` plays no part.
        absent: whether a value is missing, shape (N,).
        decimals: digits to round to, which are public.
        fit: where noisy counts come from: 2 histograms, 3 with `spiked`.
        spiked: whether numbers that many rows share are looked for.

    Source: Wilson et al. (2020), Differentially Private SQL with Bounded User Contribution,
    https://arxiv.org/abs/1909.01917 (approximate bounds)
    """
    present = x[~absent]
    octaves = fit.of({**octaves_of(present), MISSING: int(absent.sum())})
    missing = octaves.pop(MISSING, 0)
    shared = fit.of(_counted(present[np.isfinite(present)])) if spiked else {}
    spikes = _outstanding({k: n for k, n in shared.items() if _octave(k) in octaves})
    spikes |= {key: n for key, n in octaves.items() if isinstance(key, float)}
    held = Counter[Octave | float]()
    for value, n in spikes.items():
        held[_octave(value)] += n
    keys = [key for key in octaves if isinstance(key, tuple)]
    ranges = {_range(key, decimals): octaves[key] - held[key] for key in keys}
    rest = present[~np.isin(present, list(spikes))] if ranges else present[:0]
    bins = _bins(rest, ranges, fit, decimals)
    if not bins and not spikes:
        return None
    return _made(bins, spikes, missing, decimals, told=True)


def _octave(x: float) -> Octave | float:
    return next(iter(octaves_of(np.array([x]))))


def public_numbers(x: Values, absent: NDArray[np.bool_], decimals: int | None) -> Numbers | None:
    """Numbers by equal bins between bounds that are public; none where there are no numbers.

    Of the rows nothing counts but these bounds and whether there are missing values.
    """
    finite = x[~absent & np.isfinite(x)]
    if not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    gone = int(absent.any())
    if high == low or (decimals == 0 and high - low < _DISTINCT):
        values = np.arange(low, high + 1) if high > low else [low]
        return _made({}, dict.fromkeys(map(float, values), 1), gone, decimals, told=False)
    edges = np.linspace(low, high, _BINS + 1)
    bins = {_whole(a, b, decimals): 1 for a, b in pairwise(edges)}
    return _made(bins, {}, gone, decimals, told=False)


Bin = tuple[float, float]


def _outstanding(shared: Mapping[float, int]) -> dict[float, int]:
    """All of at most 24 values; of more, those with three times the rows of their neighbours."""
    if len(shared) <= _DISTINCT:
        return dict(shared)
    values = sorted(shared)
    counts = [shared[value] for value in values]

    def stands_out(i: int) -> bool:
        near = counts[max(0, i - _AROUND) : i] + counts[i + 1 : i + 1 + _AROUND]
        return counts[i] >= _ABOVE * float(np.median(near))

    return {value: counts[i] for i, value in enumerate(values) if stands_out(i)}


def _range(key: Octave, decimals: int | None) -> Bin:
    """The smallest and the largest number of an octave."""
    sign, e = key
    low, high = math.ldexp(1.0, e), math.ldexp(1.0, e + 1)
    high = high - 1 if decimals == 0 else high
    return (low, high) if sign > 0 else (-high, -low)


def _bins(x: Values, ranges: Mapping[Bin, int], fit: PrivateFit, decimals: int | None) -> Any:
    """At most 16 bins of about equal counts, by their noisy counts; {} where there are none."""
    if not ranges:
        return {}
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    edges = np.linspace(low, high, _CELLS + 1)
    if decimals == 0:
        edges = np.unique(np.concatenate([np.floor(edges[:-1]), [high + 1]]))
    cell = (np.searchsorted(edges, np.clip(x, low, high), side="right") - 1).clip(
        0, len(edges) - 2
    )
    places = range(len(edges) - 1)
    counts = np.bincount(cell, minlength=len(places)).tolist()
    counted = fit.of(dict(enumerate(counts)), public=places)
    seen = {i: counted[i] for i in places if counted[i] > _SEEN * fit.counts.spread}
    if not seen:
        return {}
    crowded = max(seen.values()) > _CROWDED * sum(seen.values())
    if crowded and len(ranges) > 2:
        return _merged({r: n for r, n in sorted(ranges.items()) if n > _SEEN * fit.counts.spread})
    within = {(float(edges[i]), float(edges[i + 1])): n for i, n in sorted(seen.items())}
    return _merged({_whole(a, b, decimals, closed=False): n for (a, b), n in within.items()})


def _whole(a: float, b: float, decimals: int | None, closed: bool = True) -> Bin:
    """A bin from a to b, without b for whole numbers unless it is closed."""
    if decimals != 0:
        return a, b
    low = math.ceil(a)
    return float(low), float(max(low, math.floor(b) if closed else math.ceil(b) - 1))


def _merged(bins: Mapping[Bin, int]) -> dict[Bin, int]:
    """Neighbours with the fewest rows brought together until there are 16."""
    held = [(low, high, n) for (low, high), n in bins.items()]
    while len(held) > _BINS:
        i = min(range(len(held) - 1), key=lambda i: held[i][2] + held[i + 1][2])
        (low, _, n), (_, high, m) = held[i], held[i + 1]
        held[i : i + 2] = [(low, high, n + m)]
    return {(low, high): n for low, high, n in held}


def _made(
    bins: Mapping[Bin, int],
    spikes: Mapping[float, int],
    missing: int,
    decimals: int | None,
    *,
    told: bool,
) -> Numbers:
    """Bins as modes, side by side; shares where they are `told`."""
    lows, highs = (np.array([b[i] for b in bins]) for i in (0, 1))
    half = (highs - lows) / 2 + (0.49 if decimals == 0 else 0.0)
    reaches = np.maximum(half, 1e-300)
    values = dict(sorted(spikes.items()))
    finite = [v for v in values if math.isfinite(v)]
    counted = np.array([*bins.values(), *values.values(), *([missing] if missing else [])], float)
    shares = counted / max(1.0, counted.sum())
    weights = shares[: len(bins)] if told else np.full(len(bins), 1 / max(1, len(bins)))
    return Numbers(
        low=min([*lows.tolist(), *finite], default=0.0),
        high=max([*highs.tolist(), *finite], default=0.0),
        decimals=decimals,
        warp=None,
        centres=tuple(((lows + highs) / 2).tolist()),
        reaches=tuple(reaches.tolist()),
        means=tuple(((lows + highs) / 2).tolist()),
        stds=tuple(reaches.tolist()),
        weights=tuple(np.maximum(weights, 1e-9).tolist()),
        spikes=tuple(values),
        has_missing=missing > 0,
        shares=tuple(shares.tolist()) if told else (),
    )
