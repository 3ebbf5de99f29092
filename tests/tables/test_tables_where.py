"""Conditions on rows: what text means, which rows meet it, and what cannot be met."""

import numpy as np
import pandas as pd
import pytest

import gantlet
from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.times import FORMATS
from gantlet.tables.where import asked_classes, clauses
from tests.tables_for import rows

SMALL = {"network.hidden": [16], "network.latent": 8, "train.batch": 128, "train.tick": 2_048}


@pytest.fixture(scope="module")
def table():
    made = rows(600)
    made["dress size"] = pd.Categorical(
        np.resize(["S", "M", "L"], 600), ["S", "M", "L"], ordered=True
    )
    made["say"] = np.resize(["yes and no", "a=b", "", "no"], 600)
    return made


@pytest.fixture(scope="module")
def fitted(table):
    return TableTransform().fit(table)


def met(text, table, fitted):
    return np.logical_and.reduce([clause.holds(table) for clause in clauses(text, fitted)])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("age>=30", lambda t: t["age"] >= 30),
        ("age = 40 and colour == red", lambda t: (t["age"] == 40) & (t["colour"] == "red")),
        ("colour != 'red' AND age<50", lambda t: (t["colour"] != "red") & (t["age"] < 50)),
        ("member=true", lambda t: t["member"].fillna(False)),
        ("member != True", lambda t: (t["member"] == False).fillna(False)),  # noqa: E712
        ("born < 1990-06-01", lambda t: t["born"] < pd.Timestamp("1990-06-01")),
        ("dress size<=M and gain > 0", lambda t: (t["dress size"] <= "M") & (t["gain"] > 0)),
        ("'dress size'=L", lambda t: t["dress size"] == "L"),
        ("say='yes and no' and age>20", lambda t: (t["say"] == "yes and no") & (t["age"] > 20)),
        ("say=a=b", lambda t: t["say"] == "a=b"),
        ("say=''", lambda t: t["say"] == ""),
    ],
)
def test_text_means_what_pandas_means(text, wanted, table, fitted):
    expected = wanted(table).to_numpy(bool)
    assert 0 < expected.sum() < len(table)
    assert np.array_equal(met(text, table, fitted), expected)


COST = pd.Series([np.inf, -np.inf, *range(1, 9)] * 30, dtype=float)
"""Numbers between 1 and 8, and both infinities."""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cost=inf", COST.eq(np.inf)),
        ("cost == -inf", COST.eq(-np.inf)),
        ("cost!=inf", COST.ne(np.inf)),
        ("cost>=5", COST >= 5),
        ("cost>100", COST.eq(np.inf)),
        ("cost<=-inf", COST.eq(-np.inf)),
        ("cost<inf and cost>-inf", COST.abs() < 9),
    ],
)
@pytest.mark.parametrize("add", [0.0, 0.25])  # whole numbers, and real ones
def test_infinities_are_values_beyond_all_others(text, wanted, add):
    table = pd.DataFrame({"cost": COST + add})
    fitted = TableTransform().fit(table)
    assert np.array_equal(met(text, table, fitted), wanted)
    back = fitted.inverse_transform(fitted.transform(table))
    assert np.array_equal(met(text, back, fitted), wanted)


@pytest.mark.parametrize("text", ["cost>inf", "cost<-inf", "cost=1e50", "cost=9"])
def test_what_lies_between_or_beyond_infinities_is_no_value(text):
    fitted = TableTransform().fit(pd.DataFrame({"cost": COST}))
    with pytest.raises(UsageError, match=r"that the column has: 1\.0 to 8\.0, -inf, inf, rec"):
        clauses(text, fitted)


@pytest.mark.parametrize("form", FORMATS)
def test_dates_in_text_are_compared_as_dates(form):
    times = pd.Series(pd.date_range("2019-03-05 07:10:20", periods=400, freq="3D7h"))
    table = pd.DataFrame({"day": times.dt.strftime(form), "x": np.arange(400.0)})
    fitted = TableTransform(public=True).fit(table)
    told = pd.to_datetime(table["day"], format=form).dt.tz_localize(None)
    for sign, compare in (("<", np.less), (">=", np.greater_equal), ("=", np.equal)):
        cell = table["day"][137]
        expected = compare(told, told[137]).to_numpy(bool)
        assert np.array_equal(met(f"day{sign}{cell}", table, fitted), expected)
    for text in ("hello", "zzz", "3"):
        with pytest.raises(UsageError, match="expected a value such as"):
            clauses(f"day>={text}", fitted)


@pytest.mark.parametrize("ending", ["T%H:%M:%S.000Z", " %H:%M", "T%H:%M:%S+05:30"])
def test_times_in_text_are_compared_with_days(ending):
    times = pd.Series(pd.date_range("2024-03-05", periods=400, freq="7h"))
    table = pd.DataFrame({"at": times.dt.strftime(f"%Y-%m-%d{ending}"), "x": np.arange(400.0)})
    fitted = TableTransform(public=True).fit(table)
    assert np.array_equal(met("at>=2024-04-01", table, fitted), times >= "2024-04-01")
    with pytest.raises(UsageError, match="expected a value such as"):
        clauses("at>=2024-04-01T12:00:00-02:00", fitted)
    with pytest.raises(UsageError, match="expected a value such as"):
        clauses("at>=2024-02-30", fitted)


