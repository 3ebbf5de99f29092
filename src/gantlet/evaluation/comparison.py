"""Runs side by side: which differences are more than noise?"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from gantlet.errors import UsageError
from gantlet.evaluation.evaluated import kept_evidence
from gantlet.evaluation.verdict import in_sentence
from gantlet.metrics.estimate import Estimate, Z, normal, student
from gantlet.metrics.evidence import Evidence, Number
from gantlet.metrics.extractors import alike
from gantlet.training.folder import Folder

__all__ = ["Comparison", "Group", "Row", "compare", "difference", "over_seeds", "paired"]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone."""

    name: str
    """What tells the group from the others."""
    seen: int
    """Samples seen, of the run that saw the fewest."""
    by_seed: Mapping[int, Evidence]


@dataclass(frozen=True)
class Row:
    """One number of all groups."""

    title: str
    better: str
    values: Sequence[Estimate]
    """Of each group: over seeds where it has several."""
    differences: Sequence[Estimate]
    """Of each group but the first from the first."""


@dataclass(frozen=True)
class Comparison:
    """The numbers that all groups have."""

    groups: Sequence[Group]
    rows: Sequence[Row]
    notes: Sequence[str]


def compare(runs: Sequence[str | Path]) -> Comparison:
    """Compare evaluated runs; those that differ in `train.seed` alone are taken together.

    Intervals of groups of several seeds are Student's over seeds; differences of groups with the
    same seeds are paired by seed. Single runs have the intervals of their evaluations, which hold
    the noise of sampling, not that of training.

    Arguments:
        runs: folders, evaluated on the same data with the same extractor.

    Raises:
        UsageError: fewer than two runs, one without evidence, or unlike extractors or data.
    """
    paths = [Path(run) for run in runs]
    if len(paths) < 2:
        raise UsageError("runs to compare", expected="at least two", received=str(len(paths)))
    found = [_evidence(path) for path in paths]
    for evidence in found[1:]:
        alike(found[0].about["extractor"], evidence.about["extractor"])
        _same_reference(found[0], evidence)
    groups = _grouped(paths, found)
    if len(groups) < 2:
        raise UsageError(
            "runs to compare",
            expected="runs that differ in more than their seed",
            received="one setting",
            remedy="Add a run of another recipe or setting.",
        )
    shared = [name for name in _numbers(groups[0]) if all(name in _numbers(g) for g in groups)]
    about = {name: _about(name, found) for name in shared}
    rows = [_row(name, groups) for name in shared if len(about[name]) == 1]
    notes = [
        f"Left out: {in_sentence(_numbers(groups[0])[name].title)}, the worst of several, which "
        f"is not the same one in all runs ({', '.join(sorted(about[name]))})."
        for name in shared
        if len(about[name]) > 1
    ]
    return Comparison(groups, rows, [*_notes(groups), *notes])


def _evidence(path: Path) -> Evidence:
    found = kept_evidence(path)
    if found is None:
        raise UsageError(
            f"run {path} has not been evaluated",
            expected="a run with evidence.json",
            remedy=f"Run `gantlet evaluate {path}` first.",
        )
    return found


def _about(name: str, found: Sequence[Evidence]) -> set[str]:
    """What a number is about in each of the runs, where it was picked from several."""
    return {number.where for one in found for number in one.numbers if number.name == name}


def _made(evidence: Evidence) -> int:
    """How many generated samples were looked at: biases of numbers depend on it."""
    return max((number.n_fake for number in evidence.numbers), default=0)


def _same_reference(first: Evidence, second: Evidence) -> None:
    keys = ("data", "reference")
    if any(first.about[key] != second.about[key] for key in keys):
        raise _unlike(first, f"{second.about['data']}, {second.about['reference']}")
    marks = [evidence.about.get("reference_fingerprint") for evidence in (first, second)]
    if None not in marks and marks[0] != marks[1]:  # evidence of earlier versions has none
        raise _unlike(first, "other samples of the same name")
    if _made(first) != _made(second):
        raise UsageError(
            "runs to compare",
            expected=f"evaluations of as many samples, {_made(first):,}",
            received=f"{_made(second):,}",
            remedy="Evaluate all runs with the same -n.",
        )


