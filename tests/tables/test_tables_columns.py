"""What columns are taken for, how their values are written, and what is kept of them."""

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from gantlet.errors import UsageError
from gantlet.tables import TableTransform

DRAW = np.random.default_rng(1)
N = 400
WORDS = "the quick brown fox jumps over the lazy dog and runs".split()  # noqa: SIM905
COLUMNS = {
    "integer": DRAW.integers(0, 90, N),
    "real": DRAW.normal(size=N),
    "boolean": DRAW.random(N) < 0.5,
    "categorical": DRAW.choice(["a", "b", "ß"], N),
    "ordinal": pd.Categorical(DRAW.choice(["lo", "hi"], N), ["lo", "hi"], ordered=True),
    "datetime": pd.Timestamp("2024-02-28") + pd.to_timedelta(DRAW.integers(0, 999, N), unit="h"),
    "duration": pd.to_timedelta(DRAW.integers(0, 9_999, N), unit="s"),
    "identifier": [f"ID{i:05d}" for i in DRAW.permutation(N)],
    "text": [" ".join(DRAW.permutation(WORDS)) for _ in range(N)],
    "constant": ["same"] * N,
    "missing": [None] * N,
}


def table():
    return pd.DataFrame(COLUMNS)


def fitted(values, **wanted):
    return TableTransform(**wanted).fit(pd.DataFrame({"c": values}))


def objects(values):
    return pd.Series(values * 9, dtype=object)


def kind(values, **wanted):
    return fitted(values, **wanted).columns_[0].kind


def test_each_kind_is_detected():
    found = TableTransform().fit(table())
    assert {column.name: column.kind for column in found.columns_} == {k: k for k in COLUMNS}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(50) + 7, "identifier"),
        (DRAW.integers(0, 9, 50).astype(float), "integer"),
        (["2024-01-31", "1999-12-01"] * 9, "datetime"),
        (["2024-01-31", "soon"] * 9, "categorical"),
        ([True, None] * 9, "boolean"),
        ([1, None, 3] * 9, "integer"),
        ([f"{i:08x}-1234-4abc-8def-1234567890ab" for i in range(30)], "identifier"),
    ],
)
def test_what_else_is_told_by_values(values, expected):
    assert kind(values) == expected


def test_a_declared_kind_wins():
    assert kind([1, 2, 1, 2, 3] * 9, columns={"c": "categorical"}) == "categorical"
    ordered = fitted(["S", "L", "M"] * 9, columns={"c": ("S", "M", "L")})
    assert ordered.columns_[0].choices.values == ("S", "M", "L")


def test_it_is_an_estimator():
    given = TableTransform(columns={"integer": "real"}, public=["real"])
    assert clone(given).get_params() == given.get_params()
    fit = given.fit(table())
    assert list(fit.get_feature_names_out()) == [head.name for head in fit.heads]
    assert fit.n_features_in_ == len(COLUMNS)
    assert given.set_params(public=True).public is True


def test_rounding_and_range_are_restored():
    cents = fitted(DRAW.lognormal(3, 1, 2_000).round(2))
    low, high = cents.columns_[0].numbers.low, cents.columns_[0].numbers.high
    rows = np.column_stack([DRAW.uniform(-1, 1, 999), DRAW.integers(0, cents.heads[1].width, 999)])
    made = cents.inverse_transform(rows)["c"]
    assert (made == made.round(2)).all()
    assert made.between(low, high).all()
    assert made.nunique() > 300


@pytest.mark.parametrize("decimals", [0, 1])
@pytest.mark.parametrize("tail", ["normal", "exponential"])
def test_numbers_do_not_pile_up_at_their_bounds(decimals, tail):
    draw = np.random.default_rng(0)
    x = (getattr(draw, tail)(size=4_000) * 40).round(decimals)
    fitted = TableTransform().fit(pd.DataFrame({"x": x}))
    heads = [head.width for head in fitted.heads]
    anything = [
        draw.uniform(-1, 1, 50_000) if w == 1 else draw.integers(0, w, 50_000) for w in heads
    ]
    made = fitted.inverse_transform(np.stack(anything, 1).astype(np.float32))["x"]
    low, high = np.sort(x)[[4, -5]]
    assert made.min() == low
    assert made.max() == high
    shares = made.value_counts(normalize=True)
    for bound in (low, high):
        near = shares[abs(shares.index - bound) < 8]
        assert shares[bound] < 3 * near.median()


def test_a_zero_that_most_rows_share_is_a_value_of_its_own():
    gains = np.where(DRAW.random(2_000) < 0.8, 0.0, DRAW.lognormal(8, 1, 2_000))
    found = fitted(gains)
    assert found.columns_[0].numbers.spikes == (0.0,)
    alpha, code = found.transform(pd.DataFrame({"c": gains})).T
    assert np.unique(code[gains == 0]).size == 1
    assert (alpha[gains == 0] == 0).all()
    assert found.columns_[0].numbers.shares[-1] == pytest.approx((gains == 0).mean())


