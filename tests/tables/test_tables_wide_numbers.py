"""Whole numbers of 64 bits keep each digit, and those that need more are refused."""

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.files import read_table

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
