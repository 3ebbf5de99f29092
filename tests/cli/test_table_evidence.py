"""`gantlet evaluate` and `compare` on a table: numbers, report, held-out files, refusals."""

import json
from html import unescape

import numpy as np
import pandas as pd
import pytest

import gantlet as package
from gantlet.errors import UsageError
from tests.cli.door import assert_refused, gantlet
from tests.tables_for import rows

SMALL = (
    *("network.hidden=[16]", "network.latent=8", "network.embedding=4", "game.group=16"),
    *("train.batch=32", "train.tick=256", "train.threads=1", "validation.samples=24"),
)


def table(n: int) -> pd.DataFrame:
    """Columns that are learned, and four that are not."""
    made = rows(n)
    made["weight"] = np.random.default_rng(1).normal(70, 12, n).round(1)
    made["note"] = [f"row {i} of a person that is number {i}" for i in range(n)]
    made["id"] = [f"K{i:04d}" for i in range(n)]
    made["always"], made["never"] = "yes", np.nan
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs that differ in a setting, one that sets nothing aside, and files beside them."""
    folder = tmp_path_factory.mktemp("evidence")
    whole = table(700)
    whole.iloc[:500].to_parquet(folder / "people.parquet")
    whole.iloc[500:].to_parquet(folder / "held.parquet")
    others = {"run": (), "other": ("train.seed=1", "game.group=32"), "bare": ("data.held_out=0",)}
    for name, more in others.items():
        words = ("train", folder / "people.parquet", "--samples", 256, "--out", folder / name)
        assert gantlet(*words, *SMALL, *more).code == 0
    return folder


@pytest.fixture(scope="module")
def evaluated(folder):
    answer = gantlet("evaluate", folder / "run", "-n", 200)
    assert answer.code == 0, answer.err
    return answer


def test_numbers_with_floors_are_shown_and_kept(folder, evaluated):
    for words in ("Does it look real?", "Column pair trends", "Rows that are new", "verdict"):
        assert words in evaluated.out
    kept = json.loads((folder / "run" / "evidence.json").read_text())
    names = {number["name"] for number in kept["numbers"]}
    assert {"quality", "shapes", "worst_shape", "trends", "worst_trend", "boundaries"} <= names
    assert {"categories", "missing", "rarest_category", "new_rows", "duplicates"} <= names
    assert all(number["floor"] is not None for number in kept["numbers"])
    learned = ["age", "gain", "colour", "member", "born", "weight"]
    assert [row["name"] for row in kept["columns"]] == learned
    assert len(kept["trends"]) == 15
    assert kept["columns"][3]["missing"] == pytest.approx(0.1, abs=0.1)
    (note,) = [note for note in kept["notes"] if "take no part" in note]
    for silent in ("note (text)", "id (identifier)", "always (constant)", "never (missing)"):
        assert silent in note


def test_the_report_shows_columns_and_no_real_row(folder, evaluated):
    page = unescape((folder / "run" / "report.html").read_text())
    kept = json.loads((folder / "run" / "evidence.json").read_text())
    assert kept["verdict"] in page
    for words in ("age <small>integer", "Pairs of columns", "Difference", "Generated rows"):
        assert words in page
    for secret in ("of a person", "K0123"):
        assert secret not in page
    assert "SDMetrics" in gantlet("cite", folder / "run").out


def test_json_is_what_is_kept_and_the_same_again(folder, evaluated):
    kept = json.loads((folder / "run" / "evidence.json").read_text())
    again = json.loads(gantlet("evaluate", folder / "run", "-n", 200, "--json").out)
    assert [found.pop("about")["data"] for found in (kept, again)] == ["people", "people"]
    assert kept == again


def test_an_attack_on_chosen_columns_is_told_in_the_evidence_and_the_report(folder):
    words = ("--sensitive", "colour,member", "--known", "age, gain")
    answer = gantlet("evaluate", folder / "other", "-n", 60, *words)
    assert answer.code == 0, answer.err
    told = "those of colour, member, by an attacker who knows age, gain of a row"
    assert told in " ".join(answer.out.split())
    assert told in unescape((folder / "other" / "report.html").read_text())


def test_held_out_rows_are_compared_with_in_any_order_of_columns(folder, tmp_path):
    held = pd.read_parquet(folder / "held.parquet")
    held[held.columns[::-1]].to_parquet(tmp_path / "held.parquet")
    table = pd.read_parquet(folder / "people.parquet")
    found = [
        package.evaluate(folder / "other", tmp_path / "held.parquet", n=60).evidence,
        package.evaluate(folder / "other", held, n=60, train=table).evidence,
    ]
    assert found[0].numbers == found[1].numbers
    assert {number.n_real for number in found[0].numbers} >= {100}
    assert found[0].about["reference"] == f"half of {tmp_path / 'held.parquet'}"


def test_held_out_rows_are_halved_where_none_were_set_aside(folder):
    answer = gantlet("evaluate", folder / "bare", "--data", folder / "held.parquet", "-n", 60)
    assert answer.code == 0, answer.err
    kept = json.loads((folder / "bare" / "evidence.json").read_text())
    names = {number["name"]: number for number in kept["numbers"]}
    assert {"copies", "distance_ratio", "guessed"} <= set(names)
    assert all(number["floor"] is not None for number in names.values())
    assert names["quality"]["n_real"] == 100
    assert kept["about"]["reference"] == f"half of {folder / 'held.parquet'}"
    assert "not tested" not in answer.out
    assert gantlet("evaluate", folder / "other", "--data", folder / "held.parquet").code == 0
    assert gantlet("evaluate", folder / "bare", "--data", folder / "held.parquet").code == 0
    assert gantlet("compare", folder / "bare", folder / "other").code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="gain"), ["expected the 10 columns", "no column 'gain'"]),
        (lambda t: t.assign(wage=1.0), ["a column 'wage' that it has not"]),
        (lambda t: t.assign(age="old"), ["column 'age'", "expected numbers", "'old'"]),
        (lambda t: t.assign(born=7), ["column 'born'", "expected dates or times"]),
        (lambda t: t.head(20), ["real samples to compare with", "at least 40", "20"]),
        (lambda _: table(700).head(500), ["expected samples that the run was not trained on"]),
    ],
)
def test_held_out_rows_that_do_not_fit_are_one_error(folder, tmp_path, change, words):
    change(pd.read_parquet(folder / "held.parquet")).to_parquet(tmp_path / "odd.parquet")
    answer = gantlet("evaluate", folder / "run", "--data", tmp_path / "odd.parquet", "-n", 60)
    assert_refused(answer, *words)


def test_what_cannot_be_used_is_one_error(folder, tmp_path):
    run = folder / "run"
    assert_refused(gantlet("evaluate", run, "--extractor", "pixels"), "none for rows of a table")
    assert_refused(gantlet("evaluate", run, "-n", 5), "at least 40")
    assert_refused(gantlet("evaluate", run, "--data", tmp_path / "no.csv"), "no.csv")
    assert_refused(gantlet("evaluate", run, "--data", folder), "a file of a table")
    with pytest.raises(UsageError, match="the URL of a database or a pandas DataFrame"):
        package.evaluate(run, np.zeros((50, 3)))


def test_a_table_that_moved_or_changed_is_asked_for(folder, tmp_path):
    there, moved = folder / "people.parquet", tmp_path / "moved.parquet"
    there.rename(moved)
    try:
        assert_refused(gantlet("evaluate", folder / "run"), "cannot be opened", "--train DATA")
        answer = gantlet("evaluate", folder / "run", "-n", 60, "--train", moved)
        assert answer.code == 0, answer.err
    finally:
        moved.rename(there)
    changed = pd.read_parquet(there)
    changed.loc[3, "age"] += 1
    changed.to_parquet(tmp_path / "changed.parquet")
    answer = gantlet("evaluate", folder / "run", "--train", tmp_path / "changed.parquet")
    assert_refused(answer, "as they were when it began", "--train DATA")


def test_runs_on_tables_are_compared(folder, evaluated):
    for name in ("run", "other"):
        assert gantlet("evaluate", folder / name, "-n", 60).code == 0
    answer = gantlet("compare", folder / "run", folder / "other")
    assert answer.code == 0, answer.err
    for words in ("Quality of columns and pairs", "difference", "Rows that are new"):
        assert words in answer.out


def test_rows_that_recur_are_set_aside_one_by_one_and_have_floors(tmp_path):
    draw = np.random.default_rng(0)
    law = pd.DataFrame({"a": draw.choice(list("xyz"), 800), "b": draw.random(800) < 0.3})
    law.iloc[:600].to_csv(tmp_path / "few.csv", index=False)
    law.iloc[600:].to_csv(tmp_path / "held.csv", index=False)
    words = ("--samples", 256, "--out", tmp_path / "run", *SMALL)
    assert gantlet("train", tmp_path / "few.csv", *words).code == 0
    for more, halves in ((None, {50}), (tmp_path / "held.csv", {100})):
        found = package.evaluate(tmp_path / "run", more, n=100)
        assert {len(found.subject.floor), len(found.subject.reference)} == halves
        assert found.subject.floor.frame.value_counts().size == 6
        assert all(n.floor is not None for n in found.evidence.numbers if n.name != "rare_gain")
