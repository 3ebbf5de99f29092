"""Tables in files: what is read is what was written, and faults are told with their line."""

import gzip
import json
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.tables.csv_parts import in_parts
from gantlet.tables.csv_text import shape_of
from gantlet.tables.files import SUFFIXES, form_of, read_table, write_table

ROWS = [[i % 7, "ab"[i % 2], i / 2] for i in range(60)]
TABLE = pd.DataFrame(ROWS, columns=["x", "y", "z"])
TEXT = TABLE.to_csv(index=False)


@pytest.fixture
def written(tmp_path):
    def write(content, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".csv.gz", ".jsonl.gz"])
def test_what_was_written_is_read(suffix, tmp_path):
    path = tmp_path / f"t{suffix}"
    write_table(TABLE, path)
    table, notes = read_table(path)
    pd.testing.assert_frame_equal(table.reset_index(drop=True), TABLE)
    assert notes == ()
    assert form_of(path) is not None


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_columnar_files_keep_types_and_are_told_by_content(suffix, tmp_path):
    rich = TABLE.assign(
        c=pd.Categorical(TABLE["y"]),
        d=pd.Timestamp("2024-01-01", tz="Europe/Berlin"),
        n=pd.array([None, 1, 2] * 20, dtype="Int64"),
    )
    write_table(rich, tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").rename(tmp_path / "t")
    table, _ = read_table(tmp_path / "t")
    assert table.dtypes.equals(rich.dtypes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_marks_are_found(delimiter, encoding, written):
    path = written(TEXT.replace(",", delimiter), encoding=encoding)
    pd.testing.assert_frame_equal(read_table(path)[0].reset_index(drop=True), TABLE)


def test_zeros_in_front_of_numbers_are_told_and_kept_where_they_are_said_to_be_words(
    written, tmp_path
):
    path = written("zip,x\n" + "01067,1\n89073,2\n,3\n" * 30)
    table, notes = read_table(path)
    assert (table["zip"].dropna() == np.resize([1067, 89073], 60)).all()
    assert notes == (
        "Zeros in front of numbers are left away: zip (data.columns.zip=categorical keeps them).",
    )
    said = {"zip": "categorical"}
    kept, silent = read_table(path, columns=said)
    assert kept["zip"].dropna().tolist() == ["01067", "89073"] * 30
    assert silent == ()
    parts = in_parts(
        path,
        shape_of(path, delimiter=None, header=None, encoding="utf-8"),
        (),
        tmp_path / "p.parquet",
        rows=7,
        texts=["zip"],
    )
    pd.testing.assert_series_equal(
        parts["zip"].reset_index(drop=True), kept["zip"].reset_index(drop=True)
    )


@pytest.mark.parametrize("cell", ["3,5", "1,234,567", "-1.234,5"])
def test_numbers_with_commas_are_refused_unless_they_are_said_to_be_words(cell, written):
    path = written("x;y\n" + f"1;7\n2;{cell}\n" * 30)
    with pytest.raises(UsageError, match=rf"line 3, column 'y'.*with a point.*'{cell}'.*30 rows"):
        read_table(path)
    assert cell in set(read_table(path, columns={"y": "categorical"})[0]["y"])
    for other in ("3,x", "1,2,3", "48.13,11.58"):
        table, _ = read_table(written("x;y\n" + f"1;3,5\n2;{other}\n" * 30))
        assert set(table["y"]) == {"3,5", other}


def test_dates_and_fractions_have_no_zeros_to_lose(written):
    assert (
        read_table(written("0,day,y\n" + "0.5,01/02/2024,0\n-0.5,02/03/2024,10\n" * 30))[1] == ()
    )


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_what_ends_lines_or_cells_elsewhere_is_kept(suffix, tmp_path):
    """A return within text; in a table of one column, what others separate cells by."""
    path = tmp_path / f"t{suffix}"
    for table in (
        TABLE.assign(y=["a\rb", "c"] * 30),
        TABLE.rename(columns={"y": "y\rz"}),
        pd.DataFrame({"t": ["a;b", "c;d", "e,f"]}),
        *(pd.DataFrame({sign: [-84, 3]}) for sign in ",;|"),
    ):
        write_table(table, path)
        back = read_table(path, header=True)[0].reset_index(drop=True)
        pd.testing.assert_frame_equal(back, table)


def test_an_ending_tells_the_delimiter_where_several_would_do(written):
    text = "a\tb,c\n" + "1\t2,x\n" * 9
    assert list(read_table(written(text, "t.tsv"))[0]) == ["a", "b,c"]
    assert list(read_table(written(text, "t.csv"))[0]) == ["a\tb", "c"]
    assert list(read_table(written(",\n1\n2\n3\n", "t.tsv"), header=True)[0]) == [","]
    pd.testing.assert_frame_equal(
        read_table(written(TEXT, "t.tsv"))[0].reset_index(drop=True), TABLE
    )
    with pytest.raises(UsageError, match=r"data.delimiter='\\t'.*It looks like ','"):
        read_table(written(TEXT, "t.tsv"), delimiter="\t")


@pytest.mark.parametrize("mark", ["", "NA", "?"])
def test_whole_numbers_of_64_bits_may_be_missing(mark, written):
    text = f"n,m\n1,1\n{mark},2\n{2**64 - 1},3\n{2**53 + 1},4\n"
    table, _ = read_table(written(text), missing=["?"])
    assert table["n"].tolist() == [1, pd.NA, 2**64 - 1, 2**53 + 1]
    words = text.replace(f"{2**53 + 1}", "none of them")
    with pytest.raises(UsageError, match=r"column 'n': expected a number, as in 2 other rows"):
        read_table(written(words))


def test_quotes_spaces_and_crlf_are_read(written):
    path = written('a, b\r\n"1,5", x\r\n"say ""hi""\nthere", y\r\n')
    table, _ = read_table(path)
    assert table["a"].tolist() == ["1,5", 'say "hi"\nthere']
    assert table["b"].tolist() == ["x", "y"]


def test_a_first_line_of_values_is_no_header(written):
    table, notes = read_table(written(TEXT.partition("\n")[2]))
    assert list(table) == ["column_1", "column_2", "column_3"]
    assert len(table) == 60
    assert "data.header=true" in notes[0]
    years = "country,1990,1991\n" + "".join(f"{'AB'[i % 2]},{i},{i}\n" for i in range(9))
    assert list(read_table(written(years))[0]) == ["country", "1990", "1991"]
    assert len(read_table(written("a,b\nc,d\n"), header=False)[0]) == 2


def test_marks_of_missing_values_can_be_told(written):
    path = written(TEXT.replace("1,b,0.5", "?,b,0.5"))
    with pytest.raises(
        UsageError, match=r"line 3, column 'x'.*a number, as in 59 other rows.*'\?'"
    ):
        read_table(path)
    table, _ = read_table(path, missing=["?"])
    assert table["x"].isna().sum() == 1
    assert read_table(path, columns={"x": "categorical"})[0]["x"].iloc[1] == "?"


CUT = "1,2\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", r"expected rows of values, received an empty file"),
        (TEXT + CUT, r"line 62: expected 3 cells, as in the first line, received 2"),
        (TEXT + "1,b,2,3\n" + TEXT, r"line 62: expected 3 cells.*received 4.*data.delimiter"),
        (TEXT + '1,"b,2\n', r"line 62: expected 3 cells.*received 2.*quotes"),
        (TEXT.replace("x,y", "x,x"), r"line 1.*'x' for columns 1 and 2"),
        (TEXT.replace("x,y", ",y"), r"line 1.*none for column 1 of 3.*index=False"),
        ((TEXT + "1,é,2\n").encode("latin-1"), r"text in utf-8.*line 62.*data.encoding=latin-1"),
        ('a,b\n1,"u\nv"\n2,"w\n3,x\n', r"row 3 of the file: expected quotes in pairs"),
    ],
)
def test_faults_of_separated_values_name_the_line(content, told, written):
    with pytest.raises(UsageError, match=rf"t\.csv.*({told})"):
        read_table(written(content))