def test_many_categories_take_few_numbers():
    values = [f"c{i:05d}" for i in range(20_000)] * 5
    found = fitted(values, columns={"c": "categorical"})
    assert sum(head.width for head in found.heads) < 100
    cells = pd.DataFrame({"c": DRAW.permutation(values)})
    assert found.inverse_transform(found.transform(cells)).equals(cells.astype("str"))


def test_what_is_kept_tells_of_no_few_rows():
    """Neither rare categories, nor extremes, nor a rare row's number, nor text or identifiers."""
    values = np.sort(DRAW.normal(50, 9, N))
    cells = pd.DataFrame(
        {
            "x": values,
            "c": ["common"] * (N - 4) + ["secret"] * 4,
            "d": pd.Categorical(["often"] * (N - 3) + ["hidden"] * 3, ["often", "hidden", "no"]),
            "id": [f"person{i}" for i in range(N)],
            "note": [f"{i} is the word of {i}" for i in range(N)],
        }
    )
    found = TableTransform().fit(cells)
    numbers = found.columns_[0].numbers
    assert (numbers.low, numbers.high) == (
        pytest.approx(values[4]),
        pytest.approx(values[-5]),
    )
    text = json.dumps(found.to_json())
    for word in ("secret", "hidden", "person399", "the word of"):
        assert word not in text
    kept = {float(v) for v in [*numbers.means, *numbers.spikes]}
    assert not kept & set(values)
    back = found.inverse_transform(found.transform(cells))
    assert (back["c"] == "other").sum() == 4
    assert list(back["d"].cat.categories) == ["often", "no", "other"]
    assert back["note"].isna().all()
    assert not set(back["id"]) & set(cells["id"])
    assert back["id"].is_unique
    assert "secret" in json.dumps(TableTransform(public=["c"]).fit(cells).to_json())


def test_classes_are_what_rows_have_with_the_tables_shares():
    columns = {"sex": ["f"] * 30 + ["m"] * 70, "x": np.arange(100.0) / 3, "k": [True] * 100}
    cells = pd.DataFrame(columns)
    names, shares = TableTransform().fit(cells).classes()
    assert dict(zip(names, shares, strict=True)) == {"sex=m": 0.7, "sex=f": 0.3}


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"c": [1, "a", 2.5] * 9}, r"column 'c', row 1.*str 'a' below int 1"),
        ({"c": [[1], [2]] * 9}, r"column 'c'.*values of type list"),
        ({"c": [1.0, 1e200] * 9}, r"column 'c', row 1.*at most 1e\+100.*1e\+200"),
        ({"c": ["2024-01-01"] * 30 + ["2024-13-01"]}, r"column 'c', row 30.*'2024-13-01'"),
        ({" ": [1, 2]}, r"column 1 of the table.*a name"),
        ({pd.Timestamp(0): [1, 2]}, r"column 1 of the table.*a name"),
        ({"c": objects([datetime(2024, 1, 1, 9, 30)])}, r"type datetime.*pandas.to_datetime"),
        ({"c": objects([timedelta(1)])}, r"type timedelta.*pandas.to_timedelta"),
        ({"c": pd.arrays.SparseArray([0, 1] * 9)}, r"column 'c'.*to_dense"),
        ({"c": pd.cut(np.arange(20), 3)}, r"column 'c'.*type Interval.*categories\(str\)"),
        ({"c": pd.Categorical(pd.to_datetime(["2024"] * 9))}, r"column 'c'.*type Timestamp"),
    ],
)
def test_bad_columns_are_told_with_their_row(cells, told):
    with pytest.raises(UsageError, match=told):
        TableTransform().fit(pd.DataFrame(cells))


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"d": "real"}, r"unknown column 'd'.*one of c"),
        ({"c": "colour"}, r"unknown kind of column 'c' 'colour'"),
        ({"c": "integer"}, r"column 'c', row 0.*numbers, as integer.*'a'"),
        ({"c": "datetime"}, r"column 'c', row 0.*dates or times"),
        ({"c": ("a", "z")}, r"order of column 'c'.*such as 'b'"),
    ],
)
def test_declarations_that_do_not_hold_are_told(columns, told):
    with pytest.raises(UsageError, match=told):
        fitted(["a", "b"] * 9, columns=columns)


@pytest.mark.parametrize("name", ["utf8", "int64", "double", "bool", "timestamp[us, tz=UTC]"])
def test_types_of_arrow_come_back(name):
    dtype = pd.ArrowDtype.construct_from_string(f"{name}[pyarrow]")
    values = pd.Series([0, 1, None] * 9, dtype="Int64").astype("int64[pyarrow]").astype(dtype)
    transform = fitted(values)
    back = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    pd.testing.assert_series_equal(
        back.inverse_transform(transform.transform(pd.DataFrame({"c": values})))["c"],
        values.rename("c"),
    )


