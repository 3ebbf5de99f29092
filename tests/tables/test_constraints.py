"""Constraints on rows: what text means, that every generated row meets it, what comes back."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.constraints import FORMS
from gantlet.tables.constraints.language import parsed
from tests.tables.test_tables_roundtrip import QUICK

N = 400
CITIES = {"10115": "Berlin", "53111": "Bonn", "89073": "Ulm", "89075": "Ulm"}


def table(n=N, seed=0):
    draw = np.random.default_rng(seed)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, n), unit="D")
    net, tax = draw.lognormal(3, 1, n).round(2), draw.lognormal(1, 1, n).round(2)
    zips = draw.choice(list(CITIES), n)
    called, other = draw.random(n) < 0.4, draw.random(n) < 0.5
    return pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(draw.integers(0, 90, n), unit="D"),
            "net": net,
            "tax": tax,
            "total": (net + tax).round(2),
            "zip": zips,
            "city": [CITIES[one] for one in zips],
            "age": draw.integers(18, 90, n),
            "phone": np.where(called, draw.integers(100, 200, n).astype(float), np.nan),
            "email": pd.Series(np.where(called, None, np.where(other, "a@b", "c@d")), dtype="str"),
        }
    )


def with_gaps(made, seed=0):
    """The table with a tenth of the cells of some columns missing."""
    draw = np.random.default_rng(seed)
    for name in ("start", "end", "net", "tax", "total", "city"):
        made.loc[draw.random(len(made)) < 0.1, name] = None
    return made


def any_rows(transform, n=3_000, seed=1):
    """Rows as a generator that has learned nothing may make them, through JSON and back."""
    draw = np.random.default_rng(seed)
    read = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    parts = [np.zeros((n, 0))] + [
        (draw.integers(0, head.width, n) if head.is_choice else draw.uniform(-1, 1, n))[:, None]
        for head in read.heads
    ]
    return read, read.inverse_transform(np.concatenate(parts, 1))


RULES = {
    "end >= start": lambda t: ~(t["end"] < t["start"]),
    "total = net + tax": lambda t: ~((t["total"] - t["net"] - t["tax"]).abs() > 0.0151),
    "city by zip": lambda t: t["zip"].map(CITIES).eq(t["city"]) | t["city"].isna(),
    "18 <= age < 90": lambda t: t["age"].between(18, 89),
    "exactly_one(phone, email)": lambda t: t["phone"].notna() ^ t["email"].notna(),
    "at_most_one(phone, email)": lambda t: ~(t["phone"].notna() & t["email"].notna()),
    "combination(city, zip)": lambda t: t["zip"].map(CITIES).eq(t["city"]) | t["city"].isna(),
    "tax < total": lambda t: ~(t["tax"] >= t["total"]),
}


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("text", RULES)
def test_every_row_meets_it_by_construction_and_rows_come_back(text, gaps):
    rows = with_gaps(table()) if gaps else table()
    fitted = TableTransform(constraints=[text], public=True).fit(rows)
    assert all(line.endswith("met by construction.") for line in fitted.design_.lines)
    read, made = any_rows(fitted)
    met = RULES[text](made).to_numpy(bool)
    assert np.array_equal(read.design_.holds(made), met)
    assert met.mean() > 0.9  # sums beyond the range of their column are left out
    assert met.all() or "tota" in text
    assert made.dtypes.equals(rows.dtypes)
    pd.testing.assert_frame_equal(read.inverse_transform(fitted.transform(rows)), rows)


def test_all_of_them_together_hold_and_ranges_and_digits_are_kept():
    rows = with_gaps(table())
    fitted = TableTransform(constraints=list(RULES)).fit(rows)
    read, made = any_rows(fitted)
    kept = made[read.design_.holds(made)]
    assert len(kept) > len(made) / 2
    for holds in RULES.values():
        assert holds(kept).all()
    assert list(made.columns) == list(rows.columns)
    for name in ("net", "tax", "total", "end"):
        assert kept[name].dropna().between(rows[name].min(), rows[name].max()).all()
    assert (kept["total"].dropna() == kept["total"].dropna().round(2)).all()


def test_a_missing_term_or_side_leaves_the_others_free():
    rows = pd.DataFrame({"a": [5.0, None, 7.0, None] * 30, "b": [9.0, 1.0, None, None] * 30})
    fitted = TableTransform(constraints=["a <= b"], public=True).fit(rows)
    pd.testing.assert_frame_equal(fitted.inverse_transform(fitted.transform(rows)), rows)
    _, made = any_rows(fitted)
    both = made.dropna()
    assert (both["a"] <= both["b"]).all()
    assert made["a"].isna().any()
    assert (made["b"].isna() & made["a"].notna()).any()


def test_what_is_stored_says_what_is_restored():
    fitted = TableTransform(constraints=["end >= start", "total = net + tax", "city by zip"])
    names = fitted.fit(table()).get_feature_names_out()
    assert "end - start" in names
    assert "city, zip" in names
    assert not {"end", "total", "city", "zip"} & set(names)
    assert [column.name for column in fitted.columns_] == list(table())


def test_chains_of_columns_and_circles_hold():
    draw = np.random.default_rng(0)
    a = draw.integers(0, 50, N)
    b = a + draw.integers(0, 50, N)
    rows = pd.DataFrame({"a": a, "b": b, "c": b + draw.integers(1, 50, N)})
    texts = ["a <= b < c", "c >= a", "b >= a"]
    fitted = TableTransform(constraints=texts, public=True).fit(rows)
    _, made = any_rows(fitted)
    assert ((made["a"] <= made["b"]) & (made["b"] < made["c"])).all()
    pd.testing.assert_frame_equal(fitted.inverse_transform(fitted.transform(rows)), rows)
    assert fitted.design_.lines[2] == "Constraint a <= c: rows that break it are left out."


TYPES = ("int16", "Int64", "float64", "float32", "datetime64[s]", "datetime64[ns]", "iso", "zoned")


def column(cells, dtype):
    """Whole numbers as a column of a type."""
    if dtype.startswith(("int", "Int", "float")):
        return pd.Series(
            cells, dtype=dtype if None not in cells else dtype.replace("int16", "Int16")
        )
    days = pd.Series(pd.to_timedelta(pd.Series(cells, dtype="float64"), unit="D"))
    days = (pd.Timestamp("2021-03-20") + days).astype("datetime64[us]")
    if dtype == "iso":
        return days.dt.strftime("%Y-%m-%d").astype("str")
    if dtype == "zoned":
        return days.dt.tz_localize("Europe/Berlin")
    return days.astype(dtype)


@QUICK
@given(
    st.lists(
        st.tuples(st.integers(-99, 99), st.integers(1, 50), st.integers(0, 9)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(TYPES),
    st.booleans(),
    st.integers(0, 9),
)
def test_inequalities_hold_for_all_types_and_rows_come_back(cells, dtype, strict, seed):
    low = [a if keep or not i else None for i, (a, _, keep) in enumerate(cells)]
    high = [a + b * (strict or keep > 4) for a, b, keep in cells]
    rows = pd.DataFrame({"low": column(low, dtype), "high": column(high, dtype)})
    assume(dtype != "iso" or rows.nunique().min() > 1)  # text of one value is a constant
    sign = ">" if strict else ">="
    fitted = TableTransform(constraints=[f"high {sign} low"], public=True).fit(rows)
    pd.testing.assert_frame_equal(fitted.inverse_transform(fitted.transform(rows)), rows)
    read, made = any_rows(fitted, 300, seed)
    made = made[read.design_.holds(made)].dropna()
    a, b = (made[name] if dtype != "iso" else pd.to_datetime(made[name]) for name in rows)
    assert (b > a if strict else b >= a).all()


@QUICK
@given(st.lists(st.tuples(*[st.integers(-999, 999)] * 3), min_size=1, max_size=40), st.data())
def test_sums_hold_and_rows_come_back(cells, data):
    digits = data.draw(st.integers(0, 2))
    a, b, c = (np.array(part) / 10**digits for part in zip(*cells, strict=True))
    rows = pd.DataFrame({"t": (a + b - c).round(digits), "a": a, "b": b, "c": c})
    for row, name in data.draw(st.lists(st.tuples(st.integers(1, 39), st.sampled_from("tabc")))):
        if row < len(cells):
            rows.loc[row, name] = np.nan
    fitted = TableTransform(constraints=["t = a + b - c"], public=True).fit(rows)
    back = fitted.inverse_transform(fitted.transform(rows))
    assert (back.isna() == rows.isna()).all(axis=None)
    assert np.abs((back - rows).to_numpy()[rows.notna()]).max(initial=0) <= 1e-3
    read, made = any_rows(fitted, 300)
    kept = made[read.design_.holds(made)].dropna()
    slack = 2.001 * 10.0**-digits
    assert ((kept["t"] - kept["a"] - kept["b"] + kept["c"]).abs() <= slack).all()


def test_a_duration_may_be_what_lies_between_two_times():
    rows = table()[["start", "end"]]
    rows["stay"] = rows["end"] - rows["start"]
    for text in ("stay = end - start", "end = start + stay"):
        fitted = TableTransform(constraints=[text], public=True).fit(rows)
        pd.testing.assert_frame_equal(fitted.inverse_transform(fitted.transform(rows)), rows)
        read, made = any_rows(fitted)
        made = made[read.design_.holds(made)]
        assert (made["end"] - made["start"] == made["stay"]).all()
    with pytest.raises(UsageError, match="a time as a time and durations"):
        TableTransform(constraints=["stay = end + start"]).fit(rows)


def test_combinations_of_few_rows_are_not_stored_and_become_the_nearest():
    rows = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 50, "b": ["p"] * 50 + ["q"] * 46 + ["r"] * 4})
    fitted = TableTransform(constraints=["combination(a, b)"]).fit(rows)
    assert fitted.heads[0].width == 2
    kept = json.dumps(fitted.to_json()["constraints"])
    assert '"q"' in kept
    assert '"r"' not in kept
    back = fitted.inverse_transform(fitted.transform(rows))
    assert (back["a"] == rows["a"]).all()
    assert set(back["b"]) == {"p", "q"}
    lone = pd.DataFrame({"a": [f"a{i}" for i in range(40)], "b": [f"b{i}" for i in range(40)]})
    kinds = {"a": "categorical", "b": "categorical"}
    with pytest.raises(
        UsageError, match=r"in half of the rows.*0% of the rows.*data\.public=\[a,b\]"
    ):
        TableTransform(kinds, constraints=["a by b"]).fit(lone)
    public = TableTransform(kinds, public=["a", "b"], constraints=["a by b"]).fit(lone)
    _, made = any_rows(public)
    assert (made["a"].str[1:] == made["b"].str[1:]).all()


def test_parts_of_a_combination_can_be_asked_for():
    fitted = TableTransform(constraints=["city by zip"]).fit(table())
    names, shares = fitted.classes()
    asked = dict(fitted.places("city"))
    assert [names[at] for at in asked["Bonn"]] == ["city, zip=Bonn, 53111"]
    columns = sum(head.is_condition for head in fitted.heads)
    share = sum(shares[at] for at in asked["Ulm"]) * columns
    assert share == pytest.approx((table()["city"] == "Ulm").mean())
    assert fitted.places("age") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("end >= strat", r"constraint 'end >= strat'.*a column, or a value of 'end'.*'strat'"),
        ("totl = net + tax", r"unknown column 'totl'.*Did you mean total"),
        ("city by zap", r"unknown column 'zap'.*Did you mean zip"),
        ("net <= 3.x", r"a value of 'net' such as .*received '3\.x'"),
        ("city <= zip", r"column 'city': expected a column of numbers or of times"),
        ("age <= end", r"column 'age': expected times beside times"),
        ("total = net + net", r"columns that differ, received 'net' twice"),
        ("combination(zip)", r"expected such as end >= start; 0 <= age <= 120;"),
        ("combination(zip, end)", r"column 'end': expected a column of choices or of numbers"),
        ("net", r"constraint 'net': expected such as"),
        ("net = tax <= total", r"expected such as"),
        ("", r"constraint '': expected such as"),
        ("start <=", r"expected such as"),
    ],
)
def test_text_that_says_nothing_of_the_table_is_told(text, told):
    with pytest.raises(UsageError, match=told):
        TableTransform(constraints=[text]).fit(table())


def test_rows_that_break_it_are_named():
    rows = table()
    rows.index = pd.RangeIndex(2, N + 2, name="line")
    rows.loc[[7, 9, 11], "end"] = pd.Timestamp("2000-01-01")
    with pytest.raises(
        UsageError,
        match=r"'start <= end': expected all 400 rows.*3 that do not: lines 7, 9, 11 \(the first "
        r"has start=\d{4}-.*end=2000-01-01",
    ):
        TableTransform(constraints=["end >= start"]).fit(rows)
    rows = table()
    rows.loc[5, "city"] = "Rome"
    with pytest.raises(UsageError, match=r"'city by zip'.*that does? not: rows? \d+"):
        TableTransform(constraints=["city by zip"]).fit(rows)
    with pytest.raises(UsageError, match=r"400 that do not: rows 0, 1, 2, 3, 4 and 395 more"):
        TableTransform(constraints=["age > 100"]).fit(rows)


def test_names_with_blanks_and_signs_are_understood():
    rows = table().rename(
        columns={"net": "net price", "total": "a=b", "tax": "tax-rate", "age": "by"}
    )
    texts = ["'a=b' = net price + tax-rate", '"net price" <= "a=b"', "by >= 18"]
    fitted = TableTransform(constraints=texts, public=True).fit(rows)
    assert len(fitted.design_.constraints) == 3
    _, made = any_rows(fitted)
    assert (made["net price"] <= made["a=b"]).mean() > 0.9


def test_functions_say_which_rows_are_right():
    def adult(frame):
        return frame["age"] >= 21

    rows = table()
    with pytest.raises(UsageError, match=r"python\(adult\).*that do not: rows"):
        TableTransform(constraints=[adult]).fit(rows)
    rows = rows[rows["age"] >= 21]
    fitted = TableTransform(constraints=[adult]).fit(rows)
    read, made = any_rows(fitted)
    with pytest.raises(UsageError, match=r"the function 'adult'.*constraints=\[adult\]"):
        read.design_.holds(made)
    met = read.design_.given([adult]).holds(made)
    assert np.array_equal(met, (made["age"] >= 21).to_numpy())
    with pytest.raises(
        UsageError, match=r"python\(any_rows\): expected one of the training: adult"
    ):
        read.design_.given([any_rows, adult])
    for wrong, told in (
        (lambda t: t["nought"], "KeyError"),
        (lambda t: [True], "one for each row"),
        (lambda t: t["age"], "of int64"),
    ):
        with pytest.raises(UsageError, match=told):
            TableTransform(constraints=[wrong]).fit(rows)


def test_what_can_be_written_is_read():
    rows = table().rename(columns={"zip": "make", "city": "model"})
    rows[["zip", "city", "rent", "price"]] = table()[["zip", "city", "phone", "email"]]
    for text in FORMS:
        fitted = TableTransform(constraints=[text], twins=False).fit(rows)
        assert fitted.design_.texts == (text,)
        assert fitted.design_.holds(rows).all()


@pytest.mark.parametrize(
    ("cells", "text", "met"),
    [
        (pd.Series([2**60, 2**60 + 1, 2**60 + 2] * 9), f"x <= {2**60 + 1}", [1, 1, 0]),
        (pd.Series([0.1, 0.2, 0.3] * 9, dtype="float32"), "x <= 0.1", [1, 0, 0]),
        (
            pd.to_datetime(pd.Series(["2024-01-01", "2024-01-02", "2024-01-03"] * 9))
            .dt.tz_localize("Europe/Berlin")
            .astype("timestamp[us, tz=Europe/Berlin][pyarrow]"),
            "x <= '2024-01-02'",
            [1, 1, 0],
        ),
    ],
)
def test_a_value_is_compared_as_the_columns_type_holds_it(cells, text, met):
    frame = pd.DataFrame({"x": cells, "y": range(27)})
    (found,) = parsed(text, TableTransform(public=True).fit(frame).columns_)
    assert found.holds(frame)[:3].tolist() == [bool(one) for one in met]


def test_an_offset_is_refused_where_the_column_has_no_zone():
    frame = pd.DataFrame({"x": pd.date_range("2024-01-01", periods=27), "y": range(27)})
    with pytest.raises(UsageError, match="or a value of 'x' such as 2024-01-01 00:00:00, rec"):
        TableTransform(public=True, constraints=["x >= '2023-01-01T00:00+01:00'"]).fit(frame)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ('"lo price" <= "hi price"', "'lo price' <= 'hi price'"),
        ("'hi price' > 'lo price'", "'lo price' < 'hi price'"),
        ("0 <= 'lo price' <= age", "0 <= 'lo price', 'lo price' <= age"),
    ],
)
def test_comparisons_are_told_with_names_that_hold_blanks_in_quotes(told, shown):
    low = np.arange(90) % 7
    rows = pd.DataFrame({"lo price": low, "hi price": low + 2, "age": low + 9})
    columns = TableTransform().fit(rows).columns_
    texts = [constraint.text for constraint in parsed(told, columns)]
    assert ", ".join(texts) == shown
    assert [constraint.text for text in texts for constraint in parsed(text, columns)] == texts
