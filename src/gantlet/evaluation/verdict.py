"""From numbers to plain words: each number against its floor, then all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gantlet.metrics.evidence import Number, Question

__all__ = ["is_worse", "judged", "overall"]

_ANSWERS: dict[Question, tuple[str, str, str]] = {
    "fidelity": (
        "samples look like the data",
        "samples resemble the data, but can be told from them",
        "most samples do not look like the data",
    ),
    "coverage": (
        "they cover the data as real samples would",
        "they miss part of the data",
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
_DETECTORS = ("two_sample",)
"""Numbers that can tell samples from the data, but not that they look bad."""
_FAR = 0.5
"""Share of the way from the floor to the worst beyond which a number is far from it."""


def is_worse(number: Number) -> bool:
    """Whether the interval lies wholly on the worse side of the floor's."""
    if number.floor is None:
        return False
    if number.better == "lower":
        return number.value.low > number.floor.high
    return number.value.high < number.floor.low


def judged(number: Number) -> Number:
    """The number with its verdict against its floor, where it has a floor and no verdict yet."""
    if number.floor is None or number.verdict:
        return number
    if not is_worse(number):
        return replace(number, verdict="as real data")
    value, floor = number.value.value, number.floor.value
    if number.better == "lower" and floor > 0:
        return replace(number, verdict=f"{value / floor:.3g} times the floor")
    if number.better == "higher" and floor > 0:
        return replace(number, verdict=f"{100 * value / floor:.0f} % of real data's")
    return replace(number, verdict="worse than real data")


def _share(number: Number) -> float:
    """From 0, as good as the floor, to 1, the worst that the number can be."""
    if number.floor is None or not is_worse(number):
        return 0.0
    value, floor = number.value.value, number.floor.value
    if number.name in _DETECTORS:  # a judge finds what no person would mind
        return min(_FAR / 2, 1 - floor / value)
    if number.better == "higher":
        return 1 - max(0.0, value) / floor if floor > 0 else 0.0
    return 1 - max(0.0, floor) / value if value > 0 else 0.0


def overall(numbers: Sequence[Number], deciding: Sequence[str]) -> str:
    """One sentence for each question that the numbers named `deciding` answer.

    Arguments:
        numbers: judged.
        deciding: names of the numbers that decide: a worst one decides its question.
    """
    parts = []
    for question, answers in _ANSWERS.items():
        asked = [n for n in numbers if n.question == question and n.name in deciding]
        known = [n for n in asked if n.floor is not None]
        if not known:
            continue
        worst = max(known, key=_share)
        share = _share(worst)
        level = 0 if share == 0 else 1 if share < _FAR else 2
        because = "" if level == 0 else f" ({worst.title.lower()} {worst.verdict})"
        parts.append(answers[level] + because)
    if not parts:
        return "No verdict: nothing was set aside to compare with."
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."
