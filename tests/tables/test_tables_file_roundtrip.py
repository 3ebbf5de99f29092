"""Tables of any kind go through files: columnar ones as they are, text as it says from then on."""

import pandas as pd
import pytest
from hypothesis import assume, given

from gantlet.tables.files import read_table, write_table
from tests.tables.columns import tables
from tests.tables.test_tables_roundtrip import QUICK


def through(table, path):
    """A table written and read, its rows numbered from 0; of the form its ending alone tells."""
    write_table(table, path)
    return read_table(path, header=True)[0].reset_index(drop=True)


def kept_by_columns(table, types, suffix):
    """A table of these types as far as files by columns keep them."""
    kept = table.copy()
    for name, dtype in types.items():
        if dtype.name == "object":  # they know no Python objects: only what is missing
            cells = table[name].astype(object)
            kept[name] = cells.where(cells.notna(), None)
        elif dtype == "datetime64[s]" and suffix == ".parquet":  # it knows no seconds
            kept[name] = table[name].astype("datetime64[ms]")
        elif dtype == "category" and not len(table):  # values come with the first rows
            kept[name] = pd.Categorical([], [], ordered=table[name].dtype.ordered)
    return kept


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@QUICK
@given(table=tables(most=30))
def test_columnar_files_give_the_table_itself(suffix, table, tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    back = through(table, path)
    found, wanted = (kept_by_columns(one, table.dtypes, suffix) for one in (back, table))
    pd.testing.assert_frame_equal(found, wanted)


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".jsonl"])
@QUICK
@given(table=tables(most=30))
def test_text_says_the_same_once_it_has_been_read(suffix, table, tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    names = list(table.columns)
    if "json" not in suffix:  # blanks around names are left away
        names = [name.strip() for name in names]
        assume(len(set(names)) == len(names))
    once = through(table, path)
    assert len(once) == len(table)
    if len(table) or "json" not in suffix:  # its names are those of its lines
        assert list(once.columns) == names
    pd.testing.assert_frame_equal(through(once, path), once)
