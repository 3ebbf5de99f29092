"""What a sweep tries: lists of values of settings, and the trials that combine them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gantlet.config import assignments
from gantlet.errors import UsageError
from gantlet.rng import permutation

__all__ = [
    "NAMES",
    "Axis",
    "Space",
    "Trial",
    "listed",
    "read_space",
    "shown",
    "space",
    "trials",
    "written",
]

_MOST = 10_000
"""Combinations of a sweep."""
_ONE_FOR_ALL = {
    "data": "Scores of other data or sizes do not compare",
    "validation": "It is the judge: scores of another one do not compare",
}
"""Sections that must be the same for all trials, and why."""
_ELSEWHERE = {
    "train.seed": "--seeds N (seeds=N)",
    "stop.samples": "--samples N (samples=N)",
    "stop.minutes": "--samples N (samples=N): minutes depend on the machine",
}
"""What is no setting of a sweep, and what takes its place."""
NAMES = ("recipe", "size_model")
"""What is named beside the settings, and may be tried, too."""
_Given = Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """A setting and the values that are tried."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Space:
    """Settings with several values, and those that all trials share."""

    axes: tuple[Axis, ...]
    fixed: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Number of combinations."""
        return math.prod(len(axis.values) for axis in self.axes)

    def plain(self) -> dict[str, Any]:
        """As JSON: lists of the values tried, and single ones."""
        return {axis.key: list(axis.values) for axis in self.axes} | dict(self.fixed)


@dataclass(frozen=True)
class Trial:
    """One combination."""

    number: int
    """From 1; its place in the grid's order."""
    chosen: Mapping[str, Any]
    """The values that tell it from other trials."""
    fixed: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """All settings but the recipe and the size of networks."""
        return {k: v for k, v in {**self.fixed, **self.chosen}.items() if k not in NAMES}

    def named(self, key: str) -> str | None:
        """The recipe or the size of networks, where the sweep tries or fixes it."""
        found = {**self.fixed, **self.chosen}.get(key)
        return None if found is None else str(found)

    def __str__(self) -> str:
        return " ".join(f"{key}={shown(value)}" for key, value in self.chosen.items())


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, str):
        return value
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def written(key: str, value: Any) -> str:
    """A setting as the command line takes it: in quotes what it would take for another value."""
    plain = f"{key}={shown(value)}"
    if not isinstance(value, str):
        return plain
    try:
        taken = dict(assignments([plain])).get(key)
    except UsageError:
        taken = None
    return plain if taken == value else f"{key}={json.dumps(value)}"


def space(settings: Sequence[str] | Mapping[str, Any]) -> Space:
    """What settings ask to try: `["train.batch=32,64"]` or `{"train.batch": [32, 64]}`.

    Values are separated by commas outside of brackets, braces and quotes; in a mapping a list is
    several values, so that a value which is a list itself stands in a list. Single values hold for
    all trials.

    Raises:
        UsageError: nothing with several values, a setting or a value twice, settings that cannot
            differ between trials.
    """
    found = listed(settings)
    for key, values in found.items():
        _check(key, values)
    axes = tuple(Axis(key, tuple(values)) for key, values in found.items() if len(values) > 1)
    fixed = {key: values[0] for key, values in found.items() if len(values) == 1}
    if not axes:
        raise UsageError(
            "settings to try",
            expected="at least one with several values, such as optimisers.generator.lr=1e-4,2e-4",
            received=", ".join(fixed) or "none",
            remedy="To train with single values, use gantlet train.",
        )
    made = Space(axes, fixed)
    if made.size > _MOST:
        raise UsageError(
            "settings to try",
            expected=f"at most {_MOST:,} combinations",
            received=f"{made.size:,}",
            remedy="Give fewer values.",
        )
    return made


