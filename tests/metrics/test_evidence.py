"""What an evaluation found is the same after a stay in a file."""

import json
import math
from dataclasses import replace

import pytest

from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import FORMAT, QUESTIONS, Evidence, Number, Pair


def number(name: str, floor: Estimate | None) -> Number:
    return Number(
        name=name,
        question="fidelity",
        title="Fréchet distance",
        value=Estimate(1.5, 1.25, 1.75, "jackknife over 10 groups"),
        n_real=100,
        n_fake=50,
        extractor="embedded 0123",
        better="lower",
        floor=floor,
    )


def evidence() -> Evidence:
    return Evidence(
        verdict="Do not trust them: they are blurred.",
        numbers=(
            number("frechet", Estimate(0.1, 0.05, 0.15, "normal")),
            replace(
                number("useful", Estimate(0.7, 0.6, 0.8, "")), gap=Estimate(0.1, 0.0, 0.2, "")
            ),
            number("kernel", None),
        ),
        pairs=(Pair(fake=3, real=7, distance=0.5, ratio=0.25),),
        classes=({"name": "zero", "share": 0.1, "made": 0.2, "accuracy": 1.0},),
        notes=("No labels: usefulness is left out.",),
        about={"run": "runs/demo", "seed": 0, "seconds": 1.5},
    )


def test_evidence_survives_json_as_it_was():
    kept = json.loads(json.dumps(evidence().to_json(), allow_nan=False))
    assert Evidence.from_json(kept) == evidence()
    assert kept["format"] == FORMAT


def test_evidence_with_the_least_survives_json_too():
    least = Evidence(verdict="Nothing was measured.", numbers=())
    assert Evidence.from_json(json.loads(json.dumps(least.to_json()))) == least


def test_infinity_survives_json_which_has_none():
    endless = number("birthday", None)
    endless = replace(endless, value=Estimate(math.inf, 120.0, math.inf, "so"))
    found = Evidence(verdict="", numbers=(endless,))
    kept = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert Evidence.from_json(kept) == found


def test_reading_leaves_what_was_read_as_it_was():
    stored = evidence().to_json()
    Evidence.from_json(stored)
    assert stored == evidence().to_json()


def test_a_newer_format_is_refused_before_anything_is_read():
    with pytest.raises(UsageError, match=f"expected format {FORMAT} or older, received"):
        Evidence.from_json({"format": FORMAT + 1, "unheard-of": 0})
    with pytest.raises(UsageError, match="Evaluate the run again"):
        Evidence.from_json({"format": 1})


def test_the_questions_come_in_the_order_of_the_answers():
    assert list(QUESTIONS) == ["fidelity", "coverage", "copying", "usefulness"]


def test_evidence_of_before_tables_is_still_read():
    kept = evidence().to_json() | {"format": 2}
    for name in ("columns", "trends"):
        del kept[name]
    for number in kept["numbers"]:
        del number["of"], number["where"]
    assert Evidence.from_json(kept) == Evidence.from_json(evidence().to_json())
