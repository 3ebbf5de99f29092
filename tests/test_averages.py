"""Running averages against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantlet.averages import ema_, half_life, half_life_beta, running_mean


@pytest.mark.parametrize("batch", [1, 32, 500, 1000])
def test_half_is_left_after_one_half_life(batch: int) -> None:
    steps = 1000 / batch
    assert half_life_beta(batch, 1000.0) ** steps == pytest.approx(0.5, rel=1e-12)


def test_no_half_life_keeps_nothing() -> None:
    assert half_life_beta(64, 0.0) == 0.0
    assert half_life_beta(512, 1e-9) == 0.0


def test_half_life_is_ramped_then_final() -> None:
    assert half_life(0, 10_000) == 0
    assert half_life(1000, 10_000) == pytest.approx(50)
    assert half_life(200_000, 10_000) == 10_000
    assert half_life(10**9, 10_000) == 10_000
    assert half_life(1000, 10_000, ramp=None) == 10_000


def test_ramp_keeps_a_fixed_share_of_the_past() -> None:
    """With half-life r n, samples from before the share s of the run weigh about s^(ln 2 / r)."""
    batch, seen, left = 10, 100_000, 1.0
    for n in range(seen // 2, seen, batch):
        left *= half_life_beta(batch, half_life(n, 1e12, ramp=0.5))
    assert left == pytest.approx(0.5 ** (0.6931471805599453 / 0.5), rel=1e-3)


def series(n: int) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        [torch.randn(s, generator=generator, dtype=torch.float64) for s in ((2, 3), (4,))]
        for _ in range(n)
    ]


def test_average_of_weights_is_the_geometric_sum() -> None:
    first, *rest = series(6)
    averaged = [t.clone() for t in first]
    for live in rest:
        ema_(averaged, live, 0.8)
    for k, found in enumerate(averaged):
        expected = 0.8**5 * first[k]
        expected = expected + sum(0.2 * 0.8 ** (4 - i) * live[k] for i, live in enumerate(rest))
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_beta_zero_copies_and_one_keeps_exactly(beta: float) -> None:
    old, new = series(2)
    averaged = [t.clone() for t in old]
    ema_(averaged, new, beta)
    assert all(torch.equal(a, b) for a, b in zip(averaged, new if beta == 0 else old, strict=True))


def test_counters_are_copied_and_weights_need_no_gradient() -> None:
    averaged = [torch.tensor(3), torch.nn.Parameter(torch.zeros(2))]
    ema_(averaged, [torch.tensor(7), torch.ones(2)], 0.75)
    assert averaged[0].item() == 7
    assert averaged[1].tolist() == [0.25, 0.25]


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ema_([torch.zeros(1)], [], 0.5)


def test_running_mean_has_weights_that_sum_to_one_from_the_start() -> None:
    values = torch.tensor([3.0, -1.0, 4.0, 1.0, 5.0], dtype=torch.float64)
    mean = torch.tensor(123.0, dtype=torch.float64)
    for count, new in enumerate(values):
        mean = running_mean(mean, new + torch.tensor([-1.0, 1.0]), torch.tensor(count), 0.9)
        weights = 0.9 ** torch.arange(count, -1, -1, dtype=torch.float64)
        expected = (weights * values[: count + 1]).sum() / weights.sum()
        torch.testing.assert_close(mean, expected)


def test_running_mean_of_vectors_is_that_of_each_entry() -> None:
    mean, new = torch.tensor([0.5, -2.0]), torch.arange(12.0).view(3, 2, 2)
    entries = [running_mean(mean[i], new[..., i], 4) for i in range(2)]
    torch.testing.assert_close(running_mean(mean, new, 4), torch.stack(entries))


def test_running_mean_passes_no_gradient() -> None:
    new = torch.ones(3, requires_grad=True)
    assert not running_mean(torch.tensor(0.0), new, 0).requires_grad
