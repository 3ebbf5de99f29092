"""The measures of the benchmark of tables, on tables whose answers are known."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import tables_data, tables_measures
from benchmarks.tables import by_conditions, rare_gain
from benchmarks.tables_data import Condition, Table, conditions, imbalanced, once
from benchmarks.tables_measures import apart, binned, copies, detected, f1, r2
from benchmarks.tables_ours import shortened
from benchmarks.tables_page import published
from benchmarks.tables_peer import Watched
from benchmarks.tables_privacy import ATTACKS, leaks
from gantlet.recipes import recipe
from gantlet.spec import DataSpec


def people(n, seed=0, rare=0.3):
    """Income follows age and town; sex follows nothing."""
    draw = np.random.default_rng(seed)
    age = draw.integers(18, 90, n)
    town = draw.choice(["Ulm", "Bonn"], n)
    high = (age > np.quantile(age, 1 - rare)) & (town == "Ulm")
    income = np.where(high, ">50K", "<=50K")
    return pd.DataFrame(
        {"age": age, "town": town, "sex": draw.choice(["f", "m"], n), "income": income}
    )


@pytest.fixture(scope="module")
def table():
    return Table("adult", "income", people(1200), people(1000, seed=1))


@pytest.fixture
def one_judge(monkeypatch):
    """The quickest of the judges alone."""
    monkeypatch.setattr(tables_measures, "JUDGES", {"tree": tables_measures.JUDGES["tree"]})


def test_rows_that_tell_the_class_are_useful_and_shuffled_ones_are_not(table):
    shuffled = table.train.assign(
        income=table.train["income"].sample(frac=1, random_state=0).array
    )
    good, bad = (f1(rows, table.held, "income", ">50K") for rows in (table.train, shuffled))
    assert good["tree"] > 0.9
    assert good["mean"] > bad["mean"] + 0.2


def test_rows_of_one_class_are_of_no_use(table):
    assert f1(table.train.assign(income="<=50K"), table.held, "income", ">50K")["mean"] == 0


def test_weights_make_the_class_as_rare_as_they_say(table, one_judge):
    truth = table.held["income"] == ">50K"
    noise = people(1200, seed=2).assign(income=people(1200, seed=7)["income"])
    plain = f1(noise, table.held, "income", ">50K")["tree"]
    own = f1(noise, table.held, "income", ">50K", share=float(truth.mean()))["tree"]
    rare = f1(noise, table.held, "income", ">50K", share=0.01)["tree"]
    assert own == pytest.approx(plain)
    assert rare < plain / 2


def test_regression_explains_what_is_linear():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 2))
    rows = pd.DataFrame(
        {"a": x[:, 0], "kind": draw.choice(["u", "v"], 600), "y": 3 * x[:, 0] + x[:, 1]}
    )
    assert r2(rows[:300], rows[300:], "y")["linear"] == pytest.approx(0.9, abs=0.04)


def test_rows_alike_are_not_told_apart_and_moved_ones_are(table, monkeypatch):
    monkeypatch.setattr(tables_measures, "DETECTED", 300)
    monkeypatch.setattr(tables_measures, "TREES", 20)
    moved = table.train.assign(age=table.train["age"] + 40)
    assert detected(table.held, table.train) == pytest.approx(0.5, abs=0.1)
    assert detected(table.held, moved) > 0.75


def test_rows_in_the_order_of_a_map_are_not_told_apart(monkeypatch):
    """Folds that are regions gave 0.2: the other kind's rows were alone there in training."""
    monkeypatch.setattr(tables_measures, "TREES", 20)
    place = np.random.default_rng(0).permutation(1500)
    rows = pd.DataFrame({"place": np.arange(1500.0), "k": "u"})
    a, b = (rows.iloc[np.sort(part)] for part in (place[:500], place[500:]))
    assert detected(a, b) == pytest.approx(0.5, abs=0.12)


def test_total_variation_of_known_tables():
    a = pd.DataFrame({"x": list("uuuv"), "k": list("pppp")})
    b = pd.DataFrame({"x": list("uvvv"), "k": list("qqqq")})
    assert apart(a, b) == pytest.approx((0.5 + 1) / 2)
    assert apart(a, b, ("k",)) == 0.5


def test_rows_equal_to_training_rows_are_counted_once_each():
    train = pd.DataFrame({"x": [1, 1, 2], "k": ["u", "u", "v"]})
    assert copies(pd.DataFrame({"x": [1, 1, 2, 2], "k": list("uuvu")}), train) == 3


def test_numbers_are_cut_into_tenths_of_the_training_rows():
    train = pd.DataFrame({"x": np.arange(1000.0), "k": "u"})
    found = binned(pd.DataFrame({"x": [-5.0, 150.0, 5000.0], "k": "v"}), train)
    assert list(found["x"]) == [0, 1, 9]
    assert list(binned(train, train)["x"].value_counts()) == [100] * 10


def test_conditions_are_common_categories_and_the_most_common_pairs(table, monkeypatch):
    monkeypatch.setattr(tables_data, "PAIRS", 2)
    found = conditions(table)
    counts = [int(c.holds(table.train).sum()) for c in found]
    singles = [c for c in found if len(c.values) == 1]
    assert min(counts) >= tables_data.MANY
    assert {"town": "Ulm"} in [c.values for c in singles]
    assert len(found) - len(singles) == 2
    assert counts[-2] >= counts[-1]
    assert Condition("n", {"a b": ">50K", "c": "?"}).where == '"a b"=">50K" and "c"="?"'


