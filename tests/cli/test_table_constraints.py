"""Constraints, whole rows and equal classes on the command line: what is said and refused."""

import pandas as pd
import pytest

from tests.cli.door import assert_refused, gantlet
from tests.cli.test_table_verbs import SMALL
from tests.tables.test_constraints import CITIES, table

TEXTS = 'data.constraints=["end >= start", "total = net + tax", "city by zip", "18 <= age < 90"]'


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders")
    table(300).drop(columns=["phone", "email"]).to_csv(folder / "orders.csv", index=False)
    words = ("train", folder / "orders.csv", "--samples", 256, "--out", folder / "run", *SMALL)
    answer = gantlet(*words, TEXTS)
    assert answer.code == 0
    assert "Constraint city by zip: met by construction." in answer.out
    return folder


def test_the_doctor_proposes_what_can_be_pasted(orders):
    answer = gantlet("doctor", orders / "orders.csv", *SMALL)
    assert "  total = net + tax  (in all 300 rows" in answer.out
    pasted = '\'data.constraints=["city by zip", "total = net + tax", "start <= end"]\''
    assert pasted in answer.out
    said = gantlet("doctor", orders / "orders.csv", *SMALL, pasted.strip("'"))
    assert said.code == 0
    assert "Constraints that all rows meet" not in said.out


def test_rows_of_a_bundle_meet_what_was_said(orders):
    answer = gantlet("sample", orders / "run", "-n", 200, "-o", "made.csv")
    assert answer.out.startswith("200 rows written to made.csv")
    made = pd.read_csv("made.csv", dtype={"zip": str})
    assert (made["end"] >= made["start"]).all()
    assert ((made["net"] + made["tax"] - made["total"]).abs() <= 0.0151).all()
    assert (made["zip"].map(CITIES) == made["city"]).all()


def test_they_are_evaluated_by_the_columns_that_the_table_has(orders):
    answer = gantlet("evaluate", orders / "run", "-n", 60)
    assert answer.code == 0
    assert "Told apart (random forest)" in answer.out
    assert "Copies of unique rows" in answer.out


def test_a_file_of_partial_rows_is_made_whole(orders):
    part = table(8, seed=4)[["end", "zip", "net"]]
    part.loc[[1, 5], "net"] = None
    part.to_csv("part.csv", index=False)
    answer = gantlet("sample", orders / "run", "--complete", "part.csv", "-o", "full.csv")
    assert answer.out == "8 rows of part.csv written to full.csv; cells that were filled: 42\n"
    full = pd.read_csv("full.csv", dtype={"zip": str})
    assert list(full) == list(pd.read_csv(orders / "orders.csv"))
    assert full.notna().all(axis=None)
    assert (full["zip"] == part["zip"]).all()
    assert (full["end"] == part["end"].dt.strftime("%Y-%m-%d")).all()
    assert (full["net"] == part["net"])[part["net"].notna()].all()
    assert (full["start"] <= full["end"]).all()


def test_samples_never_take_the_place_of_what_they_come_from(orders):
    data, part = orders / "orders.csv", orders / "part.csv"
    table(8, seed=4)[["zip", "net"]].to_csv(part, index=False)
    kept = data.read_bytes(), part.read_bytes()
    ways = (
        (("-n", 3, "-o", data), "the data that the run was trained on"),
        (("--complete", part, "-o", data), "the data that the run was trained on"),
        (("--complete", part, "-o", part), "the file that is read"),
    )
    for words, told in ways:
        assert_refused(gantlet("sample", orders / "run", *words), told, "with --out")
    assert (data.read_bytes(), part.read_bytes()) == kept


def test_categories_come_equally_often(orders):
    assert (
        gantlet("sample", orders / "run", "-n", 20, "--balance", "city", "-o", "e.csv").code == 0
    )
    assert sorted(pd.read_csv("e.csv")["city"].value_counts()) == [6, 7, 7]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("zip,nett\n10115,3\n", "part.csv: unknown column 'nett'"),
        ("zip,net\n10115,3\n99999,4\n", "part.csv, line 3, column 'zip'"),
        ("net,age\n3,40\n4,old\n", "part.csv, line 3, column 'age'"),
        (
            "start,end\n2020-05-05,2020-05-06\n2020-05-05,2020-05-04\n",
            "part.csv, line 3, columns 'start', 'end': expected cells that meet",
        ),
        ("zip,city\n10115,Berlin\n10115,Bonn\n", "line 3, columns 'city', 'zip'"),
    ],
)
def test_partial_rows_that_cannot_be_name_file_line_and_column(orders, text, told, workplace):
    (workplace / "part.csv").write_text(text)
    answer = gantlet("sample", orders / "run", "--complete", "part.csv", "-o", "full.csv")
    assert_refused(answer, told)
    assert not (workplace / "full.csv").exists()


def test_data_that_break_a_constraint_are_refused_with_their_lines(orders):
    rows = pd.read_csv(orders / "orders.csv")
    rows.loc[[4, 17], "total"] += 1
    rows.to_csv("broken.csv", index=False)
    answer = gantlet("train", "broken.csv", 'data.constraints=["total = net + tax"]', "--out", "r")
    assert_refused(
        answer, "broken.csv: constraint 'total = net + tax'", "2 that do not: lines 6, 19"
    )


def test_two_ways_of_asking_are_refused(orders):
    run = orders / "run"
    both = gantlet("sample", run, "--where", "city=Ulm", "--balance", "city")
    assert_refused(both, "--balance beside --where")
    assert_refused(
        gantlet("sample", run, "--complete", "a.csv", "-n", 3), "--number beside", "one away"
    )
    assert_refused(
        gantlet("sample", run, "--complete", "none.csv"), "none.csv: expected a file of a table"
    )
    assert_refused(gantlet("sample", run, "--balance", "net"), "a column of categories")


def test_images_have_no_categories_to_balance(run):
    assert_refused(gantlet("sample", run, "--balance", "x"), "of a run on a table")
    pd.DataFrame({"x": [1]}).to_csv("p.csv", index=False)
    assert_refused(
        gantlet("sample", run, "--complete", "p.csv", "-o", "f.csv"), "a run on a table"
    )