def _unlike(first: Evidence, received: str) -> UsageError:
    return UsageError(
        "runs to compare",
        expected=f"evaluations on {first.about['data']}, {first.about['reference']}",
        received=received,
        remedy="Evaluate all runs on the same data.",
    )


def _grouped(paths: Sequence[Path], found: Sequence[Evidence]) -> list[Group]:
    """Groups in the order of their first runs, named by the run or the settings that differ."""
    by_settings: dict[str, dict[int, tuple[Path, Evidence]]] = {}
    for path, evidence in zip(paths, found, strict=True):
        settings, seed = _settings(path)
        members = by_settings.setdefault(settings, {})
        if seed in members:
            raise UsageError(
                f"runs {members[seed][0]} and {path}",
                expected="runs that differ in settings or seed",
                received="the same of both",
            )
        members[seed] = path, evidence
    return [
        Group(
            name=" + ".join(path.name for path, _ in members.values()),
            seen=min(evidence.about["seen"] for _, evidence in members.values()),
            by_seed={seed: evidence for seed, (_, evidence) in sorted(members.items())},
        )
        for members in by_settings.values()
    ]


def _settings(path: Path) -> tuple[str, int]:
    """What a run is but for its seed, and the seed."""
    record: dict[str, Any] = Folder(path).read_record() or {"identity": {}}
    identity = json.loads(json.dumps(record["identity"]))
    seed = identity.get("train", {}).pop("seed", 0)
    return json.dumps(identity, sort_keys=True), int(seed)


def _numbers(group: Group) -> dict[str, Number]:
    first = next(iter(group.by_seed.values()))
    return {number.name: number for number in first.numbers}


def _values(name: str, group: Group) -> dict[int, Estimate]:
    return {
        seed: number.value
        for seed, evidence in group.by_seed.items()
        for number in evidence.numbers
        if number.name == name
    }


def _row(name: str, groups: Sequence[Group]) -> Row:
    values = [_values(name, group) for group in groups]
    number = _numbers(groups[0])[name]
    return Row(
        title=number.title,
        better=number.better,
        values=[over_seeds(list(of.values())) for of in values],
        differences=[_difference(of, values[0]) for of in values[1:]],
    )


def over_seeds(values: Sequence[Estimate]) -> Estimate:
    """Mean over seeds with Student's 95 % interval; one seed keeps its own."""
    if len(values) == 1:
        return values[0]
    return _student([v.value for v in values], f"Student over {len(values)} seeds")


def _student(values: Sequence[float], how: str) -> Estimate:
    n = len(values)
    if not all(map(math.isfinite, values)):
        return Estimate(fmean(values), math.nan, math.nan, how)
    return student(fmean(values), stdev(values) / math.sqrt(n), n - 1, how)


def _difference(a: Mapping[int, Estimate], b: Mapping[int, Estimate]) -> Estimate:
    if len(a) > 1 and a.keys() == b.keys():
        return paired([a[seed].value for seed in a], [b[seed].value for seed in a])
    return difference(over_seeds(list(a.values())), over_seeds(list(b.values())))


def paired(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Mean of a_i - b_i, paired by seed, with Student's 95 % interval."""
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    return _student(gaps, f"paired over {len(gaps)} seeds")


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a - b of independent estimates, their variances added up."""
    if not (math.isfinite(a.value) and math.isfinite(b.value)):
        return Estimate(math.nan, math.nan, math.nan, "independent")
    errors = [(e.high - e.low) / (2 * Z) for e in (a, b)]
    return normal(a.value - b.value, math.hypot(*errors), "independent")


def _notes(groups: Sequence[Group]) -> list[str]:
    notes = []
    if any(len(group.by_seed) == 1 for group in groups):
        notes.append(
            "One seed of some: their intervals hold the noise of sampling alone. Train with "
            "train.seed=1, 2, ... to see that of training."
        )
    seen = sorted({group.seen for group in groups})
    if len(seen) > 1:
        notes.append(f"The runs saw unlike numbers of samples: {seen[0]:,} to {seen[-1]:,}.")
    return notes
