"""Tables come back: types, missing cells, values, for anything that Hypothesis makes up."""

import json

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings

from gantlet.tables import TableTransform
from tests.tables.columns import tables

QUICK = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # making a table smaller takes minutes
    suppress_health_check=list(HealthCheck),
)


def there_and_back(table, **wanted):
    """A table fitted, transformed, written as JSON, read again, and inverted."""
    fitted = TableTransform(**wanted).fit(table)
    read = TableTransform.from_json(json.loads(json.dumps(fitted.to_json())))
    return fitted, read.inverse_transform(fitted.transform(table))


def check_numbers(before, after):
    """Equal up to the precision of float32 in the column's range; infinities are kept."""
    a, b = (c.to_numpy(np.float64, na_value=np.nan) for c in (before, after))
    finite = np.isfinite(a)
    assert np.array_equal(a[~finite & ~np.isnan(a)], b[~finite & ~np.isnan(a)])
    if finite.any():
        reach = np.ptp(a[finite])
        assert np.abs(a[finite] - b[finite]).max() <= 1e-5 * reach


def check_times(before, after):
    """Equal up to the precision of float32 in the column's range."""
    a, b = (pd.Series(c.dropna().to_numpy()) for c in (before, after))
    if a.dtype == object or str(a.dtype).startswith(("str", "string")):
        a, b = (pd.to_datetime(c.astype(str), format="%Y-%m-%d") for c in (a, b))
    if len(a):
        ticks, found = (c.astype("int64").map(int).to_list() for c in (a, b))
        reach = max(ticks) - min(ticks)
        assert max(abs(t - f) for t, f in zip(ticks, found, strict=True)) <= 1e-5 * reach


@QUICK
@given(tables())
def test_public_tables_come_back(table):
    fitted, back = there_and_back(table, public=True)
    assert list(back.columns) == list(table.columns)
    assert len(back) == len(table)
    for column in fitted.columns_:
        before, after = table[column.name], back[column.name]
        assert after.dtype == before.dtype, column.kind
        assert (after.isna() == before.isna()).all(), column.kind
        if column.kind in ("integer", "real"):
            check_numbers(before, after)
        elif column.kind in ("datetime", "duration"):
            check_times(before, after)
        elif column.kind not in ("identifier", "text"):
            assert (after.dropna() == before.dropna()).all(), column.kind


@QUICK
@given(tables(most=30))
def test_any_table_keeps_its_types_and_names(table):
    _, back = there_and_back(table)
    assert list(back.columns) == list(table.columns)
    assert len(back) == len(table)
    for name in table:
        before, after = table[name].dtype, back[name].dtype
        if before.name == "category":
            assert after.name == "category"
            assert after.ordered == before.ordered
        else:
            assert after == before


@QUICK
@given(tables(most=30))
def test_equal_rows_become_equal_numbers(table):
    fitted = TableTransform().fit(table)
    twice = pd.concat([table, table.iloc[::-1]], ignore_index=True).astype(table.dtypes)
    rows = fitted.transform(twice)
    assert np.array_equal(rows[: len(table)], rows[len(table) :][::-1])
    assert rows.dtype == np.float32
    assert rows.shape == (2 * len(table), len(fitted.get_feature_names_out()))
    assert np.isfinite(rows).all()
