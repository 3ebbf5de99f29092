"""Gower's distance of ranks against loops; invariances; what is missing."""

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.metrics.tables.gower import (
    Ruler,
    column_distances,
    nearest_rows,
    row_distances,
    some_nearest,
)
from tests.metrics.tables.made import drawn, of


def slowly(ruler_rows, a, b):
    """The formula of the module, cell by cell."""

    def rank(x, p):
        among = [v for v in ruler_rows.numbers[:, p] if not np.isnan(v)]
        return sum(int(v < x) + int(v <= x) for v in among) / (2 * len(among))

    def apart(i, j, p):
        x, y = a.numbers[i, p], b.numbers[j, p]
        if np.isnan(x) or np.isnan(y):
            if np.isnan(x) and np.isnan(y):
                return 0.0
            return 0.5 + abs(rank(y if np.isnan(x) else x, p) - 0.5)
        return abs(rank(x, p) - rank(y, p))

    found = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            numbers = sum(apart(i, j, p) for p in range(a.numbers.shape[1]))
            found[i, j] = numbers + (a.choices[i] != b.choices[j]).sum()
    return found / len(a.names)


def distances(ruler_rows, a, b):
    ruler = Ruler(ruler_rows)
    return torch.cat([d for _, d in row_distances(ruler.places(a), ruler.places(b))])


def test_distances_are_those_of_the_formula():
    a, b, by = drawn(25, 0), drawn(30, 1), drawn(40, 2)
    assert np.allclose(distances(by, a, b), slowly(by, a, b), atol=1e-6)


def test_a_distance_by_hand():
    by = of([[1.0], [2.0], [3.0], [4.0]], [[0]] * 4)
    a, b = of([[1.0], [np.nan]], [[0], [1]]), of([[3.0], [np.nan]], [[0], [0]])
    # F(1) = 1/8, F(3) = 5/8; a missing one is at least half away
    expected = [[0.5 / 2, (0.5 + 3 / 8) / 2], [(0.5 + 1 / 8 + 1) / 2, 1 / 2]]
    assert np.allclose(distances(by, a, b), expected)


def test_units_logarithms_and_names_of_categories_do_not_matter():
    a, b = drawn(40, 0), drawn(40, 1)

    def other(rows):
        x = rows.numbers
        bent = np.stack([x[:, 0] * 1000 - 5, np.log(x[:, 1])], 1)
        return of(bent, 7 - rows.choices)

    assert torch.equal(distances(a, a, b), distances(other(a), other(a), other(b)))


def test_the_parts_make_the_whole_and_equal_rows_are_at_nothing():
    rows = drawn(50, 0)
    places = Ruler(rows).places(rows)
    whole = torch.cat([d for _, d in row_distances(places, places)])
    parts = sum(column_distances(places, places, c) for c in range(5)) / 5
    assert torch.allclose(whole, parts, atol=1e-6)
    assert (whole.diagonal() == 0).all()
    assert whole.max() <= 1
    assert (whole[:, None] <= whole[:, :, None] + whole.T[None] + 1e-6).all()  # a metric


def test_the_nearest_are_those_of_all():
    a, b = drawn(1200, 0), drawn(300, 1)
    ruler = Ruler(b)
    x, y = ruler.places(a), ruler.places(b)
    whole = distances(b, a, b).double()
    found = nearest_rows(x, y)
    assert torch.equal(found.distance, whole.min(1).values)
    assert torch.equal(whole.gather(1, found.index[:, None])[:, 0], found.distance)
    assert torch.equal(some_nearest(x, y, 7), whole.sort(1).values[:, :7])


def test_rows_of_other_columns_are_refused():
    ruler = Ruler(drawn(9, 0))
    with pytest.raises(UsageError, match="2 columns of numbers"):
        ruler.places(of(np.zeros((3, 1)), np.zeros((3, 1))))
    with pytest.raises(UsageError, match="of any column"):
        Ruler(of(np.zeros((3, 0)), np.zeros((3, 0)))).places(
            of(np.zeros((3, 0)), np.zeros((3, 0)))
        )


def test_memory_is_bounded_by_blocks():
    a, b = drawn(60, 0), drawn(300_000, 1)
    ruler = Ruler(a)
    parts = [part for part, _ in row_distances(ruler.places(a), ruler.places(b))]
    assert parts == [slice(0, 55), slice(55, 60)]  # 2^24 cells
