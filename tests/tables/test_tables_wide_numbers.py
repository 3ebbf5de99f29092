"""Whole numbers of 64 bits keep each digit, and those that need more are refused."""

import json
import sqlite3

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.csv_parts import in_parts
from gantlet.tables.csv_text import shape_of
from gantlet.tables.files import read_table
from gantlet.tables.json_lines import lines_in_parts
from gantlet.tables.sql import open_query

N = 300


def cells_back(values):
    """What comes back of a column that was fitted and written as numbers."""
    table = pd.DataFrame({"c": values, "x": np.arange(N) % 7 / 10})
    transform = TableTransform(public=["c"]).fit(table)
    assert transform.columns_[0].kind == "integer"
    return transform.inverse_transform(transform.transform(table))["c"]


@pytest.mark.parametrize("base", [10**18, -(10**18), 2**63 + 10**9])
def test_whole_numbers_among_python_objects_keep_each_digit(base):
    values = pd.Series([base + i % 100 for i in range(N)], dtype=object)
    assert list(cells_back(values)) == list(values)


def test_rows_beyond_63_bits_fit_a_column_that_begins_below_zero():
    ends = pd.DataFrame({"c": np.arange(N) % 90 - 50})
    fitted = TableTransform(public=["c"]).fit(ends)
    other = pd.DataFrame({"c": np.arange(N).astype(np.uint64) % 40})
    assert list(fitted.inverse_transform(fitted.transform(other))["c"]) == list(other["c"])


@pytest.mark.parametrize("base", [10**24, -(10**24), 2**64])
def test_whole_numbers_beyond_64_bits_are_refused_unless_they_are_said_to_be_words(base, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("b,x\n" + "".join(f"{base + i % 90},{i % 7 / 10}\n" for i in range(N)))
    table, _ = read_table(path)
    with pytest.raises(UsageError) as caught:
        TableTransform().fit(table)
    assert "'b', line 2" in str(caught.value)
    assert "data.columns.b=categorical" in str(caught.value)
    as_words = TableTransform(columns={"b": "categorical"}, public=["b"]).fit(table)
    assert list(as_words.inverse_transform(as_words.transform(table))["b"]) == list(table["b"])


def test_numbers_below_zero_beside_others_beyond_63_bits_are_refused():
    values = pd.Series([2**63 + i % 90 for i in range(N - 1)] + [-1], dtype=object)
    with pytest.raises(UsageError, match=f"to {2**63 - 1}"):
        TableTransform().fit(pd.DataFrame({"c": values}))


GAPS = [
    pytest.param([2**60 + 7 * i for i in range(60)] + [None], "Int64", id="63 bits"),
    pytest.param([-(2**60) - i for i in range(60)] + [None], "Int64", id="below zero"),
    pytest.param([2**63 + 7 * i for i in range(60)] + [None], "UInt64", id="64 bits"),
]


def as_read(values, form, folder):
    """The column `h` of these values, read from a file or a database."""
    if form == "sql":
        with sqlite3.connect(folder / "t.db") as database:
            database.execute("create table t (h integer, x real)")
            database.executemany("insert into t values (?, ?)", [(v, 0.5) for v in values])
        return open_query(f"sqlite:///{folder}/t.db", "select * from t", folder)["h"]
    path = folder / f"t.{form}"
    if form == "csv":
        rows = [f"{'' if v is None else v},0.5" for v in values]
        path.write_text("\n".join(["h,x", *rows]))
    elif form == "jsonl":
        path.write_text("\n".join(json.dumps({"h": v, "x": 0.5}) for v in values))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kind = pa.uint64() if max(filter(None, values)) >= 2**63 else pa.int64()
        pq.write_table(pa.table({"h": pa.array(values, kind)}), path)
        return ColumnFile(path, ".parquet")["h"]
    return read_table(path)[0]["h"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "sql"])
@pytest.mark.parametrize(("values", "dtype"), GAPS)
def test_whole_numbers_beside_missing_ones_keep_each_digit(values, dtype, form, tmp_path):
    if form == "sql" and dtype == "UInt64":
        pytest.skip("SQLite holds no whole numbers beyond 63 bits.")
    found = as_read(values, form, tmp_path)
    assert found.dtype == dtype
    assert found.dropna().tolist() == values[:-1]
    assert found.isna().tolist() == [False] * 60 + [True]


@pytest.mark.parametrize(
    "cells", [["1", "", "2"], [f"{2**60 + 1}", "", "0.5"], [f"{2**60}.0", ""], ["1e300", ""]]
)
def test_other_numbers_beside_missing_ones_are_floating_point_as_before(cells, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["h,x", *(f"{cell},0.5" for cell in cells)]))
    assert read_table(path)[0]["h"].dtype == "float64"


@pytest.mark.parametrize("gap", [0, 59])
def test_wide_numbers_of_a_long_file_with_a_gap_in_another_part_are_read_whole(gap, tmp_path):
    cells = [str(2**60 + i) for i in range(60)]
    cells[gap] = ""
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["h,x", *(f"{cell},0.5" for cell in cells)]))
    shape = shape_of(path, delimiter=None, header=None, encoding="utf-8")
    assert in_parts(path, shape, (), tmp_path / "p.parquet", rows=20) is None
    rows = [json.dumps({"h": int(cell) if cell else None}) for cell in cells]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    assert lines_in_parts(tmp_path / "t.jsonl", "utf-8", tmp_path / "q.parquet", rows=20) is None
