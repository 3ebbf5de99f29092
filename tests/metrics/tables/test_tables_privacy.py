"""Copies, membership and disclosure: planted copiers are found, fresh rows pass."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.metrics.auc import auc, cautious_auc
from gantlet.metrics.tables.copies import copies
from gantlet.metrics.tables.disclosure import attack_on, disclosure, guessed
from gantlet.metrics.tables.gower import Ruler
from gantlet.metrics.tables.membership import density, distance, membership, relative
from gantlet.metrics.tables.records import joined, keys
from tests.metrics.tables.made import drawn, of, repeated

TRAIN, HELD_OUT, KNOWN = drawn(800, 0), drawn(400, 1), drawn(400, 2)


def noisy(rows, seed, size=0.05):
    """Rows that lie near to training rows: numbers moved, choices kept."""
    draw = np.random.default_rng(seed)
    moved = rows.numbers * np.exp(size * draw.normal(size=rows.numbers.shape))
    return of(moved, rows.choices)


def test_whoever_copies_training_rows_gives_them_away():
    found = membership(TRAIN, TRAIN, HELD_OUT, KNOWN)
    assert set(found) == {"distance", "density", "relative"}
    assert all(area.low > 0.95 for area in found.values())
    near = membership(noisy(TRAIN, 3), TRAIN, HELD_OUT, KNOWN)
    assert all(area.low > 0.75 for area in near.values())
    some = joined(noisy(TRAIN.take(slice(200)), 3, 0.01), drawn(1800, 5))
    assert membership(some, TRAIN, HELD_OUT)["distance"].low > 0.5


def test_held_out_rows_as_generated_ones_pass_in_at_least_95_of_100_draws():
    """One-sided alarms are 2.7 to 2.9 % of 1,000 draws."""
    alarms = dict.fromkeys(("distance", "density", "relative", "gain"), 0)
    for draw in range(100):
        made, train, held_out, known = (drawn(n, 20_000 + 4 * draw + i) for i, n in
                                        enumerate((200, 150, 150, 150)))  # fmt: skip
        areas = membership(made, train, held_out, known)
        for name, area in areas.items():
            alarms[name] += area.low > 0.5
        alarms["gain"] += disclosure(made, train, held_out).gain.low > 0
    assert max(alarms.values()) <= 5, alarms


def test_rows_that_recur_do_not_make_members():
    alarms = 0
    for draw in range(60):
        made, train, held_out = (repeated(300, 3 * draw + i) for i in range(3))
        alarms += membership(made, train, held_out)["distance"].low > 0.5
    assert alarms <= 4


def test_few_scores_that_differ_are_not_taken_for_knowledge():
    """Four of 2,000 members have a score of their own, none of 150 others: chance has it so."""
    members, others = torch.ones(2000), torch.ones(150)
    members[:4] = 0
    assert auc(others, members).low > 0.5
    assert cautious_auc(others, members).low < 0.5 < auc(others, members).value


def test_scores_of_attackers_by_hand():
    near = torch.tensor([[0.1, 0.2, 0.4], [0.0, 0.0, 0.0], [0.0, 0.1, 0.3]])
    assert torch.equal(distance(near), near[:, 0])
    assert torch.allclose(density(near), torch.tensor([0.25, 1.0, 0.0]))
    assert torch.allclose(
        relative(near, torch.tensor([0.2, 0.0, 0.1])), torch.tensor([0.5, 1.0, 0.0])
    )


def test_copies_of_unique_rows_are_counted_by_hand():
    train = of(np.zeros((6, 0)), [[0], [1], [1], [2], [3], [3]])  # 0 and 2 occur once
    rows = of(np.zeros((5, 0)), [[0], [0], [2], [1], [9]])
    found = copies(rows, train)
    assert found.share.value == pytest.approx(3 / 5)
    assert found.chance.value == pytest.approx(4 / 6)  # rows that have exactly one twin
    assert found.share.low < found.share.value < found.share.high


def test_fresh_rows_copy_as_often_as_chance_says_and_copies_more_often():
    rates = []
    for draw in range(200):
        found = copies(repeated(500, 2 * draw, 400), repeated(500, 2 * draw + 1, 400))
        rates.append((found.share.value, found.chance.value))
    share, chance = np.mean(rates, 0)
    error = np.std([a - b for a, b in rates]) / len(rates) ** 0.5
    assert chance > 0.05
    assert abs(share - chance) < 4 * error
    planted = joined(drawn(900, 7), TRAIN.take(slice(50)))
    found = copies(planted, TRAIN)
    assert found.share.low > 0.03 > found.chance.high
    assert copies(HELD_OUT, TRAIN).share.low <= found.chance.high


def test_one_row_made_many_times_is_one_finding():
    again = TRAIN.take(np.zeros(900, int))
    found = copies(joined(drawn(9100, 7), again), TRAIN).share
    assert found.value == pytest.approx(0.09)
    assert found.low < 0.025
    assert found.high > 0.3


def test_equal_rows_have_equal_keys_also_where_cells_are_missing():
    rows = of([[np.nan, -0.0], [-np.nan, 0.0], [1, 0]], [[1], [1], [1]])
    found = keys(rows).tolist()
    assert [a == b for a, b in pairwise(found)] == [True, False]


def test_what_is_hidden_is_guessed_of_those_who_were_copied():
    told = disclosure(TRAIN, TRAIN, HELD_OUT)
    assert told.train.low > 0.9  # rows that are equal but for the hidden column
    assert told.held_out.high < 0.8
    assert told.gain.low > 0.2
    one = disclosure(TRAIN, TRAIN, HELD_OUT, sensitive=["c2"], known=["x0", "x1"])
    assert one.train.low > 0.9
    assert one.held_out.high < 0.35  # c2 does not depend on anything: one in five
    assert one.held_out.low < 0.2


def test_what_is_not_said_of_an_attack_is_all_others():
    assert attack_on(TRAIN).sensitive == TRAIN.names
    assert attack_on(TRAIN, known=["x0"]).sensitive == tuple(n for n in TRAIN.names if n != "x0")
    assert attack_on(TRAIN, ["c2", "c2"]).sensitive == ("c2",)
    assert attack_on(TRAIN, ["c2"]).known is None


def test_guesses_are_those_of_loops():
    made, rows = drawn(40, 0), drawn(30, 1)
    ruler = Ruler(made)
    x, y = ruler.places(rows), ruler.places(made)
    found = guessed(x, y, [0, 3], [1, 2, 3])
    for i in range(30):
        for at, hidden in enumerate((0, 3)):
            known = [c for c in (1, 2, 3) if c != hidden]
            apart = torch.stack([sum_of(x, y, i, j, known) for j in range(40)])
            best = torch.nonzero(apart <= apart.min() + 1e-6)[:, 0]
            right = [float(sum_of(x, y, i, int(j), [hidden])) <= 0.05 for j in best]
            assert bool(found[i, at]) in right


def sum_of(x, y, i, j, columns):
    total = torch.zeros(())
    for c in columns:
        if c < 2:
            total = total + (x.numbers[i, [c, 2 + c]] - y.numbers[j, [c, 2 + c]]).abs().sum()
        else:
            total = total + (x.choices[i, c - 2] != y.choices[j, c - 2])
    return total


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: disclosure(TRAIN, TRAIN, HELD_OUT, sensitive=["c9"]), "unknown column 'c9'"),
        (lambda: disclosure(TRAIN, TRAIN, HELD_OUT, known=["y"]), "unknown column 'y'"),
        (lambda: attack_on(TRAIN, ["c2"], ["x0", "c2"]), "knows: expected others.*c2 as both"),
        (lambda: attack_on(TRAIN, None, TRAIN.names), "knows: expected not all of them"),
        (lambda: copies(TRAIN, TRAIN.take(slice(1))), "800 and 1"),
        (lambda: membership(TRAIN, TRAIN, HELD_OUT.take(slice(1))), "800? and|1 and 800"),
    ],
)
def test_what_nothing_can_be_told_of_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()
