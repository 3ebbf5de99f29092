"""Columns fitted from noisy counts: how many counts they take, what they tell and keep."""

import json

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.privacy import secret
from gantlet.privacy.counts import NoisyCounts
from gantlet.privacy.settings import ColumnPrivacy
from gantlet.tables import TableTransform
from gantlet.tables.private import PrivateFit, octaves_of, private_numbers
from gantlet.tables.private_columns import Declaration, _column

ALL = ColumnPrivacy(epsilon=1.0)
LOOSE = ColumnPrivacy(epsilon=50.0, delta=0.01)
"""Noise of a row or two: what is left is the rule itself."""


def people(n=4_000, seed=0):
    draw = np.random.default_rng(seed)
    age = draw.normal(40, 12, n).round().clip(18, 90).astype(int)
    gain = np.where(draw.random(n) < 0.8, 0.0, draw.lognormal(7, 1, n).round(2))
    town = draw.choice(["Ulm", "Bonn", "Kiel"], n, p=[0.6, 0.3, 0.1])
    member = pd.array(np.where(draw.random(n) < 0.2, None, age > 40), dtype="boolean")
    born = pd.Timestamp("2026-01-01") - pd.to_timedelta(age * 365, unit="D")
    level = pd.Categorical(draw.choice(["low", "high"], n), ["low", "mid", "high"], ordered=True)
    key = [f"p{i:05}" for i in range(n)]
    return pd.DataFrame(
        {"age": age, "gain": gain, "town": town, "member": member, "born": born, "level": level}
        | {"key": key}
    )


@pytest.mark.parametrize("column", [*people(20), "order", "public"])
def test_each_column_takes_the_counts_that_are_paid_for(column):
    order = ["low", "mid", "high"] if column == "order" else None
    cells = people()[{"order": "level", "public": "age"}.get(column, column)]
    kinds = {"age": "integer", "gain": "real", "town": "categorical", "member": "boolean"}
    kinds |= {"born": "datetime", "key": "identifier", "public": "integer"}
    said = Declaration("c", kinds.get(column, "ordinal"), cells, column == "public", order)
    counts = NoisyCounts(spread=1.0, threshold=5, histograms=said.histograms, beyond=1e-6)
    fit = PrivateFit(counts, np.random.default_rng(0), len(cells))
    _column(said, fit)
    assert fit.left == 0
    with pytest.raises(RuntimeError, match="paid for"):
        fit.of({1: 1})


def test_what_few_rows_have_is_not_told():
    table = people()
    table.loc[:20, "town"] = "a secret place"
    table.loc[0, "age"] = 113
    table.loc[1, "gain"] = 987_654_321.0
    found = TableTransform(private=ALL).fit(table)
    text = json.dumps(found.to_json())
    assert "secret" not in text
    assert "Ulm" in text
    back = found.inverse_transform(found.transform(table))
    assert back["age"].max() < 113
    assert back["gain"].max() < 1e8
    assert (back["town"] != "a secret place").all()


def test_with_little_noise_rows_come_back_nearly_as_they_were():
    table = people()
    found = TableTransform(private=LOOSE).fit(table)
    back = found.inverse_transform(found.transform(table))
    assert (back.dtypes == table.dtypes).drop("level").all()
    for name in ("town", "member", "level"):
        told = [cells[name].astype("string").fillna("none") for cells in (back, table)]
        assert (told[0] == told[1]).mean() > 0.999
    for name in ("age", "gain"):
        gap = (back[name] - table[name]).abs()
        assert (gap <= 1e-3 * table[name].abs()).mean() > 0.98
    days = (back["born"] - table["born"]).abs().dt.days
    assert (days == 0).mean() > 0.97
    assert back["key"].is_unique
    assert not set(back["key"]) & set(table["key"])


def test_shares_are_those_of_noisy_counts():
    table = people()
    found = TableTransform(private=ALL).fit(table)
    column = {c.name: c for c in found.columns_}["town"]
    true = table["town"].value_counts(normalize=True)
    shares = dict(zip(column.choices.values, column.choices.shares, strict=False))
    spread = found.ledger_["spread"] / len(table)
    for value, share in shares.items():
        assert share != true[value]
        assert abs(share - true[value]) < 6 * spread


def test_nothing_can_be_asked_for():
    found = TableTransform(private=ALL).fit(people())
    assert found.classes() == ((), ())
    assert not any(found.places(column.name) for column in found.columns_)
    assert not any(head.is_condition for head in found.heads)
    again = TableTransform.from_json(json.loads(json.dumps(found.to_json())))
    assert again.heads == found.heads
    assert again.ledger_ == found.ledger_


def test_public_columns_cost_nothing_and_tell_no_counts():
    table = people()
    some = TableTransform(public=["age", "town"], private=ALL).fit(table)
    assert some.ledger_["public"] == ["age", "town"]
    assert some.ledger_["paid"] == ["gain", "member", "born", "level"]
    assert some.ledger_["unused"] == ["key"]
    whole = TableTransform(public=True, private=ALL).fit(table)
    assert "sigma" not in whole.ledger_
    # Another table with the same bounds and values gives the same columns.
    names = ["age", "gain", "town", "member", "born", "level"]
    held = pd.concat([table.drop_duplicates(name) for name in names])
    other = pd.concat([held, table.loc[[table.gain.idxmax(), table.gain.idxmin()]]])
    other = other.assign(key=[f"q{i}" for i in range(len(other))])
    again = TableTransform(public=True, private=ALL).fit(other)
    assert again.to_json()["columns"] == whole.to_json()["columns"]


