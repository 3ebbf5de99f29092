"""Faulty tables at the command line: one sentence that names file, line and column, and no run."""

import numpy as np
import pandas as pd
import pytest

from tests.cli.door import assert_refused, gantlet

_DRAW = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "age": _DRAW.integers(18, 90, 120),
        "town": _DRAW.choice(["Ulm", "Bonn"], 120),
        "cost": _DRAW.normal(5, 1, 120).round(2),
        "born": pd.date_range("1950-01-01", periods=120, freq="97D").strftime("%Y-%m-%d"),
    }
)
LINES = TABLE.to_csv(index=False).splitlines()
NOTES = "\n".join(["note,key", *(f"a note on {i} things of {i * i},K{i}" for i in range(99))])


def whole(line: str = LINES[59]) -> str:
    """The table, with another line 60."""
    return "\n".join([*LINES[:59], line, *LINES[60:]]) + "\n"


FAULTS = {
    "ragged": (whole("30,Ulm"), "t.csv, line 60: expected 4 cells", "received 2"),
    "open quote": (whole('30,"Ulm,3,1960-01-01'), "t.csv, line 60"),
    "foreign delimiter": (whole().replace(",", "#"), "t.csv", "say data.delimiter"),
    "encoding": (whole("30,Köln,3,1960-01-01").encode("latin-1"), "t.csv", "line 60", "latin-1"),
    "utf-16, no mark": (whole().encode("utf-16-le"), "t.csv, line 1", "data.encoding=utf-16-le"),
    "zero in a cell": (whole("30,U\0lm,3,1960-01-01"), "t.csv, line 60", "a character of zero"),
    "name twice": (whole().replace("age,town", "age,age"), "t.csv, line 1", "'age' for columns 1"),
    "no name": (whole().replace("age,town", "age,"), "t.csv, line 1", "none for column 2 of 4"),
    "mixed types": (whole("old,Ulm,3,1960-01-01"), "t.csv, line 60, column 'age'", "'old'"),
    "commas for points": (
        whole().replace(",", ";").replace(".", ","),
        "t.csv, line 2, column 'cost'",
        "numbers with a point and no other signs",
    ),
    "too large": (whole("30,Ulm,1e300,1960-01-01"), "column 'cost', line 60", "1e+300"),
    "no such date": (whole("30,Ulm,3,1960-13-41"), "column 'born', line 60", "'1960-13-41'"),
    "year 12000": (whole("30,Ulm,3,12000-12-31"), "column 'born', line 60", "'12000-12-31'"),
    "unique text alone": (NOTES, "t.csv", "note: free text", "key: identifier"),
    "no row": (LINES[0], "t.csv", "at least 2 rows, received 0"),
}
SETTINGS = {
    "delimiter": ("data.delimiter=;", "t.csv", "It looks like ','"),
    "a sign that is no YAML": ("data.encoding=,", "'data.encoding=\",\"'"),
    "impossible": ('data.constraints=["age > 200"]', "t.csv", "120 that do not: lines 2, 3"),
    "unknown column": ('data.constraints=["aeg > 20"]', "unknown column 'aeg'", "mean age?"),
    "unknown on the right": ('data.constraints=["20 < aeg"]', "unknown column 'aeg'"),
    "declared": ("data.columns.aeg=real", "t.csv", "unknown column 'aeg'", "mean age?"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_file_is_refused_by_line_and_column(name, workplace):
    content, *told = FAULTS[name]
    content = content if isinstance(content, bytes) else content.encode()
    (workplace / "t.csv").write_bytes(content)
    assert_refused(gantlet("train", "t.csv"), *told)
    assert [path.name for path in workplace.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_the_table_rules_out_are_refused(name, workplace):
    setting, *told = SETTINGS[name]
    (workplace / "t.csv").write_text(whole())
    assert_refused(gantlet("train", "t.csv", setting), *told)
    assert [path.name for path in workplace.iterdir()] == ["t.csv"]


def test_faults_of_a_database_are_refused(workplace):
    assert_refused(gantlet("train", "sqlite:///t.db", "data.query=select 1"), "no 't.db'")
    assert list(workplace.iterdir()) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    table = TABLE.assign(always="yes", cost=TABLE["cost"].where(TABLE.index > 5, np.inf))
    pd.concat([table] * 4).to_csv(folder / "t.csv", index=False)
    small = ("network.hidden=[16]", "network.latent=8", "network.embedding=4", "game.group=16")
    words = ("train.batch=32", "train.tick=256", "train.threads=1", "validation.samples=24")
    answer = gantlet(
        "train", folder / "t.csv", *small, *words, "--samples", 128, "--out", folder / "run"
    )
    assert answer.code == 0, answer.err
    return folder / "run"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sample", "--where", "aeg>3", "-o", "x.csv"), ("unknown column 'aeg'", "mean age?")),
        (("sample", "--where", "town=Rome", "-o", "x.csv"), ("column 'town' 'Rome'", "Bonn, Ulm")),
        (("evaluate", "--target", "always", "-n", 40), ("always",)),
        (("evaluate", "--target", "aeg", "-n", 40), ("aeg", "age")),
        (("evaluate", "--sensitive", "aeg", "-n", 40), ("aeg", "age")),
        (("evaluate", "--sensitive", "age", "--known", "cost, age", "-n", 40), ("age as both",)),
    ],
)
def test_what_a_run_cannot_do_is_refused(words, told, run, workplace):
    verb, *others = words
    assert_refused(gantlet(verb, run, *others), *told)
    assert list(workplace.iterdir()) == []
