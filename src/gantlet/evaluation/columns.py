"""Fidelity and coverage of rows: columns, pairs of columns, ranges, categories, missing values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np

from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Scorer, picked
from gantlet.metrics.balance import FEW
from gantlet.metrics.columns import Choice, Numeric, Score, Values, averaged
from gantlet.metrics.estimate import Estimate, wilson
from gantlet.metrics.shapes import adherence, missingness, shape
from gantlet.metrics.trends import Trend, trend
from gantlet.rng import some

__all__ = ["MOST_PAIRS", "SDMETRICS", "score_categories", "score_columns", "score_ranges"]

SDMETRICS = "https://docs.sdv.dev/sdmetrics"
MOST_PAIRS = 5_000
"""Pairs of columns that are looked at; of more, some by chance."""

Row = dict[str, Any]
Named = Mapping[str, Score]
"""Scores by what they are of: `column age`."""


def score_columns(scorer: Scorer[RowSide]) -> tuple[list[Row], list[Row]]:
    """Shapes of columns, trends of pairs and the mean of both, as SDMetrics defines quality.

    Returns:
        A row for each column and for each pair, as `Evidence` keeps them.
    """
    sides = scorer.sides
    real, pairs = sides.reference.values, _pairs(scorer)

    @cache
    def shapes(side: RowSide) -> Named:
        return {f"column {k}": shape(real[k], held) for k, held in side.values.items()}

    @cache
    def found(side: RowSide) -> Sequence[Trend]:
        held = side.values
        return [trend((real[a], real[b]), (held[a], held[b])) for a, b in pairs]

    @cache
    def trends(side: RowSide) -> Named:
        scores = (one.score for one in found(side))
        return {f"columns {a} and {b}": s for (a, b), s in zip(pairs, scores, strict=True)}

    def quality(side: RowSide) -> Sequence[Estimate]:
        return [averaged(shapes(side).values(), trends(side).values())]

    def of_columns(side: RowSide) -> Sequence[Estimate]:
        return [averaged(shapes(side).values())]

    def of_pairs(side: RowSide) -> Sequence[Estimate]:
        return [averaged(trends(side).values())]

    _add(scorer, "quality", "Quality of columns and pairs", quality)
    _add(scorer, "shapes", "Column shapes", of_columns)
    _worst(scorer, "worst_shape", "Shape of the worst column", shapes)
    _add(scorer, "trends", "Column pair trends", of_pairs)
    _worst(scorer, "worst_trend", "Trend of the worst pair", trends)
    floor = sides.floor
    columns = _columns(scorer, shapes(sides.matched), None if floor is None else shapes(floor))
    held = None if floor is None else found(floor)
    return columns, _trends(pairs, found(sides.matched), held)


def _add(
    scorer: Scorer[RowSide],
    name: str,
    title: str,
    scores: Callable[[RowSide], Sequence[Estimate]],
    against: int | None = None,
) -> None:
    scorer.add(
        "fidelity",
        [(name, title)],
        scores,
        better="higher",
        source=SDMETRICS,
        featured=False,
        against=against,
    )


def _worst(
    scorer: Scorer[RowSide], name: str, title: str, scores: Callable[[RowSide], Named]
) -> None:
    """The column or the pair that is the surest to be worse than its floor."""
    floor = scorer.sides.floor
    if floor is None:
        return
    made, held = (_estimates(scores(side)) for side in (scorer.sides.matched, floor))
    scorer.add_picked("fidelity", name, title, picked(made, held), source=SDMETRICS)


def _estimates(scores: Named) -> dict[str, Estimate]:
    return {name: score.estimate for name, score in scores.items() if score.is_defined}


def _pairs(scorer: Scorer[RowSide]) -> list[tuple[Any, Any]]:
    """Pairs of columns that are learned, in the order of the table."""
    pairs = list(combinations(scorer.sides.reference.coder.columns, 2))
    if len(pairs) <= MOST_PAIRS:
        return pairs
    scorer.notes.append(
        f"Of {len(pairs):,} pairs of columns {MOST_PAIRS:,}, drawn by chance, are looked at."
    )
    chosen = some("evaluation/pairs", len(pairs), MOST_PAIRS)
    return [pairs[i] for i in chosen.tolist()]


def score_ranges(scorer: Scorer[RowSide]) -> None:
    """Values within the range of the training rows, categories that they have, missing values."""
    train, real = scorer.sides.train, scorer.sides.reference.values
    absent = [k for k in real if any(side.values[k].absent.any() for side in _compared(scorer))]

    @cache
    def known(name: Any) -> Values:
        return train.column(name)

    @cache
    def missing(side: RowSide) -> Named:
        return {f"column {k}": missingness(real[k], side.values[k]) for k in absent}

    def inside(side: RowSide, names: Sequence[Any]) -> Sequence[Estimate]:
        return [averaged(adherence(known(k), side.values[k]) for k in names)]

    for name, title, form in (
        ("boundaries", "Within the range of the data", Numeric),
        ("categories", "Categories that the data have", Choice),
    ):
        names = [k for k, held in real.items() if isinstance(held, form)]
        if names:
            _add(scorer, name, title, partial(inside, names=names), len(train))
    if absent:
        _add(scorer, "missing", "Shares of missing values",
             lambda side: [averaged(missing(side).values())])  # fmt: skip
        _worst(scorer, "worst_missing", "Missing values of the worst column", missing)


def _compared(scorer: Scorer[RowSide]) -> list[RowSide]:
    sides = scorer.sides
    return [side for side in (sides.matched, sides.reference, sides.floor) if side is not None]


def score_categories(scorer: Scorer[RowSide]) -> None:
    """The category that lacks most: its share among generated rows and among real ones."""
    sides = scorer.sides
    if sides.floor is None:
        return
    names = [
        (k, code)
        for k, held in sides.reference.values.items()
        if isinstance(held, Choice)
        for code in np.flatnonzero(_counts(held) >= FEW).tolist()
    ]
    made, floor = (_shares(side, names) for side in (sides.matched, sides.floor))
    worst = picked(made, floor)
    scorer.add_picked(
        "coverage", "rarest_category", "Share of the category that lacks most", worst
    )


def _counts(held: Choice) -> Any:
    return np.bincount(held.codes + 1, minlength=held.count + 1)[1:]


def _shares(side: RowSide, names: Sequence[tuple[Any, int]]) -> dict[str, Estimate]:
    """Share of each category among the rows of a side."""
    counts = {k: _counts(held) for k, held in side.values.items() if isinstance(held, Choice)}
    words = {k: side.coder.words(k) for k in counts}
    return {f"{words[k][i]} of column {k}": wilson(int(counts[k][i]), len(side)) for k, i in names}


def _columns(scorer: Scorer[RowSide], made: Named, floor: Named | None) -> list[Row]:
    sides = scorer.sides
    kinds = sides.reference.coder.columns
    rows = []
    for (name, column), one in zip(kinds.items(), made.values(), strict=True):
        held = None if floor is None else floor[f"column {name}"]
        rows.append(
            {
                "name": str(name),
                "kind": column.kind,
                "shape": _told(one.value),
                "floor": None if held is None else _told(held.value),
                "missing": float(sides.reference.values[name].absent.mean()),
                "made": float(sides.matched.values[name].absent.mean()),
            }
        )
    return rows


def _trends(
    pairs: Sequence[tuple[Any, Any]], made: Sequence[Trend], floor: Sequence[Trend] | None
) -> list[Row]:
    held = [None] * len(made) if floor is None else [one.score.value for one in floor]
    return [
        {
            "first": str(a),
            "second": str(b),
            "score": _told(one.score.value),
            "floor": None if base is None else _told(base),
            "real": _told(one.real),
            "made": _told(one.made),
        }
        for (a, b), one, base in zip(pairs, made, held, strict=True)
    ]


def _told(value: float) -> float | None:
    """To five digits; None for what is not defined."""
    return None if np.isnan(value) else round(value, 5)
