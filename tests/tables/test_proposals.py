"""Constraints that are proposed: those that were planted, and no others."""

import numpy as np
import pandas as pd
import pytest

from gantlet.tables import TableTransform
from gantlet.tables.constraints.language import parsed
from gantlet.tables.proposals import proposals
from tests.tables.test_constraints import table


def proposed(rows, **wanted):
    columns = TableTransform(**wanted).fit(rows).columns_
    found = proposals(rows, columns)
    for one in found:
        assert not any(c.broken(rows).any() for c in parsed(one.text, columns))
        assert any(character.isdigit() for character in one.evidence)
    return {one.text for one in found}


def test_what_was_planted_is_found():
    found = proposed(table(600))
    assert {"total = net + tax", "city by zip", "start <= end"} <= found
    assert not {text for text in found if "age" in text or "net <= total" in text}


def test_independent_columns_give_none():
    draw = np.random.default_rng(0)
    rows = {f"x{i}": draw.normal(i / 3, 1, 500) for i in range(4)}
    rows |= {f"n{i}": draw.integers(0, 5 + i, 500) for i in range(4)}
    rows |= {f"c{i}": draw.choice(list("abcdefgh")[: 2 + 2 * i], 500) for i in range(4)}
    rows["far"] = draw.normal(1_000, 1, 500)  # above all others, of another unit
    rows["rare"] = np.where(np.arange(500) == 7, "yes", "no")
    assert proposed(pd.DataFrame(rows)) == set()


def test_one_break_is_enough_for_none():
    rows = table(600)
    rows.loc[599, "total"] += 1
    rows.loc[598, "end"] = rows.loc[598, "start"] - pd.Timedelta(days=1)
    rows.loc[597, "city"] = "Rome"
    found = proposed(rows)
    assert not found & {"total = net + tax", "city by zip", "start <= end"}


def test_what_follows_from_others_is_left_out():
    draw = np.random.default_rng(0)
    a = draw.integers(0, 1_000, 500)
    b = a + draw.integers(0, 500, 500)
    rows = pd.DataFrame({"a": a, "b": b, "c": b + draw.integers(1, 500, 500), "same": a})
    found = proposed(rows)
    assert {"b < c", "same = a"} <= found
    assert not {text for text in found if text in ("a <= c", "a < c")}


def test_combinations_that_never_come_are_seen_where_many_could():
    draw = np.random.default_rng(0)
    state = draw.integers(0, 12, 6_000)
    town = state * 4 + draw.integers(0, 6, 6_000)  # towns at borders lie in two states
    rows = pd.DataFrame({"state": state, "town": town}).map("t{}".format)
    assert proposed(rows) == {"combination(state, town)"}


def test_names_are_quoted_where_they_need_it():
    rows = table(600).rename(columns={"net": "net price", "zip": "zip's"})
    assert {"total = 'net price' + tax", '''city by "zip's"'''} <= proposed(rows)


def test_real_tables_have_what_people_know_of_them(real_data):
    names = [f"column_{i}" for i in range(1, 16)]
    adult = pd.read_csv(
        real_data / "tabular" / "adult-train.csv", header=None, names=names, skipinitialspace=True
    )
    assert proposed(adult) == {"column_4 by column_5"}  # education by education-num
    homes = pd.read_csv(real_data / "tabular" / "california-housing.csv")
    assert proposed(homes) == {"total_bedrooms <= total_rooms"}


@pytest.mark.parametrize("n", [0, 1, 30])
def test_few_rows_tell_nothing(n):
    assert proposals(table(n), TableTransform(public=True).fit(table(n)).columns_) == ()
