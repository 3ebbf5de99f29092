"""Precision, recall, density and coverage against the authors' package and closed forms."""

import math

import numpy as np
import pytest
import torch
from prdc import compute_prdc

from gantlet.errors import UsageError
from gantlet.metrics import diversity, neighbours
from gantlet.metrics.prdc import prdc

NAMES = ("precision", "recall", "density", "coverage")


def drawn(seed, *shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def values(real, fake, **ks):
    found = prdc(real, fake, **ks)
    return {name: getattr(found, name).value for name in NAMES}


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(
    ("n", "m", "columns", "shift", "dtype"),
    [
        (300, 300, 2, 0.5, torch.float64),
        (260, 190, 64, 0.2, torch.float32),
        (190, 260, 16, 1.0, torch.float64),
    ],
)
def test_all_four_are_those_of_the_package_prdc(n, m, columns, shift, dtype, k):
    real, fake = drawn(k, n, columns, dtype=dtype), drawn(n, m, columns, dtype=dtype) * 0.9 + shift
    wanted = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
    found = values(real, fake, manifold_k=k, density_k=k)
    assert found == pytest.approx(wanted, abs=1e-12)
    assert 0.02 < found["precision"] < 1


def test_the_defaults_are_those_of_the_papers():
    real, fake = drawn(0, 150, 4), drawn(1, 150, 4) + 0.7
    three, five = (compute_prdc(real.numpy(), fake.numpy(), nearest_k=k) for k in (3, 5))
    found = values(real, fake)
    assert found["precision"] == pytest.approx(three["precision"])
    assert found["recall"] == pytest.approx(three["recall"])
    assert found["density"] == pytest.approx(five["density"])
    assert found["coverage"] == pytest.approx(five["coverage"])
    assert found["coverage"] == diversity.coverage(real, fake, 5)


@pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 2), (40, 24, 5), (24, 60, 3)])
def test_a_perfect_sampler_has_density_1_and_the_coverage_that_is_told(n, m, k):
    generator = torch.Generator().manual_seed(n + m + k)
    draws = [torch.randn(n + m, 3, generator=generator).split([n, m]) for _ in range(80)]
    found = [values(*draw, manifold_k=1, density_k=k) for draw in draws]
    expected = {
        "density": 1,
        "coverage": 1 - math.prod((n - 1 - j) / (n - 1 + m - j) for j in range(k)),
    }
    for name, value in expected.items():
        scores = [numbers[name] for numbers in found]
        error = np.std(scores) / math.sqrt(len(scores))
        assert abs(np.mean(scores) - value) < 4 * error < 0.1


@pytest.mark.parametrize(("columns", "shift"), [(2, 0.0), (16, 0.5)])
def test_intervals_hold_the_long_run_mean(columns, shift):
    generator = torch.Generator().manual_seed(columns)
    found = []
    for _ in range(60):
        real, fake = torch.randn(400, columns, generator=generator).chunk(2)
        found.append(prdc(real, fake + shift * torch.eye(1, columns)))
    for name in NAMES:
        estimates = [getattr(one, name) for one in found]
        centre = np.mean([e.value for e in estimates])
        assert np.mean([e.low <= centre <= e.high for e in estimates]) >= 0.85
        width = np.mean([e.high - e.low for e in estimates])
        assert width < 10 * np.std([e.value for e in estimates])


def test_roles_swap_and_rotation_scale_and_shift_change_nothing():
    real, fake = drawn(2, 90, 6), drawn(3, 70, 6) * 1.3
    found, swapped = values(real, fake), values(fake, real)
    assert found["precision"] == swapped["recall"]
    assert found["recall"] == swapped["precision"]
    assert found["precision"] != found["recall"]
    turn = torch.linalg.qr(drawn(4, 6, 6)).Q
    assert values(100 + real @ turn * 7, 100 + fake @ turn * 7) == found
    assert values(real[torch.randperm(90)], fake[torch.randperm(70)]) == pytest.approx(found)


def test_blocks_change_nothing(monkeypatch):
    real, fake = drawn(5, 90, 6), drawn(6, 70, 6)
    found = prdc(real, fake)
    monkeypatch.setattr(neighbours, "_ROWS", 7)
    monkeypatch.setattr(neighbours, "_COLUMNS", 4)
    assert prdc(real, fake) == found


def test_copies_strangers_a_constant_and_data_that_recur():
    real = drawn(7, 100, 8)
    copied = values(real, real)
    assert (copied["precision"], copied["recall"], copied["coverage"]) == (1, 1, 1)
    assert values(real, real + 100) == dict.fromkeys(NAMES, 0)
    constant = values(real, real[:1].expand(100, -1))
    assert constant["precision"] == 1
    assert constant["recall"] == 0.01  # the sample itself, by a tie: all radii are 0
    assert constant["coverage"] < 0.25
    recurring = real[:4].repeat(25, 1)
    assert values(recurring, recurring) == pytest.approx(
        {"precision": 1, "recall": 1, "density": 5, "coverage": 1}
    )
    found = prdc(real, real).precision
    assert 0.9 < found.low < found.value == found.high == 1


@pytest.mark.parametrize(
    ("n", "m", "ks", "reason"),
    [
        (23, 40, {}, "at least 24 samples"),
        (40, 23, {}, "at least 24 samples"),
        (40, 40, {"manifold_k": 10}, "at least 44 samples"),
        (40, 40, {"density_k": 0}, "k of at least 1, received 3 and 0"),
    ],
)
def test_too_few_samples_for_k_are_an_error(n, m, ks, reason):
    with pytest.raises(UsageError, match=reason):
        prdc(drawn(0, n, 2), drawn(1, m, 2), **ks)


def test_numbers_that_are_not_finite_are_an_error():
    fake = drawn(0, 40, 2)
    fake[3, 1] = math.nan
    with pytest.raises(UsageError, match="NaN or infinity in fake"):
        prdc(drawn(1, 40, 2), fake)