def test_the_noise_is_the_same_for_the_same_table_and_new_for_any_other(monkeypatch, tmp_path):
    table = people(2_000)
    first, again = (TableTransform(private=ALL).fit(table).to_json() for _ in range(2))
    assert first == again
    other = table.copy()
    other.loc[0, "age"] += 1  # one cell of one column: the noise of all others changes, too
    changed = TableTransform(private=ALL).fit(other).to_json()
    assert changed["columns"][2]["choices"]["shares"] != first["columns"][2]["choices"]["shares"]
    monkeypatch.setattr(secret, "secret_file", lambda: tmp_path / "gantlet" / "secret")
    assert TableTransform(private=ALL).fit(table).to_json() != first


def test_too_few_rows_for_the_noise_leave_columns_that_tell_nothing():
    table = people(30)
    found = TableTransform(private=ColumnPrivacy(epsilon=0.1)).fit(table)
    back = found.inverse_transform(found.transform(table))
    assert list(back) == list(table)
    assert len(back) == 30


def test_a_public_choice_is_told_by_its_values_without_shares():
    table = people()
    some = TableTransform(public=["town", "member"], private=ALL).fit(table)
    lines = {column.name: column.line() for column in some.columns_}
    assert lines["town"] == "categorical, 3 values (Bonn, Kiel, Ulm)"
    assert lines["member"] == "boolean, 2 values (False, True)"  # with missing ones


RATES = pd.Series([1, 2, 3, 4] * 500)


@pytest.mark.parametrize(
    ("cells", "listed", "values"),
    [
        (RATES, ["1", "2", "3", "4", "5"], (1, 2, 3, 4, 5)),
        (RATES.astype("Int8"), ["0", "1", "2", "3", "4"], (0, 1, 2, 3, 4)),
        (RATES / 2, ["0.5", "1.0", "1.5", "2.0", "2.5"], (0.5, 1.0, 1.5, 2.0, 2.5)),
        (RATES > 0, ["False", "True"], (False, True)),
        (RATES.map(str), ["4", "3", "2", "1", "none"], ("4", "3", "2", "1", "none")),
        (RATES.astype("category"), ["1", "2", "3", "4", "5"], (1, 2, 3, 4, 5)),
    ],
)
def test_listed_values_that_no_row_has_are_of_the_type_of_the_cells(cells, listed, values):
    table = pd.DataFrame({"rate": cells})
    column = TableTransform(columns={"rate": listed}, private=ALL).fit(table).columns_[0]
    assert column.choices.values == values
    assert [type(value) for value in column.choices.values] == [type(value) for value in values]
    codes = np.arange(len(values), dtype=np.float32)[:, None]
    assert column.decode(codes, 0).tolist() == list(values)


@pytest.mark.parametrize(
    ("cells", "more", "told"),
    [
        (RATES, "Maybe", "a column of int64 has them, received 'Maybe'"),
        (RATES, "2.5", "a column of int64 has them, received '2.5'"),
        (RATES, "05", "a column of int64 has them, such as '5', received '05'"),
        (RATES.astype("int8"), "200", "a column of int8 has them, received '200'"),
        (RATES > 2, "Maybe", "a column of bool has them, received 'Maybe'"),
        (RATES / 2, "3", "a column of float64 has them, such as '3.0', received '3'"),
    ],
)
def test_listed_values_that_the_cells_cannot_have_are_refused(cells, more, told):
    listed = [*map(str, sorted(cells.unique())), more]
    with pytest.raises(UsageError, match=f"the values listed of column 'rate'.*{told}"):
        TableTransform(columns={"rate": listed}, private=ALL).fit(pd.DataFrame({"rate": cells}))


@pytest.mark.parametrize("name", ["int8", "uint8[pyarrow]"])
def test_identifiers_of_a_type_with_too_few_numbers_are_refused(name):
    table = pd.DataFrame({"id": pd.Series(range(100), dtype=name), "x": np.arange(100.0)})
    with pytest.raises(UsageError, match=r"identifier 'id': expected at most \d+ rows"):
        TableTransform(columns={"id": "identifier"}, private=ALL).fit(table)


def test_octaves():
    x = np.array([1.0, 1.99, 2.0, -0.3, 0.0, -0.0, np.inf, -np.inf, 1e-300, -7.0])
    wanted = {(1, 0): 2, (1, 1): 1, (-1, -2): 1, 0.0: 2, np.inf: 1, -np.inf: 1}
    assert octaves_of(x) == {**wanted, (1, -997): 1, (-1, 2): 1}
    assert octaves_of(x[:0]) == {}


def test_bins_hold_the_values_between_their_bounds():
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.normal(1000, 10, 5_000), np.zeros(3_000)])
    absent = draw.random(8_000) < 0.1
    counts = NoisyCounts(spread=2.0, threshold=12, histograms=2, beyond=1e-6)
    fit = PrivateFit(counts, draw, 8_000)
    found = private_numbers(x, absent, None, fit=fit, spiked=False)
    assert found.spikes == (0.0,)
    assert found.has_missing
    assert found.shares[-1] == pytest.approx(0.1, abs=0.01)
    alpha, code = found.encode(x, absent)
    back, gone = found.decode(alpha, code)
    assert (gone == absent).all()
    held = ~absent & ((x == 0) | ((x >= found.low) & (x <= found.high)))
    assert (np.abs(back - x)[held] < 1e-6).mean() > 0.999  # cells of a few rows are not told
    assert held.sum() > 0.99 * (~absent).sum()
