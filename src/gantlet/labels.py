"""What samples are asked for: classes, or conditions by name, drawn as the data have them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantlet import forest
from gantlet.errors import UsageError, unknown
from gantlet.rng import rows
from gantlet.spec import Condition, DataSpec

__all__ = [
    "WORDS",
    "Label",
    "asked_labels",
    "class_of",
    "drawn_labels",
    "ends_labels",
    "ends_of",
    "in_words",
    "label_table",
    "labels_in_turn",
    "swept_labels",
    "usual_labels",
    "way_labels",
]

Label = str | int | Mapping[str, Any]
"""A class by name or number; conditions as `{"angle": 30}`, or as text: `angle=30,smiling=1`."""

WORDS: Mapping[str, float] = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}
"""Words for flags, in lower case."""

Numbers = NDArray[np.float64]

_NAMED = 8
"""Names of a choice that are shown."""


def drawn_labels(
    spec: DataSpec, seed: int, stream: str, start: int, count: int, label: Label | None = None
) -> Tensor | None:
    """Labels of samples [start, start + count), drawn as often as the data have them.

    Classes are drawn by their frequencies, alike where the data tell none. Conditions are drawn
    each after the one that it goes with (`Condition.after`). Those that `label` names have its
    values; the others are drawn given these, where the data have what goes with them.
    """
    if spec.conditions:
        u = rows(seed, f"{stream}/label", start, count, (len(spec.conditions),), torch.rand)
        named = _named(spec, label)
        places = _drawn(spec, u.double().numpy(), named)
        for i, place in named.items():
            places[:, i] = place
        return _told(spec, places)
    if not spec.classes:
        return None
    u = rows(seed, f"{stream}/label", start, count, (), torch.rand)
    shares = spec.frequencies or (1.0,) * len(spec.classes)
    edges = torch.tensor(shares, dtype=torch.float64).cumsum(0)
    # Label k has edges[k - 1] <= u < edges[k], so that classes of share 0 never come.
    return torch.searchsorted(edges / edges[-1], u.double(), right=True)


def asked_labels(spec: DataSpec, n: int, label: Label | None, seed: int) -> Tensor | None:
    """Labels of the first n samples of a seed; None where there is nothing to ask for.

    Raises UsageError for a label that the data have not.
    """
    if label is None or spec.conditions:
        return drawn_labels(spec, seed, "sample", 0, n, label)
    return torch.full((n,), class_of(spec, label))


def usual_labels(spec: DataSpec, label: Label | None, n: int) -> Tensor | None:
    """The same label n times: the first class if none is given; None where there are none.

    Conditions that it does not name are as usual: the median, or what most samples have.

    Raises UsageError for a label that the data have not.
    """
    if spec.conditions:
        return _told(spec, _places(spec, label)).expand(n, -1)
    if not spec.classes and label is None:
        return None
    return torch.full((n,), class_of(spec, 0 if label is None else label))


def labels_in_turn(spec: DataSpec, n: int) -> Tensor | None:
    """Labels of all kinds: classes in turn, conditions as the data have them."""
    if spec.conditions:
        return drawn_labels(spec, 0, "in turn", 0, n)
    return torch.arange(n) % len(spec.classes) if spec.classes else None


def ends_labels(spec: DataSpec, i: int, n: int) -> Tensor:
    """Labels of n samples: condition i from end to end, the others as usual."""
    places = _places(spec, None).repeat(n, 0)
    places[:, i] = _way(spec.conditions[i], n)
    return _told(spec, places)


def way_labels(spec: DataSpec, labels: Sequence[Label], steps: int) -> Tensor:
    """Conditions on the way from each of S labels to the next, (S - 1) steps + 1 of them.

    Numbers pass what lies between; a choice turns into the other, and passes no third.
    """
    stops = np.concatenate([_places(spec, label) for label in labels])
    at = np.linspace(0, len(stops) - 1, (len(stops) - 1) * steps + 1)
    columns = []
    for condition, places in zip(spec.conditions, stops.T, strict=True):
        values = condition.value(places)
        told = condition.told(values)
        columns.append(
            np.stack([np.interp(at, range(len(stops)), part) for part in told.T], 1)
            if condition.kind == "choice"
            else condition.told(np.interp(at, range(len(stops)), values))
        )
    return torch.from_numpy(np.concatenate(columns, 1).astype(np.float32))


def swept_labels(spec: DataSpec, n: int, columns: int) -> Tensor | None:
    """Labels of a picture of n samples in columns: classes in turn, conditions from end to end.

    Row r goes through condition r mod K, and has the others as the data have them.
    """
    if not spec.conditions:
        return torch.arange(n) % columns % len(spec.classes) if spec.classes else None
    lines = -(-n // columns)
    u = rows(0, "swept/label", 0, lines, (len(spec.conditions),), torch.rand)
    places = _drawn(spec, u.double().numpy(), {}).repeat(columns, 0)
    for line in range(lines):
        i = line % len(spec.conditions)
        places[line * columns : (line + 1) * columns, i] = _way(spec.conditions[i], columns)
    return _told(spec, places[:n])


def label_table(spec: DataSpec, names: Sequence[str], values: NDArray[Any]) -> str:
    """A CSV of files and the values of their conditions (N, K), as `data.labels` takes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *(condition.name for condition in spec.conditions)])
    for name, row in zip(names, values, strict=True):
        cells = zip(spec.conditions, row.tolist(), strict=True)
        writer.writerow([name, *(_written(condition, value) for condition, value in cells)])
    return text.getvalue()


