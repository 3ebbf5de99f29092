"""A law of pairs: what fits the data best, and draws given what is known, against enumeration."""

from itertools import product

import numpy as np
import pytest

from gantlet.forest import drawn, fitted

FOREST = [
    (2, np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])),
    (-1, np.array([0.3, 0.7])),
    (-1, np.array([0.4, 0.6])),
    (0, np.array([[0.5, 0.5], [0.0, 1.0], [0.8, 0.2]])),
    (0, np.array([[0.1, 0.9], [0.6, 0.4], [0.7, 0.3]])),
]
"""0 follows 2, and is followed by 3 and 4; 1 is by itself."""
WIDTHS = [3, 2, 2, 2, 2]
N = 20_000


def probability(values):
    return np.prod(
        [
            shares[values[i]] if parent < 0 else shares[values[parent], values[i]]
            for i, (parent, shares) in enumerate(FOREST)
        ]
    )


def sampled(known, seed=0):
    return drawn(FOREST, np.random.default_rng(seed).random((N, 5)), known)[0]


@pytest.mark.parametrize("known", [{}, {3: 0}, {3: 1, 4: 0}, {0: 2}, {2: 1, 3: 0, 1: 0}])
def test_draws_follow_the_law_given_what_is_known(known):
    made = sampled(known)
    ways = [w for w in product(*map(range, WIDTHS)) if all(w[i] == v for i, v in known.items())]
    shares = np.array([probability(way) for way in ways])
    shares /= shares.sum()
    for way, share in zip(ways, shares, strict=True):
        found = (made == way).all(1).mean()
        assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / N) + 1e-12)


def test_what_never_comes_together_is_known_of_no_one():
    """0 = 1 makes 3 = 1 sure: asked for 0 = 1 and 3 = 0, draws are as if nothing was known."""
    assert np.array_equal(sampled({0: 1, 3: 0}), sampled({}))


def test_uniform_numbers_lie_within_what_they_give():
    u = np.array([[0.05], [0.1], [0.65], [0.999]])
    values, within = drawn([(-1, np.array([0.2, 0.0, 0.8]))], u, {})
    assert values[:, 0].tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(within[:, 0], [0.25, 0.5, 0.5625, 0.99875])


def test_the_edges_of_a_forest_are_found_again_with_its_shares():
    made = sampled({}, seed=1)
    found = fitted(list(made.T), WIDTHS, fewest=1)
    pairs = {frozenset((i, parent)) for i, (parent, _) in enumerate(found) if parent >= 0}
    assert pairs == {frozenset(pair) for pair in ((0, 2), (0, 3), (0, 4))}
    back = drawn(found, np.random.default_rng(2).random((N, 5)), {})[0]
    for i, width in enumerate(WIDTHS):
        for value in range(width):
            assert (back[:, i] == value).mean() == pytest.approx(
                (made[:, i] == value).mean(), abs=0.015
            )
    told = [(made[:, 3] == 1)[made[:, 0] == k].mean() for k in range(3)]
    again = [(back[:, 3] == 1)[back[:, 0] == k].mean() for k in range(3)]
    np.testing.assert_allclose(again, told, atol=0.03)


def test_pairs_of_few_are_left_out():
    """Of 100 that go together, four do not: nothing tells that they were there."""
    first = np.repeat([0, 1], 100)
    second = first.copy()
    second[:4] = 1
    ((_, _), (parent, shares)) = fitted([first, second], [2, 2], fewest=5)
    assert parent == 0
    np.testing.assert_array_equal(shares, np.eye(2))


def test_variables_that_are_independent_have_no_edge():
    made = np.random.default_rng(0).integers(0, 3, (6, 2000))
    assert all(parent < 0 for parent, _ in fitted(list(made), [3] * 6, fewest=5))