def listed(settings: Sequence[str] | Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values of each setting, by the key that settings know it by; see `space`."""
    found = dict[str, list[Any]]()
    for name, values in _pairs(settings):
        key, plain = _values(name, values)
        if key in found:
            raise UsageError(f"setting {key}", expected="it to be given once", received="twice")
        found[key] = plain
    return found


def read_space(path: Path) -> dict[str, Any]:
    """Lists of values from a YAML file: dotted keys, or sections as in config.yaml.

    Raises UsageError for a file that is no such mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"settings {path}", expected="a YAML file", received=str(error)) from None
    if not isinstance(values, dict):
        raise UsageError(
            f"settings {path}", expected="settings with lists, such as train.batch: [32, 64]"
        )
    return {key: value for name, part in values.items() for key, value in _flat(str(name), part)}


def trials(found: Space, random: int | None = None) -> tuple[Trial, ...]:
    """All combinations, the last setting changing fastest, or so many of them drawn at random.

    Raises UsageError for a random number below 2.
    """
    numbers: Sequence[int] = range(found.size)
    if random is not None:
        if random < 2:
            raise UsageError("random trials", expected="at least 2 of them", received=str(random))
        numbers = sorted(permutation(0, "sweep", 0, found.size)[:random].tolist())
    return tuple(Trial(n + 1, _at(found.axes, n), found.fixed) for n in numbers)


def _at(axes: Sequence[Axis], number: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for axis in reversed(axes):
        number, place = divmod(number, len(axis.values))
        chosen[axis.key] = axis.values[place]
    return {axis.key: chosen[axis.key] for axis in axes}


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield key, _number(value)
        return
    for name, part in value.items():
        yield from _flat(f"{key}.{name}", part)


def _number(value: Any) -> Any:
    """Numbers that YAML 1.1 takes for strings, such as 2e-4; other values as they are."""
    if isinstance(value, list):
        return [_number(part) for part in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _pairs(settings: Sequence[str] | Mapping[str, Any]) -> Iterator[tuple[str, list[_Given]]]:
    """Keys, and for each value what `assignments` takes."""
    if isinstance(settings, Mapping):
        for key, values in settings.items():
            several = list(values) if isinstance(values, list | tuple) else [values]
            yield str(key), [{str(key): value} for value in several]
        return
    for setting in settings:
        key, _, text = setting.partition("=")
        yield key, [[f"{key}={part}"] for part in _split(text)] if text else [[setting]]


def _values(name: str, given: Sequence[_Given]) -> tuple[str, list[Any]]:
    """The key as settings know it, and its values."""
    found, key = list[Any](), name
    for pairs in map(assignments, given):
        if len(pairs) != 1:
            raise UsageError(
                f"setting {name}",
                expected="a single setting, such as network.width, with values",
                received=f"a whole section ({', '.join(key for key, _ in pairs)})",
            )
        key, value = pairs[0]
        if value in found:
            raise UsageError(
                f"setting {name}",
                expected="each value once",
                received=f"{shown(value)} twice",
                remedy="A value that is a list itself stands in a list, as [[16, 16]].",
            )
        found.append(value)
    if not found:
        raise UsageError(f"setting {name}", expected="at least one value", received="none")
    return key, found


def _split(text: str) -> list[str]:
    """Parts between commas that stand in no bracket, brace or quote."""
    parts, depth, quote = [""], 0, ""
    for mark in text:
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        depth += (mark in "[{") - (mark in "]}") if not quote else 0
        if mark == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += mark
    return parts


def _check(key: str, values: Sequence[Any]) -> None:
    if key in _ELSEWHERE:
        raise UsageError(f"setting {key} in a sweep", remedy=f"Use {_ELSEWHERE[key]}.")
    section = key.partition(".")[0]
    if len(values) > 1 and section in _ONE_FOR_ALL:
        raise UsageError(
            f"setting {key}",
            expected="one value for all trials",
            received=f"{len(values)} values",
            remedy=f"{_ONE_FOR_ALL[section]}. Make a sweep for each.",
        )