def _written(condition: Condition, value: float) -> str:
    return condition.names[round(value)] if condition.names else f"{value:.6g}"


def in_words(condition: Condition, more: str = "") -> str:
    """What a condition can be, as `angle (-45 to 45)`; `more` is said of its range."""
    if condition.kind == "flag":
        return f"{condition.name} (no or yes)"
    if condition.names:
        rest = ", ..." * (len(condition.names) > _NAMED)
        shown = (repr(name) if "," in name else name for name in condition.names[:_NAMED])
        return f"{condition.name} ({', '.join(shown)}{rest})"
    many = f", {len(condition.knots)} values" if condition.kind == "level" else ""
    return f"{condition.name} ({condition.knots[0]:g} to {condition.knots[-1]:g}{many}{more})"


def ends_of(condition: Condition) -> tuple[str, str]:
    """What asks for one end of a condition, and for the other."""
    first, last = condition.value(np.array([0.0, condition.last])).tolist()
    return (
        f"{condition.name}={_written(condition, first)}",
        f"{condition.name}={_written(condition, last)}",
    )


def class_of(spec: DataSpec, label: Label) -> int:
    """The number of a class that is told by its name or number; UsageError if there is none."""
    if not spec.classes:
        raise UsageError(
            f"label {label!r}",
            expected="no label",
            received="a run trained without labels",
            remedy="Leave --label away.",
        )
    names = list(spec.classes)
    if str(label) in names:
        return names.index(str(label))
    if isinstance(label, int) and 0 <= label < len(names):
        return label
    raise unknown("label", str(label), names)


def _way(condition: Condition, n: int) -> Numbers:
    way = np.linspace(0, condition.last, n)
    return way if condition.kind == "number" else np.rint(way)


def _told(spec: DataSpec, places: Numbers) -> Tensor:
    columns = zip(spec.conditions, places.T, strict=True)
    return spec.told(np.stack([condition.value(p) for condition, p in columns], 1))


def _drawn(spec: DataSpec, u: Numbers, named: Mapping[int, float]) -> Numbers:
    """Places of conditions, (n, K), by uniform numbers (n, K)."""
    law = [(c.after, np.array(c.given or _shares(c))) for c in spec.conditions]
    known = {i: int(spec.conditions[i].part(np.array([p]))[0]) for i, p in named.items()}
    parts, within = forest.drawn(law, u, known)
    is_number = np.array([condition.kind == "number" for condition in spec.conditions])
    places: Numbers = parts + within * is_number
    return places


def _shares(condition: Condition) -> Sequence[float]:
    return condition.shares or (1.0,) * condition.parts


def _places(spec: DataSpec, label: Label | None) -> Numbers:
    """Places of a label's conditions, those that it does not name as usual, (1, K)."""
    named = _named(spec, label)
    return np.array([[named.get(i, _usual(c)) for i, c in enumerate(spec.conditions)]])


def _usual(condition: Condition) -> float:
    """The place of the median of a number, or of what most have."""
    if condition.kind != "number":
        return float(np.argmax(_shares(condition)))
    (part,), (within,) = forest.drawn([(-1, np.array(_shares(condition)))], np.array([[0.5]]), {})
    return float(part[0] + within[0])


def _named(spec: DataSpec, label: Label | None) -> dict[int, float]:
    """Places of the conditions that a label names, by their numbers."""
    names = [condition.name for condition in spec.conditions]
    given: Any = {} if label is None else label
    if isinstance(label, str):
        given = _pairs(label, spec.conditions)
    if not isinstance(given, Mapping):
        raise UsageError(
            f"label {label!r}",
            expected="conditions and their values, such as smiling=1,angle=30",
            remedy=f"This run has {', '.join(map(in_words, spec.conditions))}.",
        )
    found = {}
    for name, value in given.items():
        if name not in names:
            raise unknown("condition", str(name), names)
        i = names.index(name)
        found[i] = _place(spec.conditions[i], value)
    return found


def _pairs(text: str, conditions: Sequence[Condition]) -> dict[str, str] | None:
    """The values by name in a text; None where it is of another form.

    Names, and what a choice may be, may hold commas and signs themselves.
    """
    known = {condition.name: condition for condition in conditions}
    names = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    begins = list(re.finditer(rf"(?:^|,)\s*({names})\s*=", text))
    ends = [*(begin.start() for begin in begins[1:]), len(text)]
    found = {a[1]: text[a.end() : end].strip() for a, end in zip(begins, ends, strict=False)}
    whole = all("," not in value or value in known[name].names for name, value in found.items())
    if begins and begins[0].start() == 0 and whole:
        return found
    pairs = [part.rpartition("=") for part in text.split(",")]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        return None
    return {name.strip(): value.strip() for name, _, value in pairs}


def _place(condition: Condition, value: Any) -> float:
    if condition.kind == "choice":
        if str(value) not in condition.names:
            raise unknown(condition.name, str(value), condition.names)
        return float(condition.names.index(str(value)))
    flag = condition.kind == "flag"
    low, high = (0.0, 1.0) if flag else (condition.knots[0], condition.knots[-1])
    try:
        number = WORDS.get(str(value).lower()) if flag else None
        number = float(value) if number is None else number
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise UsageError(
            f"condition {condition.name}",
            expected="0 or 1, or what lies between"
            if flag
            else f"a number from {low:g} to {high:g}, the means of the least and the greatest "
            "of the training data",
            received=repr(value),
        )
    return float(condition.place(np.array([number]))[0])