def test_rows_of_the_condition_are_at_the_floor_and_others_are_not(table, tmp_path):
    asked = Condition("where-0", {"income": ">50K"})
    own = people(6000, seed=3)
    own[asked.holds(own)].to_csv(tmp_path / "where-0.csv", index=False)
    good = by_conditions(table, [asked, Condition("where-1", {"sex": "f"})], own, tmp_path)
    own.assign(income=">50K").to_csv(tmp_path / "where-0.csv", index=False)
    bad = by_conditions(table, [asked], own, tmp_path)
    assert (good["met"], good["hopeless"], bad["hopeless"]) == (1, 1, 0)
    assert good["given"] < good["floor"] + 0.05
    assert bad["given"] > good["floor"] + 0.15


def test_half_the_rows_that_miss_a_condition_are_counted(table, tmp_path):
    asked = Condition("where-0", {"sex": "f"})
    pd.concat([part.head(50) for _, part in table.held.groupby("sex")]).to_csv(
        tmp_path / "where-0.csv", index=False
    )
    assert by_conditions(table, [asked], table.train, tmp_path)["met"] == 0.5


def test_the_imbalanced_table_has_one_row_in_a_hundred(table):
    few = imbalanced(table, 0)
    share = (few.train["income"] == ">50K").mean()
    assert share == pytest.approx(0.01, abs=5e-4)
    assert few.held is table.held
    assert not few.train.equals(imbalanced(table, 1).train)


def test_more_rows_of_a_rare_class_help(table, one_judge):
    few = imbalanced(table, 0)
    extra = people(4000, seed=5)
    extra = extra[extra["income"] == ">50K"]
    found = rare_gain(few, extra.head(60), extra.tail(200))
    assert found["generated"]["mean"] > found["real"]["mean"]
    assert found["more real rows"]["mean"] > found["real"]["mean"]


def test_the_official_split_is_read_once(tmp_path):
    once(tmp_path, False, ["first"])
    with pytest.raises(SystemExit, match=r"first[\s\S]*--again"):
        once(tmp_path, False, ["second"])
    once(tmp_path, True, ["third"])
    lines = (tmp_path / "test-split-read.json").read_text().splitlines()
    assert [json.loads(line)["command"] for line in lines] == ["first", "third"]


def test_a_shorter_training_has_shorter_schedules():
    base = recipe("table", DataSpec(kind="points", shape=(2,)))
    keys = shortened(base, base.stop.samples // 4)
    lr = base.optimisers["generator"].lr
    assert keys["optimisers.generator.lr.samples"] == lr.samples // 4
    assert keys["optimisers.discriminator.lr.delay"] == lr.delay // 4
    assert keys["train.tick"] == base.train.tick // 4


def far_apart(n, seed):
    """People that are all different, so that copies and members can be told."""
    draw = np.random.default_rng(seed)
    return people(n, seed).assign(a=draw.normal(size=n), b=draw.normal(size=n))


def test_rows_of_the_same_law_tell_of_no_one_and_the_training_rows_of_all():
    train, held, fresh = (far_apart(600, seed) for seed in range(3))
    private, open_ = leaks(fresh, train, held), leaks(train, train, held)
    for attack in ATTACKS:
        assert private[attack] == pytest.approx(0.5, abs=0.1)  # 300 asked of each: 0.024 * 4
        assert open_[attack] > 0.95
    assert (private["copies"], open_["copies"]) == (0, 1)
    assert private["held_copies"] == 0


def test_copies_of_unique_rows_are_counted_beside_those_that_are_there_by_chance():
    train, held = far_apart(400, 0), far_apart(200, 1)
    held = pd.concat([held, train.head(50)])
    found = leaks(pd.concat([far_apart(300, 2), train.head(100)]), train, held)
    assert (found["copies"], found["held_copies"]) == (0.25, 0.2)


def test_the_page_says_what_attackers_learn(tmp_path, capsys):
    told = dict.fromkeys(ATTACKS, 0.5) | {"copies": 0.0, "held_copies": 0.00125}
    own = dict.fromkeys(("auc", "quality", "shapes", "trends"), 0.9)
    row = {"table": "adult", "share": 1, "seed": 0, "f1": {"tree": 0.6, "mean": 0.6}, **own}
    row |= {"fit": [9.0, 9.0], "sample": [1.0, 1.0]}
    rows = [
        {**row, "model": "real", "leaks": told | {"distance": 0.75, "copies": 1.0}},
        {**row, "model": "ours", "leaks": told},
        {**row, "model": "ours", "seed": 1, "leaks": told | {"distance": 0.51}},
    ]
    published(rows, "ctgan 0.12.1", official=False, out=tmp_path, write=False)
    text = capsys.readouterr().out
    assert "0.125 % of the rows held out" in text
    assert "| real training rows | 0.750 | 0.500 | 0.500 | 100.000 |" in text
    assert "| Gantlet, `table` | 0.505 [" in text


def test_each_epoch_of_the_peer_is_told_of_when_it_is_over():
    course = []
    for epoch in Watched(lambda done: course.append(f"{done} done"))(range(3), disable=True):
        course.append(f"epoch {epoch}")
    assert course == ["epoch 0", "1 done", "epoch 1", "2 done", "epoch 2", "3 done"]