def test_an_encoding_that_is_told_is_used(written):
    path = written((TEXT + "1,é,2\n").encode("latin-1"))
    assert read_table(path, encoding="latin-1")[0]["y"].iloc[-1] == "é"
    with pytest.raises(UsageError, match=r"data\.encoding: expected an encoding"):
        read_table(path, encoding="klingon")


def test_a_delimiter_that_is_nowhere_is_refused(written):
    with pytest.raises(UsageError, match=r"data.delimiter=';'.*It looks like ','"):
        read_table(written(TEXT), delimiter=";")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.jsonl", '{"a": 1}\n{"a":\n', r"t\.jsonl, line 2: expected an object of JSON"),
        ("t.jsonl", "[1]\n", r"line 1.*received list"),
        ("t.parquet", b"PAR1 torn", r"a parquet file that is whole"),
        ("t.feather", b"ARROW1 torn", r"a feather file that is whole"),
        ("t.csv.gz", gzip.compress(TEXT.encode())[:-9], r"a whole gzip file"),
    ],
)
def test_damaged_files_are_told(name, content, told, written):
    with pytest.raises(UsageError, match=told):
        read_table(written(content, name))


NEAR = float(np.nextafter(0.1, 1))
DIGITS = [
    pytest.param([1e-12, NEAR, 1e300, -0.0], "float64", [1e-12, NEAR, 1e300, -0.0], id="real"),
    pytest.param([0.1, np.inf, None], "float64", [0.1, None, None], id="no number"),
    pytest.param([0.1, 1e-12, None], "float32", [0.1, 1e-12, None], id="narrow"),
    pytest.param([0.1, 16777216], "Float32", [0.1, 16777216.0], id="narrow, of pandas"),
    pytest.param([2**63 - 1, None], "Int64", [2**63 - 1, None], id="whole"),
    pytest.param([True, None], "boolean", [True, None], id="truth"),
    pytest.param([True, None], "object", [True, None], id="truth as objects"),
    pytest.param(['ß/"%s\n', None], "str", ['ß/"%s\n', None], id="text"),
    pytest.param(["b", None, "a"], "category", ["b", None, "a"], id="category"),
    pytest.param(["2024-01-01 00:00:00.000001"], "datetime64[us]", ["2024-01-01T00:00:00.000001"]),
    pytest.param(["2024-01-01", None], "datetime64[s]", ["2024-01-01T00:00:00", None]),
    pytest.param(
        ["2024-07-01 00:00:00.123456789"],
        "datetime64[ns, Europe/Berlin]",
        ["2024-06-30T22:00:00.123456789Z"],
    ),
    pytest.param([1.5, None], "timedelta64[ns]", ["P0DT0H0M0.000000001S", None]),
    pytest.param([10**12], "timedelta64[s]", ["P11574074DT1H46M40S"], id="long"),
    pytest.param([10**6], "duration[us][pyarrow]", ["P0DT0H0M1S"], id="duration of Arrow"),
    pytest.param([date(2024, 2, 29)], "object", ["2024-02-29"]),
    pytest.param([0.1, None], "double[pyarrow]", [0.1, None], id="real, of Arrow"),
]


@pytest.mark.parametrize(("values", "dtype", "told"), DIGITS)
def test_json_lines_tell_all_digits_and_times_in_their_unit(values, dtype, told, tmp_path):
    path = tmp_path / "t.jsonl"
    write_table(pd.DataFrame({"a %s": pd.Series(values, dtype=dtype), "n": 1}), path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert rows == [{"a %s": value, "n": 1} for value in told]


def test_json_lines_may_lack_keys(written):
    lines = "\n".join(json.dumps({"a": i} if i % 2 else {"a": i, "b": "x"}) for i in range(6))
    table, _ = read_table(written(lines, "t.ndjson"))
    assert table["b"].isna().tolist() == [False, True] * 3


def test_a_missing_package_names_the_extra(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        UsageError, match=r"extra `table`, received no pyarrow.*'gantlet\[table\]'"
    ):
        read_table(written(TEXT))


def test_other_endings_are_no_tables(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.csv"):
        write_table(TABLE, tmp_path / "t.xls")
    np.save(tmp_path / "t.npy", np.zeros(3))
    assert form_of(tmp_path / "t.npy") is None
    assert form_of(tmp_path) is None