DAYS = pd.Series(pd.date_range("2024-01-01", periods=90, freq="1D"))
TYPED = pd.DataFrame(
    {
        "plain": DAYS,
        "zoned": DAYS.dt.tz_localize("Europe/Berlin"),
        "day": DAYS.dt.date,
        "day32": DAYS.dt.date.astype("date32[day][pyarrow]"),
        "far": 2**60 + np.arange(90) % 7,
        "far arrow": pd.Series([2**63 + i % 7 for i in range(90)], dtype="uint64[pyarrow]"),
        "f": pd.Series(np.arange(90) % 7 / 10, dtype="float[pyarrow]"),
    }
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("day32>=2024-02-01", DAYS >= "2024-02-01"),
        ("day=2024-02-01", DAYS == "2024-02-01"),
        ("zoned<2024-02-01", DAYS < "2024-02-01"),
        ("zoned<2024-01-31T23:00:00Z", DAYS < "2024-02-01"),
        (f"far={2**60 + 3}", np.arange(90) % 7 == 3),
        (f"far<={2**60 + 3}", np.arange(90) % 7 <= 3),
        (f"far arrow>{2**63 + 3}", np.arange(90) % 7 > 3),
        (f"far arrow<{10**30}", np.arange(90) >= 0),
        ("far>1e3", np.arange(90) >= 0),
        ("f=0.1", np.arange(90) % 7 == 1),
        ("f<=0.3", np.arange(90) % 7 <= 3),
    ],
)
def test_values_are_compared_as_the_columns_type_holds_them(text, wanted):
    fitted = TableTransform(public=True).fit(TYPED)
    assert np.array_equal(met(text, TYPED, fitted), wanted)


@pytest.mark.parametrize(
    "text",
    [
        *("plain>=2024-02-01T00:00+01:00", "day>2024-02-01T00:00Z", "day32>2024-02-01T00:00Z"),
        *("zoned>=2024-03-31T02:30", "far=1x"),
    ],
)
def test_a_value_that_the_column_cannot_be_compared_with_is_told(text):
    fitted = TableTransform(public=True).fit(TYPED)
    with pytest.raises(UsageError, match="expected a value such as"):
        clauses(text, fitted)


def test_the_rarest_equality_is_asked_for(fitted):
    names, _ = fitted.classes()
    found = clauses("colour=blue and member=true and age>30 and dress size=S", fitted)
    (asked,) = asked_classes(found, fitted)
    assert names[asked] == "colour=blue"
    assert asked_classes(clauses("age>30 and colour!=red", fitted), fitted) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("aeg>3", r"unknown column 'aeg'.*Did you mean age"),
        ("colour=pink", r"unknown value of column 'colour' 'pink'.*one of blue, green, red"),
        ("colour<red", r"condition colour<red.*no order"),
        ("age>200", r"condition age>200: expected values that the column has: \d+ to \d+"),
        ("gain=inf", r"condition gain=inf: expected values that the column has: [^,]* to [^,]*,"),
        ("gain>-inf and gain>=inf", r"condition gain>=inf: expected values that the column has"),
        ("gain>nan", r"condition gain>nan: expected a value such as"),
        ("born>NaT", r"condition born>NaT: expected a value such as 19"),
        ("age=30.5", r"condition age=30\.5: expected a whole number, received '30\.5'"),
        ("age=12.x", r"condition age=12\.x: expected a value such as"),
        ("born>soon", r"condition born>soon: expected a value such as 19"),
        ("hello", r"expected comparisons such as"),
        ("colour=", r"expected comparisons such as.*'colour='.*join comparisons by and"),
        ("", r"expected comparisons such as"),
    ],
)
def test_what_cannot_be_met_is_told(text, told, fitted):
    with pytest.raises(UsageError, match=told):
        clauses(text, fitted)


@pytest.fixture(scope="module")
def model(table):
    return gantlet.TableSynthesizer(samples=2_048, settings=SMALL).fit(table)


@pytest.mark.parametrize("where", ["colour=blue", "colour=blue and age>=45 and gain=0", "age<30"])
def test_every_row_meets_the_conditions_and_the_first_of_many_are_the_few(where, model, fitted):
    few, many = (model.sample(n, where=where, seed=3) for n in (20, 300))
    assert met(where, many, fitted).all()
    pd.testing.assert_frame_equal(many.head(20), few)
    assert len(many) == 300


def test_rows_that_never_come_are_given_up_with_their_share(model):
    with pytest.raises(
        UsageError, match=r"rows where .*: expected at least 1 row in 10,000.*0 of"
    ):
        model.sample(5, where="colour=red and colour=blue")
