"""Numbers of moments: streamed, merged or spread over two ranks, they equal those of one pass."""

import json
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gantlet.metrics.estimate import Estimate
from gantlet.metrics.frechet import frechet, frechet_estimate
from gantlet.metrics.means import euclidean, mahalanobis
from gantlet.metrics.moments import Moments, across_ranks, grouped, jackknifed, merged
from tests.training.ranks import ranked, spawned

N, M, D, GROUPS = 700, 500, 12, 10
STATISTICS: Mapping[str, Callable[[Moments, Moments], float]] = {
    "frechet": frechet,
    "euclidean": euclidean,
    "mahalanobis": mahalanobis,
}


def sets() -> tuple[Tensor, Tensor]:
    """Real and generated features, correlated, far from 0."""
    torch.manual_seed(0)
    mix = torch.randn(D, D, dtype=torch.float64)
    real, fake = (torch.randn(n, D, dtype=torch.float64) @ mix + 30 for n in (N, M))
    return real, 1.1 * fake


def shares(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two parts of unequal sizes, as ranks have them."""
    return x[: len(x) // 3], x[len(x) // 3 :]


def estimates(real: list[Moments], fake: list[Moments]) -> dict[str, Estimate]:
    """Every number, with its interval."""
    found = {name: jackknifed(of, real, fake) for name, of in STATISTICS.items()}
    return found | {"frechet_estimate": frechet_estimate(real, fake)}


def streamed(x: Tensor, rows: int) -> Moments:
    """Batch after batch."""
    moments = Moments.empty(D)
    for batch in x.split(rows):
        moments = moments.add(batch)
    return moments


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("rows", [1, 7, 64, 10_000])
def test_streaming_equals_one_pass(name, rows):
    real, fake = sets()
    one = STATISTICS[name](Moments.of(real), Moments.of(fake))
    found = STATISTICS[name](streamed(real, rows), streamed(fake, rows))
    assert one > 0.01
    assert found == pytest.approx(one, rel=1e-10)


@pytest.mark.parametrize("name", STATISTICS)
def test_merged_parts_equal_one_pass_in_either_order(name):
    real, fake = sets()
    one = STATISTICS[name](Moments.of(real), Moments.of(fake))
    parts = [[Moments.of(part) for part in shares(x)] for x in (real, fake)]
    for order in (1, -1):
        found = STATISTICS[name](*(merged(part[::order]) for part in parts))
        assert found == pytest.approx(one, rel=1e-10)


def test_on_one_process_nothing_is_merged():
    moments = Moments.of(sets()[0])
    assert across_ranks(moments) is moments


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        lists = [[across_ranks(part) for part in grouped(shares(x)[rank])] for x in sets()]
        found = {name: astuple(number) for name, number in estimates(*lists).items()}
        counts = [merged(parts).count for parts in lists]
        told = {"found": found, "counts": counts}
        (Path(folder) / f"{rank}.json").write_text(json.dumps(told))


def test_two_ranks_equal_one_in_values_and_intervals(tmp_path):
    spawned(_rank, tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first["counts"] == [N, M]
    # On one process, with the same samples left out together.
    lists = [
        [merged(pair) for pair in zip(*(grouped(part) for part in shares(x)), strict=True)]
        for x in sets()
    ]
    assert len(lists[0]) == GROUPS
    one, plain = estimates(*lists), estimates(*(grouped(x) for x in sets()))
    for name, number in one.items():
        assert first["found"][name][:3] == pytest.approx(astuple(number)[:3], rel=1e-10)
        assert number.value == pytest.approx(plain[name].value, rel=1e-10)
        assert number.low < number.value < number.high
