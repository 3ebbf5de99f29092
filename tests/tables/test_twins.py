"""Columns that say the same in other words: found where it is certain, stored as one."""

import numpy as np
import pandas as pd
import pytest

from gantlet.data import open_data
from gantlet.data.settings import DataSettings
from gantlet.rejection import is_constrained
from gantlet.tables import TableTransform
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.files import write_table

WORDS = np.array(["none", "school", "degree", "doctor"])


def people(n: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    level = draw.integers(0, 4, n)
    return pd.DataFrame(
        {
            "level": level + 1,
            "age": draw.integers(18, 90, n),
            "degree": WORDS[level],
            "is a doctor": np.where(level == 3, "yes", "no"),
            "town": draw.choice(["Ulm", "Bonn"], n),
        }
    )


def texts(table: pd.DataFrame, **wanted: object) -> tuple[str, ...]:
    return TableTransform(**wanted).fit(table).design_.texts


def test_one_to_one_is_stored_as_one_choice_and_comes_back():
    table = people()
    transform = TableTransform().fit(table)
    assert transform.design_.texts == ("level by degree",)  # a doctor or not follows one way only
    assert next(part.name for part in transform.parts_) == "level, degree"
    back = transform.inverse_transform(transform.transform(table))
    pd.testing.assert_frame_equal(back[["level", "degree"]], table[["level", "degree"]])
    told = TableTransform.from_json(transform.to_json())
    rows = np.random.default_rng(0).integers(0, 4, (200, len(transform.heads)))
    made = told.inverse_transform(rows.clip(0, [head.width - 1 for head in transform.heads]))
    assert (WORDS[made["level"] - 1] == made["degree"]).all()
    assert made["level"].nunique() == 4


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_a_file_that_is_read_by_columns_tells_the_same(suffix, tmp_path):
    write_table(people(5_000), tmp_path / f"t{suffix}")
    held = ColumnFile(tmp_path / f"t{suffix}", suffix)
    by_file, by_frame = TableTransform().fit(held), TableTransform().fit(people(5_000))
    assert by_file.design_.texts == ("level by degree",)
    assert np.array_equal(by_file.transform(held), by_frame.transform(people(5_000)))


def test_generated_rows_need_no_second_look():
    spec = open_data(people()).spec
    assert "constraints" in spec.table
    assert not is_constrained(spec)
    said = DataSettings(constraints=("18 <= age",))
    assert is_constrained(open_data(people(), settings=said).spec)


def test_one_exception_is_enough_for_none():
    table = people()
    table.loc[7, "degree"] = WORDS[table.loc[7, "level"] % 4]
    assert texts(table) == ()


def test_what_few_rows_have_is_not_joined():
    table = people()
    rare = table.index[table["level"] == 4][4:]
    assert texts(table.drop(rare)) == ()


def test_a_coincidence_is_not_joined():
    table = people()
    once = np.arange(len(table)) < 6  # odds of independent columns: 12 rows would break it
    table["a"], table["b"] = np.where(once, "x", "y"), np.where(once, 1, 0)
    assert texts(table) == ("level by degree",)


def test_missing_values_belong_to_it():
    table = people().astype({"level": "Int64"})
    table.loc[:19, ["level", "degree"]] = [pd.NA, None]
    assert texts(table) == ("level by degree",)
    table.loc[30, "degree"] = None
    assert texts(table) == ()


def test_three_columns_are_one():
    table = people()
    table["code"] = table["level"].map({1: "A", 2: "B", 3: "C", 4: "D"})
    assert texts(table) == ("level, degree by code",)


@pytest.mark.parametrize(
    "wanted",
    [
        {"twins": False},
        {"constraints": ["combination(level, town)"]},
        {"columns": {"level": "real"}},
    ],
)
def test_it_gives_way(wanted):
    assert "level by degree" not in texts(people(), **wanted)


def test_names_that_are_signs_are_left_alone():
    table = people().rename(columns={"level": "by", "degree": "a 'b' \"c\""})
    transform = TableTransform().fit(table)
    back = transform.inverse_transform(transform.transform(table))
    pd.testing.assert_frame_equal(back[["by"]], table[["by"]])
