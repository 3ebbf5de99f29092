"""Schedules against their formulas, at their ends and between."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import pytest
import torch

from gantlet.config import override
from gantlet.errors import UsageError
from gantlet.recipes import recipe
from gantlet.schedules import Schedule, value
from gantlet.spec import DataSpec

Shape = Literal["cosine", "linear", "exponential"]
SHAPES: list[Shape] = ["cosine", "linear", "exponential"]


@pytest.mark.parametrize("shape", SHAPES)
def test_constant_outside_monotone_between(shape: Shape) -> None:
    schedule = Schedule(start=1.0, end=0.1, samples=400, shape=shape, delay=100)
    values = [value(schedule, seen) for seen in range(0, 601, 10)]
    assert values[:11] == [1.0] * 11
    assert values[50:] == pytest.approx([0.1] * 11, rel=1e-15)
    assert all(a > b for a, b in pairwise(values[10:51]))


@pytest.mark.parametrize(
    ("shape", "formula"),
    [
        ("cosine", lambda p: 2 + (0.5 - 2) * (1 - math.cos(math.pi * p)) / 2),
        ("linear", lambda p: 2 + (0.5 - 2) * p),
        ("exponential", lambda p: 2 * 0.25**p),
    ],
)
def test_shapes_are_the_formulas(shape: Shape, formula: object) -> None:
    assert callable(formula)
    schedule = Schedule(start=2.0, end=0.5, samples=1000, shape=shape)
    for seen in (0, 1, 250, 333, 500, 999, 1000):
        assert value(schedule, seen) == pytest.approx(formula(seen / 1000), rel=1e-13)


def test_halfway_values() -> None:
    for shape, middle in (("cosine", 5.0), ("linear", 5.0), ("exponential", 3.0)):
        schedule = Schedule(start=1.0, end=9.0, samples=100, shape=shape)
        assert value(schedule, 50) == pytest.approx(middle)


def test_burn_in_of_r3gan() -> None:
    """beta2 from 0.9 to 0.99 and gamma from 1 to 0.1 over 2 million images, then constant."""
    beta2 = Schedule(start=0.9, end=0.99, samples=2_000_000)
    assert value(beta2, 1_000_000) == pytest.approx(0.945)
    assert value(beta2, 500_000) == pytest.approx(0.9 + 0.09 * (1 - math.sqrt(0.5)) / 2)
    assert value(beta2, 10_000_000) == pytest.approx(0.99, rel=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_agree_with_numbers(shape: Shape, dtype: torch.dtype) -> None:
    schedule = Schedule(start=3.0, end=0.2, samples=900, shape=shape, delay=50)
    seen = torch.arange(0, 1200, 7, dtype=dtype)
    found = value(schedule, seen)
    assert isinstance(found, torch.Tensor)
    assert found.dtype == dtype
    expected = torch.tensor([value(schedule, n) for n in seen.tolist()], dtype=dtype)
    torch.testing.assert_close(found, expected)


def test_plain_numbers_are_constant() -> None:
    assert value(0.3, 10) == value(0.3, torch.tensor(1e6)) == 0.3


def test_a_schedule_is_traced_not_frozen() -> None:
    schedule = Schedule(start=1.0, end=0.0, samples=100, shape="linear")
    compiled = torch.compile(
        lambda seen: value(schedule, seen), fullgraph=True, backend="aot_eager"
    )
    for seen in (0.0, 25.0, 75.0):
        assert compiled(torch.tensor(seen)).item() == pytest.approx(1 - seen / 100)


@pytest.mark.parametrize(
    "settings",
    [
        {"start": 1.0, "end": 0.0, "samples": 0},
        {"start": 1.0, "end": 0.0, "samples": 10, "delay": -1},
        {"start": 1.0, "end": 0.0, "samples": 10, "shape": "exponential"},
        {"start": -1.0, "end": 1.0, "samples": 10, "shape": "exponential"},
    ],
)
def test_impossible_schedules_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="schedule"):
        Schedule(**settings)


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("optimisers.generator.beta2", (1.0, 0.99)),
        ("optimisers.generator.beta2", (0.9, 1.0)),
        ("optimisers.generator.lr", (-1e-4, 1e-4)),
        ("optimisers.generator.lr", (2e-4, -2e-4)),
        ("game.penalties.r1", (1, -5)),
        ("game.instance_noise", (-1, 0)),
    ],
)
def test_schedules_stay_within_the_bounds_of_their_setting(name: str, ends: object) -> None:
    base = recipe("points", DataSpec(kind="points", shape=(2,), dtype="float32"))
    start, end = ends
    with pytest.raises(UsageError, match="expected start and end of at least 0"):
        override(base, [f"{name}={{start: {start}, end: {end}, samples: 9}}"])
    override(base, [f"{name}={{start: 0.5, end: 0, samples: 9}}"])