@pytest.mark.parametrize("ending", [".000", ".999", ".000123", "Z", ".500Z", "+05:30", "-03:00"])
@pytest.mark.parametrize("parting", ["T", " "])
def test_text_of_precise_times_comes_back(parting, ending):
    hours = pd.Timestamp("2024-02-28") + pd.to_timedelta(DRAW.integers(0, 5, N) * 5, unit="h")
    cells = pd.DataFrame({"c": hours.strftime(f"%Y-%m-%d{parting}%H:%M:%S{ending}")})
    transform = TableTransform(public=True).fit(cells)
    assert transform.columns_[0].kind == "datetime"
    back = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    pd.testing.assert_frame_equal(back.inverse_transform(transform.transform(cells)), cells)


def test_times_of_an_offset_are_compared_in_utc():
    cells = pd.DataFrame(
        {"a": ["2024-02-28T05:30:00+05:30"] * 9, "b": ["2024-02-28T00:00:00Z"] * 9}
    )
    cells.loc[:3] = ["2024-03-01T05:30:00+05:30", "2024-03-01T00:00:00Z"]
    TableTransform(public=True, constraints=["a <= b"]).fit(cells)
    with pytest.raises(UsageError, match="9 that do not"):
        TableTransform(public=True, constraints=["a < b"]).fit(cells)


@pytest.mark.parametrize(
    ("form", "fresh"), [("C-{:06}", "C-001000"), ("{:06}", "001000"), ("C{}", "C1000")]
)
def test_fresh_numbers_are_as_long_as_those_of_the_table(form, fresh):
    cells = pd.DataFrame({"id": [form.format(i) for i in range(3, 300)]})
    transform = TableTransform.from_json(TableTransform().fit(cells).to_json())
    made = transform.inverse_transform(np.zeros((50, 0)))["id"]
    assert made[0] == fresh
    assert made.is_unique


def numbered(values, name):
    cells = pd.DataFrame({"id": pd.Series(values, dtype=name)})
    return TableTransform.from_json(TableTransform().fit(cells).to_json())


@pytest.mark.parametrize("name", ["Int16", "uint16", "int16[pyarrow]"])
def test_fresh_numbers_beyond_what_a_type_holds_are_refused(name):
    most = np.iinfo(name.partition("[")[0].lower()).max
    transform = numbered(range(most - 10_060, most - 10_030), name)
    room = 65_536 - (10_030 + 30 + 1)  # below, where there are more
    fresh = transform.inverse_transform(np.zeros((10_100, 0)))["id"]
    assert fresh.is_unique
    assert str(fresh.dtype) == name
    assert fresh.max() < most - 10_060
    with pytest.raises(
        UsageError, match=rf"'id'.*at most {room:,} rows: {name.partition('[')[0]}"
    ):
        transform.inverse_transform(np.zeros((room + 1, 0)))


@pytest.mark.parametrize(
    ("values", "name", "fresh"),
    [
        (range(2**63 - 30, 2**63), "int64", 2**63 - 31),
        (range(2**64 - 30, 2**64), "UInt64", 2**64 - 31),
        (range(2**63, 2**63 + 30), "uint64", 10**19),
        ([*range(30), 10**19], "uint64", 10**19 + 1),
    ],
)
def test_fresh_numbers_are_exact_at_both_ends_of_wide_types(values, name, fresh):
    made = numbered(values, name).inverse_transform(np.zeros((2_000, 0)))["id"]
    assert str(made.dtype) == name
    assert made[0] == fresh
    assert made.nunique() == 2_000
    assert not made.isin(list(values)).any()


@pytest.mark.parametrize(("name", "room"), [("int8", 128), ("uint8", 156), ("uint16", 5_536)])
def test_a_type_with_too_few_fresh_numbers_is_told_when_the_column_is_fitted(name, room):
    values = range(60_000) if name == "uint16" else range(100)
    told = rf"identifier 'id'.*at most {room:,} rows: {name}.*10,000.*data\.columns\.id=integer"
    with pytest.raises(UsageError, match=told):
        numbered(values, name)
    cells = pd.DataFrame({"id": pd.Series(values, dtype=name)})
    assert TableTransform(columns={"id": "integer"}).fit(cells).columns_[0].kind == "integer"


def test_times_are_no_categories():
    with pytest.raises(UsageError, match="type Timestamp"):
        fitted(pd.to_datetime(["2024-01-01", "2024-01-02"] * 9), columns={"c": "categorical"})


def test_a_public_column_that_is_not_there_is_told():
    with pytest.raises(UsageError, match=r"unknown column 'd'.*one of c"):
        TableTransform(public=["d"]).fit(pd.DataFrame({"c": ["a", "b"] * 9}))


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two columns are named 'a'"):
        TableTransform().fit(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(UsageError, match="unknown column 'sex'"):
        TableTransform().fit(pd.DataFrame({"sex": ["a"]})).transform(pd.DataFrame({"x": [1]}))
