"""Tables that need not fit in memory: columns one at a time give what the whole gives."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gantlet.data import DataSettings, open_data, tables
from gantlet.data.conditions import Conditions
from gantlet.data.dataset import content_hashes
from gantlet.errors import UsageError, unknown
from gantlet.planning import plan
from gantlet.tables import TableTransform, csv_parts
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.csv_parts import in_parts, separated
from gantlet.tables.csv_text import shape_of
from gantlet.tables.files import open_table, read_table, write_table
from gantlet.tables.json_lines import lines_in_parts, read_lines
from tests.tables_for import rows

N = 400


@pytest.fixture(scope="module")
def frame():
    made = rows(N).assign(id=[f"K{i:04d}" for i in range(N)])
    made["colour"] = made["colour"].astype("category")
    return made


def test_a_column_file_gives_the_columns_of_the_whole(frame, tmp_path):
    for form, write in ((".parquet", frame.to_parquet), (".feather", frame.to_feather)):
        path = tmp_path / f"t{form}"
        write(path)
        table, _ = open_table(path)
        assert isinstance(table, ColumnFile)
        assert (len(table), list(table.columns)) == (N, list(frame.columns))
        pd.testing.assert_frame_equal(table.whole(), frame)


def test_an_index_that_pandas_wrote_is_no_column(frame, tmp_path):
    frame.set_index("id").to_parquet(tmp_path / "t.parquet")
    table, _ = open_table(tmp_path / "t.parquet")
    assert "id" not in table.columns
    pd.testing.assert_series_equal(table["gain"], frame["gain"])


def test_columns_one_at_a_time_give_the_transform_and_the_codes_of_the_whole(frame, tmp_path):
    frame.to_parquet(tmp_path / "t.parquet")
    table, _ = open_table(tmp_path / "t.parquet")
    one, whole = TableTransform().fit(table), TableTransform().fit(frame)
    assert one.to_json() == whole.to_json()
    assert np.array_equal(one.transform(table), whole.transform(frame))


def test_a_map_on_the_disk_trains_as_an_array_in_memory(frame, tmp_path, monkeypatch):
    """Equal content, equal draws: the same run, wherever the codes live."""
    frame.to_parquet(tmp_path / "t.parquet")
    settings = DataSettings()
    held = open_data(tmp_path / "t.parquet", settings)
    monkeypatch.setattr(tables, "_RESIDENT", 0)
    monkeypatch.setattr("gantlet.data.conditions._RESIDENT", 0)
    mapped = open_data(tmp_path / "t.parquet", settings, cache=tmp_path / "cache")
    assert isinstance(mapped.raw, np.memmap)
    assert mapped.fingerprint == held.fingerprint
    some = np.arange(0, N, 3)
    drawn = [
        Conditions(data.spec.layout, data.raw, some).draw(0, "s", 0, 200)
        for data in (held, mapped)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*drawn, strict=True))
    # The map alone is kept: what it was made from, and orders without a name, are gone.
    assert len(list((tmp_path / "cache").iterdir())) == 1


COLUMNS = {
    "whole": range(60),
    "whole, one missing": [*range(59), None],
    "late fractions": [1] * 40 + [0.5] * 20,
    "late text": [7] * 40 + ["x"] * 20,
    "text like numbers": ["007"] * 40 + ["x"] * 20,
    "truth": [True, False] * 30,
    "truth, some missing": [True, False] * 20 + [None] * 20,
    "truth, then numbers": ["True"] * 40 + ["1"] * 20,
    "nothing": [None] * 60,
    "nothing, then text": [None] * 40 + ["x"] * 20,
    "infinite": [1.5] * 59 + ["inf"],
    "?": ["?"] * 30 + [1] * 30,
}


def test_text_in_parts_has_the_types_and_values_of_the_whole(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame({name: list(cells) for name, cells in COLUMNS.items()}).to_csv(path, index=False)
    shape = shape_of(path, delimiter=None, header=True, encoding="utf-8")
    with separated(path, shape, ("?",)) as whole:
        parted = in_parts(path, shape, ("?",), tmp_path / "p.parquet", rows=8)
    for name in whole:
        a, b = whole[name], parted[name]
        assert a.dtype == b.dtype, name
        assert a.isna().equals(b.isna()), name
        assert list(a.dropna()) == list(b.dropna()), name


@pytest.mark.parametrize("first", ["-1", "", "1"])
def test_numbers_of_which_only_the_whole_tells_the_type_are_read_whole(first, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + f"{first},x\n" * 20 + f"{2**63 + 5},x\n,x\n" * 10)
    shape = shape_of(path, delimiter=None, header=None, encoding="utf-8")
    assert in_parts(path, shape, (), tmp_path / "p.parquet", rows=20) is None


LINES = {
    "left out at first": [...] * 40 + [1] * 20,
    "left out at last": ["x"] * 40 + [...] * 20,
    "null": [None] * 60,
    "null or left out": [None] * 59 + [...],
    "null, then truth": [None] * 40 + [True, False] * 10,
    "null, then text": [None] * 40 + ["x"] * 20,
    "whole": range(60),
    "late fractions": [1] * 40 + [0.5] * 20,
    "truth": [True, False] * 30,
    "text": ["1", ""] * 30,
}
ONLY_WHOLE = {
    "numbers, then text": [1] * 40 + ["x"] * 20,
    "truth, then numbers": [True] * 40 + [1] * 20,
    "truth, then text": [True] * 40 + ["x"] * 20,
    "lists": [[1]] * 60,
    "beyond 64 bits": [1] * 59 + [2**70],
}


def written(columns, path, between="\n"):
    """Rows of JSON without the cells that are `...`."""
    cells = [
        {k: v for k, v in zip(columns, row, strict=True) if v is not ...}
        for row in zip(*columns.values(), strict=True)
    ]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(between.join(map(json.dumps, cells)))
    return path


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_lines_in_parts_have_the_types_and_values_of_the_whole(between, tmp_path):
    path = written(LINES, tmp_path / "t.jsonl.gz", between)
    whole = read_lines(path, "utf-8")
    parted = lines_in_parts(path, "utf-8", tmp_path / "p.parquet", rows=8)
    assert list(parted.columns) == list(whole.columns)
    assert (
        list(parted.index)
        == list(whole.index)
        == list(range(1, 61 * len(between), 1))[: 60 * len(between) : len(between)]
    )
    for name in whole:
        a, b = whole[name], parted[name]
        assert a.dtype == b.dtype, name
        assert a.isna().equals(b.isna()), name
        assert list(a.dropna()) == list(b.dropna()), name


@pytest.mark.parametrize("name", ONLY_WHOLE)
def test_lines_of_which_only_the_whole_has_a_type_are_read_whole(name, tmp_path):
    path = written({"a": range(60), "b": ONLY_WHOLE[name]}, tmp_path / "t.jsonl.gz")
    assert lines_in_parts(path, "utf-8", tmp_path / "p.parquet", rows=8) is None


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl", "t.jsonl.gz"])
def test_a_long_file_of_text_is_the_same_data(name, frame, tmp_path, monkeypatch):
    path = tmp_path / name
    write_table(frame, path)
    whole = open_data(path, cache=tmp_path / "cache")
    monkeypatch.setattr(csv_parts, "_LARGE", 0)
    parted = open_data(path, cache=tmp_path / "cache")
    assert parted.fingerprint == whole.fingerprint
    assert parted.notes == whole.notes
    assert list((tmp_path / "cache").iterdir()) == []


def test_errors_in_parts_name_the_line(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_parts, "_LARGE", 0)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n" * 30 + "oops,x\n")
    with pytest.raises(UsageError, match=r"t\.csv, line 62, column 'a'"):
        open_data(path, cache=tmp_path / "cache")
    path.write_text("a,b\n" + "1,x\n2,y\n" * 30 + "1e300,x\n")
    with pytest.raises(UsageError, match=r"t\.csv: column 'a', line 62"):
        open_data(path, cache=tmp_path / "cache")


def test_a_damaged_file_is_refused(frame, tmp_path):
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    content = path.read_bytes()
    for bad in (content[: len(content) // 2], content[:8] + b"\x00" * 400 + content[408:]):
        path.write_bytes(bad)
        with pytest.raises(UsageError, match="parquet file that is whole"):
            read_table(path)


def test_minus_zero_is_zero():
    """Equal cells have equal codes, of whichever sign their zero is: copies stay copies."""
    x = np.random.default_rng(0).normal(size=N).round(1)
    plus, minus = np.where(x == 0, 0.0, x), np.where(x == 0, -0.0, x)
    transform = TableTransform().fit(pd.DataFrame({"x": plus}))
    made = [transform.transform(pd.DataFrame({"x": cells})) for cells in (plus, minus)]
    assert made[0].tobytes() == made[1].tobytes()


def test_samples_that_differ_in_the_sign_of_a_zero_are_copies():
    x = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0]], np.float32)
    first, second, third = content_hashes(x)
    assert first == second != third


@pytest.mark.parametrize("large", [2**28, 0])
def test_errors_about_json_name_the_line(large, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_parts, "_LARGE", large)
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n\n' * 20 + '{"a": 1e300}\n')
    with pytest.raises(UsageError, match=r"t\.jsonl: column 'a', line 41"):
        open_data(path, cache=tmp_path / "cache")
    path.write_text('{"a": 1}\n\n' * 20 + '{"a": 1\n')
    with pytest.raises(UsageError, match=r"t\.jsonl, line 41: expected an object"):
        open_data(path, cache=tmp_path / "cache")


def test_a_size_is_refused_before_the_table_is_read(tmp_path):
    """A faulty table: were it opened, another error would be told."""
    (tmp_path / "t.csv").write_text("a,a\n1\n")
    for data in (tmp_path / "t.csv", "sqlite:///nowhere.db", pd.DataFrame({"a": [1]})):
        with pytest.raises(UsageError, match="size s of network table"):
            plan(data, size="s")


def test_of_many_names_an_error_shows_the_nearest():
    names = [f"town={i:05d}" for i in range(5_000)]
    told = str(unknown("label", "town=01230x", names))
    assert "one of 5,000 names, such as " in told
    assert "Did you mean town=01230 or" in told
    assert len(told) < 400
    assert "one of a, b" in str(unknown("label", "x", ["b", "a"]))


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_types_that_pandas_cannot_make_of_their_names_are_those_of_arrow(suffix, tmp_path):
    words = pa.chunked_array([pa.array(["a", None, "b"] * 20).dictionary_encode()])
    cells = pd.Series(pd.arrays.ArrowExtensionArray(words))
    table = pd.DataFrame({"c": cells, "d": pd.Timestamp(0, tz="Europe/Berlin"), "x": range(60)})
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        table.set_index(pd.Index(range(3, 63), name="key")).to_parquet(path)
    else:
        table.to_feather(path)
    file = ColumnFile(path, suffix)
    assert list(file.columns) == ["c", "d", "x"]
    assert file["c"].astype(object).where(cells.notna(), None).tolist() == ["a", None, "b"] * 20
    assert file["d"].dtype == table["d"].dtype
    assert next(file.parts(["x", "c"], rows=7))["c"].dropna().tolist()[:2] == ["a", "b"]
    assert TableTransform().fit(file).columns_[0].kind == "categorical"
