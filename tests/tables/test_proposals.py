"""Constraints that are proposed: those that were planted, and no others."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from gantlet.tables import TableTransform, verified
from gantlet.tables.columnar import ColumnFile
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


def test_infinities_hide_no_equality_and_make_none():
    x = np.random.default_rng(0).normal(size=300)
    x[3] = np.inf
    rows = pd.DataFrame({"a": x, "b": np.where(x == np.inf, np.inf, x * 2), "c": x})
    assert not {text for text in proposed(rows) if " = " in text and "b" in text}


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


PLANTED = {"total = net + tax", "city by zip", "start <= end"}


def of_file(rows, path):
    """What is proposed for rows in a file of several parts."""
    rows.to_parquet(path, row_group_size=500)
    found = verified.verified(ColumnFile(path, ".parquet"), TableTransform().fit(rows).columns_)
    return {one.text: one.evidence for one in found}


@pytest.fixture
def some(monkeypatch):
    """Constraints are looked for among 400 rows, and parts have 500 rows."""
    monkeypatch.setattr(verified, "_MOST", 400)
    parts = ColumnFile.parts
    monkeypatch.setattr(ColumnFile, "parts", lambda self, names: parts(self, names, 500))


@pytest.mark.usefixtures("some")
def test_of_a_long_table_some_rows_tell_what_all_meet(tmp_path):
    found = of_file(table(3_000), tmp_path / "t.parquet")
    assert set(found) >= PLANTED
    for text in PLANTED:
        assert "among 400 rows drawn by chance; none of all 3,000 breaks it" in found[text]


@pytest.mark.usefixtures("some")
def test_one_row_beyond_those_looked_at_breaks_a_proposal(tmp_path):
    rows, looked_at = table(3_000), set(verified._drawn(3_000).tolist())
    first, second, third = [row for row in range(2_990, 0, -7) if row not in looked_at][:3]
    rows.loc[first, "total"] += 1
    rows.loc[second, "end"] = rows.loc[second, "start"] - pd.Timedelta(days=1)
    # No part has this zip twice: that it has two cities is seen across parts alone.
    rows = rows.astype({"zip": object})
    rows.loc[third, ["zip", "city"]] = ["00000", "Rome"]
    rows.loc[0, ["zip", "city"]] = ["00000", "Bonn"]
    assert not set(of_file(rows, tmp_path / "t.parquet")) & PLANTED


def test_memory_does_not_grow_with_the_rows_that_are_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(verified, "_MOST", 1_000)
    rows = table(2_000)[["net", "tax", "total"]].assign(more=1.5, others=2.5, than=3.5)
    columns = TableTransform().fit(rows).columns_
    peaks = {}
    for copies in (100, 200):
        path = tmp_path / f"{copies}.parquet"
        pd.concat([rows] * copies).to_parquet(path, index=False)
        tracemalloc.start()
        assert verified.verified(ColumnFile(path, ".parquet"), columns)
        peaks[copies] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    a_column = 8 * len(rows) * 200
    assert peaks[200] - peaks[100] < a_column
    assert peaks[200] < 3 * a_column + 10e6  # of six
