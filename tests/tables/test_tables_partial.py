"""Given cells of rows, read as their columns have them, and the first fault by its place."""

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.partial import partial_rows

N = 200
HOURS = pd.Series(pd.date_range("2024-01-01", periods=N, freq="37h"))
DAYS = pd.Series(pd.date_range("2024-01-01", periods=N, freq="1D").date)
BERLIN = HOURS.dt.tz_localize("Europe/Berlin")
TABLE = pd.DataFrame(
    {
        "i8": pd.Series(np.arange(N) % 100, dtype="int8"),
        "u8": pd.Series(np.arange(N) % 100, dtype="UInt8"),
        "i64": pd.Series([2**63 - 150 + i % 100 for i in range(N)], dtype="int64"),
        "plain": HOURS,
        "zoned": BERLIN,
        "zoned arrow": BERLIN.astype("timestamp[us, tz=Europe/Berlin][pyarrow]"),
        "day": DAYS,
        "day arrow": DAYS.astype("date32[day][pyarrow]"),
    }
)


@pytest.fixture(scope="module")
def fitted():
    return TableTransform(public=True).fit(TABLE)


def given(column, cells, fitted):
    table = pd.DataFrame({column: cells})
    return partial_rows(table, fitted, fitted.design_, "rows").table[column]


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("i8", 130, "row 1, column 'i8': expected a number that int8 can hold, received 130"),
        ("u8", -5, "expected a number that uint8 can hold, received -5"),
        ("i64", 2.0**63, "expected a number that int64 can hold"),
        (
            "plain",
            "2024-03-01 10:00+01:00",
            r"a value such as 2024-01-01 00:00:00, received '2024-",
        ),
        ("day", "2024-03-01 10:00Z", r"a value such as 2024-01-01, received"),
        ("zoned", "2024-03-31 02:30", r"offset where Europe/Berlin has no such time, or two, rec"),
        ("zoned", "2024-10-27 02:30", r"offset where Europe/Berlin has no such time, or two, rec"),
        ("zoned arrow", "2024-10-27 02:30", r"offset where Europe/Berlin has no such time, or"),
    ],
)
def test_cells_that_the_type_or_the_zone_cannot_hold_are_faults(column, cell, told, fitted):
    with pytest.raises(UsageError, match=told):
        given(column, [None, cell], fitted)


@pytest.mark.parametrize("column", ["zoned", "zoned arrow"])
def test_times_of_a_zone_come_with_any_offset_or_with_none(column, fitted):
    cells = ["2024-03-01 10:00+01:00", "2024-06-01 10:00+02:00", "2024-06-01T08:00Z"]
    cells += ["2024-06-01 10:00", None, "2024-10-27 02:30+02:00", "2024-10-27 02:30+01:00"]
    read = given(column, cells, fitted)
    assert read.dtype == TABLE[column].dtype
    utc = [time if pd.isna(time) else time.tz_convert("UTC").isoformat()[5:16] for time in read]
    assert utc[:4] == ["03-01T09:00", "06-01T08:00", "06-01T08:00", "06-01T08:00"]
    assert pd.isna(utc[4])
    assert utc[5:] == ["10-27T00:30", "10-27T01:30"]


@pytest.mark.parametrize("column", ["day", "day arrow", "zoned", "zoned arrow", "plain"])
def test_what_is_made_can_be_given_again_also_beside_empty_cells(column, fitted):
    cells = TABLE[column].astype(str).astype(object)
    cells[3] = None
    read = given(column, cells, fitted)
    held = read.drop(3).reset_index(drop=True)
    pd.testing.assert_series_equal(held, TABLE[column].drop(3).reset_index(drop=True))
    place = next(c for c in fitted.columns_ if c.name == column)
    assert np.isfinite(place.encode(read)).all()


def test_days_of_arrow_beyond_the_years_of_nanoseconds_come_back():
    days = pd.Series(["0001-01-02", "9999-12-30"] * 9).astype("date32[day][pyarrow]")
    days[4] = None
    transform = TableTransform(public=True).fit(pd.DataFrame({"d": days}))
    column = transform.columns_[0]
    assert column.ends().astype(str).tolist() == ["0001-01-02", "9999-12-30"]
    pd.testing.assert_series_equal(column.decode(column.encode(days), 0), days, check_names=False)
