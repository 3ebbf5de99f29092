"""Neighbours by blocks against loops, scikit-learn and exact integers."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from gantlet.metrics import neighbours
from gantlet.metrics.neighbours import (
    ROUNDING,
    blocks,
    distinct,
    identical,
    nearest,
    neighbour_distances,
    one_of_each,
    standing_out,
    standing_out_among,
    within,
)


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def apart(a, b):
    """All distances, by differences."""
    return (a.double()[:, None] - b.double()).norm(dim=2)


def whole(a, b, slack=0.0):
    return torch.cat([squared for _, squared in blocks(a, b, slack)])


def test_blocks_are_small_and_change_nothing(monkeypatch):
    a, b = drawn(0, 23, 37), drawn(1, 11, 37) + 3
    torch.testing.assert_close(whole(a, b), apart(a, b) ** 2, rtol=1e-12, atol=0)
    one = neighbour_distances(a, 4), nearest(a, b), within(a, 8.0)
    for rows, cells, columns in ((5, 10**9, 10), (10**9, 30, 10), (1000, 1, 256)):
        monkeypatch.setattr(neighbours, "_ROWS", rows)
        monkeypatch.setattr(neighbours, "_CELLS", cells)
        monkeypatch.setattr(neighbours, "_COLUMNS", columns)
        sizes = [squared.shape for _, squared in blocks(a, b)]
        assert all(n <= rows and n * m <= max(cells, m) for n, m in sizes)
        assert sum(n for n, _ in sizes) == 23
        torch.testing.assert_close(whole(a, b), apart(a, b) ** 2, rtol=1e-12, atol=0)
        torch.testing.assert_close(neighbour_distances(a, 4), one[0], rtol=1e-14, atol=0)
        assert torch.equal(nearest(a, b).index, one[1].index)
        assert torch.equal(within(a, 8.0), one[2])
        assert len(one[2].unique()) > 3


def test_a_block_stays_small_however_many_samples_there_are():
    some, many = torch.zeros(700, 1), torch.zeros(60_000, 1)
    _, squared = next(iter(blocks(some, many)))
    assert squared.shape[1] == 60_000
    assert 1 < squared.numel() <= 2**24


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_with_slack_a_distance_is_never_too_long(offset):
    x = drawn(2, 40, 5).float() + offset
    y = torch.cat([x, drawn(3, 40, 5).float() + offset])
    squares, low = apart(x, y) ** 2, whole(x, y, ROUNDING)
    centre = x.double().mean(0)
    norms = (x.double() - centre).square().sum(1)[:, None] + (y.double() - centre).square().sum(1)
    assert (low <= squares).all()
    assert (low >= squares - 1.1 * ROUNDING * norms).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_neighbours_are_those_of_scikit_learn(dtype):
    a, b = drawn(4, 90, 7).to(dtype), drawn(5, 60, 7).to(dtype)
    x, y = a.double().numpy(), b.double().numpy()
    own = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(x)[0][:, 1:]
    np.testing.assert_allclose(neighbour_distances(a, 4), own, rtol=1e-12, atol=1e-12)
    distance, index = NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)
    found = nearest(a, b)
    np.testing.assert_allclose(found.distance, distance[:, 0], rtol=1e-12)
    assert (found.index.numpy() == index[:, 0]).all() or dtype == torch.bfloat16


def test_near_copies_far_from_the_origin_are_found_and_copies_have_distance_0():
    train = 1e4 + drawn(6, 300, 20).float()
    order = torch.randperm(300, generator=torch.Generator().manual_seed(7))
    nudge = torch.zeros(300, 20)
    nudge[::2, 3] = 2**-8  # exact at this size of number
    copies = train[order] + nudge
    found = nearest(copies, train)
    assert torch.equal(found.index, order)
    assert torch.equal(found.distance[1::2], torch.zeros(150, dtype=torch.float64))
    torch.testing.assert_close(found.distance[::2], torch.full((150,), 2.0**-8).double())
    recurring = train[:5].repeat(3, 1)
    assert torch.equal(neighbour_distances(recurring, 2), torch.zeros(15, 2).double())
    assert (neighbour_distances(recurring, 3)[:, 2] > 1).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 14),
    side=st.integers(1, 4),
    square=st.integers(0, 12),
)
def test_counts_within_a_distance_are_those_of_loops_ties_included(seed, n, side, square):
    x = np.random.default_rng(seed).integers(0, side, (n, 3))
    squares = ((x[:, None] - x) ** 2).sum(2)
    wanted = (squares <= square).sum(1) - 1
    numbers = torch.tensor(x, dtype=torch.float32) / 4  # exact
    assert within(numbers, math.sqrt(square) / 4).tolist() == wanted.tolist()
    rows = [tuple(row) for row in x.tolist()]
    assert identical(numbers).tolist() == [Counter(rows)[row] - 1 for row in rows]


def test_identical_means_every_number():
    x = drawn(8, 4, 50).repeat(2, 1)
    x[7, 49] = math.nextafter(float(x[7, 49]), math.inf)
    assert identical(x).tolist() == [1, 1, 1, 0, 1, 1, 1, 0]
    assert within(x, 1e-9).tolist() == [1] * 8
    assert distinct(x).tolist() == [0, 1, 2, 3, 7]


def test_no_gradient_is_kept():
    x = drawn(9, 6, 2).requires_grad_()
    assert not neighbour_distances(x, 1).requires_grad
    assert not nearest(x, x).distance.requires_grad


def test_neighbours_of_some_rows_are_those_of_all():
    x = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    at = torch.tensor([7, 0, 299, 7])
    torch.testing.assert_close(neighbour_distances(x, 3, at), neighbour_distances(x, 3)[at])


def test_distances_to_earlier_samples_are_those_of_loops(monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", 7)
    x = drawn(0, 30, 3)
    expected = [math.inf, *(float(apart(x[i : i + 1], x[:i]).min()) for i in range(1, 30))]
    torch.testing.assert_close(neighbours.to_earlier(x), torch.tensor(expected).double())


def test_how_a_nearest_sample_stands_out_is_the_ratio_of_two_distances():
    b = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 10.0]])
    a = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.5, 2.0], [0.0, 6.0]])
    expected = torch.tensor([0.0, 1 / 2, 1.0, 4 / 6], dtype=torch.float64)
    torch.testing.assert_close(standing_out(a, b), expected)
    torch.testing.assert_close(standing_out(a * 1e3 + 7, b * 1e3 + 7), expected)
    among = torch.tensor([3 / 10, 3 / 109**0.5, 10 / 109**0.5], dtype=torch.float64)
    torch.testing.assert_close(standing_out_among(b), among)


def test_the_first_sample_near_to_each_neighbour_is_found():
    index = torch.randint(0, 40, (100,), generator=torch.Generator().manual_seed(0))
    expected = [i for i, v in enumerate(index.tolist()) if v not in index[:i].tolist()]
    assert one_of_each(index).tolist() == expected
    assert one_of_each(index[:0]).tolist() == []
