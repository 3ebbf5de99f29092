"""From numbers to plain words: each number against its floor, then all of them together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gantlet.metrics.balance import FEW
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Number, Question
from gantlet.metrics.multiple import deviation, holm, inverse, upper_tail

__all__ = ["ALPHA", "in_sentence", "is_worse", "judged", "overall"]

ALPHA = 0.05
"""The probability with which a perfect sampler may fail in any number at all."""
_NAMES = ("Fréchet", "Mahalanobis")
"""With which titles begin."""
_ANSWERS: dict[Question, tuple[str, str, str]] = {
    "fidelity": (
        "samples look like the data",
        "samples resemble the data, but can be told from them",
        "most samples do not look like the data",
    ),
    "coverage": (
        "they cover the data as real samples would",
        "they cover less of the data than real samples would",
        "they miss most of the data",
    ),
    "copying": (
        "there is no sign of copying",
        "some samples lie too close to training samples",
        "they copy training samples",
    ),
    "usefulness": (
        "a classifier learns as much from them as from real data",
        "a classifier learns less from them than from real data",
        "a classifier learns little from them",
    ),
}
_DETECTORS = ("two_sample", "forest")
"""Numbers that can tell samples from the data, but not that they look bad."""
_SHOWN = ("authenticity",)
"""Numbers that are no answer: in the middle of the data is little authenticity, and no copy."""
_ALONE = ("copies",)
"""Numbers that need no unseen samples, and alone do not tell that nothing is wrong."""
_INVERSES = ("support",)
"""Sizes, which are compared by their inverses: the shares of pairs that are twins."""
_FAR: Mapping[Question, float] = {
    "fidelity": 0.5,
    "coverage": 0.5,
    "copying": 0.25,
    "usefulness": 0.5,
}
"""Share of the way from the floor to the worst beyond which a number is far from it. For copying
it is about the share of samples that are copies."""
_UP_TO_ONE = ("closer", "near", "member_distance", "member_density", "member_relative")
"""Numbers of which lower is better, and the worst is 1."""
_NOTHING = Estimate(0.0, 0.0, 0.0, "exact")
_OF_CLASSES = ("balance", "rarest")
"""Numbers that ask for the class that lacks most."""
_NAMED = 3
"""Numbers that a sentence names, the surest first."""


def is_worse(number: Number) -> bool:
    """Whether a judged number is worse than its floor, all numbers judged with it considered."""
    return number.p is not None and number.p <= ALPHA


def judged(numbers: Sequence[Number]) -> list[Number]:
    """The numbers, each with its verdict against its floor; those without a floor as they are.

    A number is worse than its floor if Holm's adjustment over all of them leaves its probability
    at 5 % or less: a perfect sampler fails in any number with a probability of at most 5 %. That
    of a number that was picked from m alike is m times as large before (Bonferroni's).
    """
    known = [number for number in numbers if number.floor is not None]
    p = iter(holm([min(1.0, n.of * upper_tail(_deviation(n))) for n in known]))
    found = [n if n.floor is None else replace(n, p=next(p)) for n in numbers]
    return [replace(number, verdict=number.verdict or _words(number)) for number in found]


def _deviation(number: Number) -> float:
    if number.floor is None:
        return 0.0
    if number.gap is not None:
        return deviation(number.gap, _NOTHING, number.better)
    if number.name in _INVERSES:  # of which higher is better
        return deviation(inverse(number.value), inverse(number.floor), "lower")
    return deviation(number.value, number.floor, number.better)


def _words(number: Number) -> str:
    if number.floor is None:
        return ""
    if not is_worse(number):
        return "as real data"
    value, floor = number.value.value, number.floor.value
    if math.isinf(floor):
        return f"{value:,.0f}, where real data show no bound"
    if number.better == "lower" and floor > 0:
        return f"{value / floor:.3g} times the floor"
    if number.better == "higher" and floor > 0 and value >= 0:
        percent = round(100 * value / floor)
        if percent != 100:
            return f"{percent} % of real data's"
    return "worse than real data"


def _share(number: Number) -> float:
    """From 0, as good as the floor, to 1, the worst that the number can be."""
    if number.floor is None or not is_worse(number):
        return 0.0
    value, floor = number.value.value, number.floor.value
    if number.name in _DETECTORS:  # a judge finds what no person would mind
        return min(_FAR["fidelity"] / 2, 1 - floor / value)
    if number.name in _UP_TO_ONE:
        return (value - floor) / (1 - floor) if floor < 1 else 0.0
    if number.better == "higher":
        return 1 - max(0.0, value) / floor if floor > 0 else 0.0
    return 1 - max(0.0, floor) / value if value > 0 else 0.0


def overall(
    numbers: Sequence[Number],
    deciding: Sequence[str],
    classes: Sequence[Mapping[str, Any]] = (),
) -> str:
    """An answer to each question that has numbers with floors, and what was not measured.

    Any number that is worse than its floor makes its question's answer worse than the best.

    Arguments:
        numbers: judged.
        deciding: names of the numbers that tell how much worse: shares, whose worst is known.
        classes: rows of `Evidence.classes`, from which a class that is missing is named.
    """
    parts, unasked = [], []
    for question, answers in _ANSWERS.items():
        asked = [
            n
            for n in numbers
            if n.question == question and n.floor is not None and n.name not in _SHOWN
        ]
        worse = sorted(filter(is_worse, asked), key=_deviation, reverse=True)
        if not worse and all(n.name in _ALONE for n in asked):
            unasked.append(question)
            continue
        least = _FAR[question]
        far = any(_share(number) >= least for number in worse if number.name in deciding)
        named = "; ".join(_named(number, classes) for number in worse[:_NAMED])
        because = f" ({named})" if worse else ""
        parts.append(answers[1 + far if worse else 0] + because)
    if not parts:
        return "No verdict: there are too few unseen samples for a floor."
    if unasked:
        parts.append(f"not measured: {', '.join(unasked)}")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def in_sentence(title: str) -> str:
    """A number's title as a part of a sentence; names of people stay names."""
    return title if title.startswith(_NAMES) else f"{title[0].lower()}{title[1:]}"


def _named(number: Number, classes: Sequence[Mapping[str, Any]]) -> str:
    words = f"{in_sentence(number.title)} {number.verdict}"
    if number.where:
        return f"{words}, {number.where}"
    if number.name not in _OF_CLASSES:
        return words
    lacks = [row for row in classes if _read(row) * number.n_real >= FEW]
    least = min(lacks, key=lambda row: row["made"] / _read(row), default=None)
    if least is None:
        return words
    made, share = 100 * least["made"], 100 * _read(least)
    return f"{words}, class {least['name']} is {made:.1f} % of them and {share:.1f} % of real ones"


def _read(row: Mapping[str, Any]) -> float:
    """Share of the real samples that the classifier takes for a class, as it counts made ones."""
    return float(row.get("read", row["share"]) or 0)
