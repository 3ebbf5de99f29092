"""Tables as data: rows of typed heads, and conditions by which rows are drawn in training."""

import numpy as np
import pandas as pd
import pytest
import torch

from gantlet.data import DataSettings, open_data
from gantlet.data.conditions import Conditions
from gantlet.data.doctor import examine
from gantlet.data.feed import Feed
from gantlet.data.split import split
from gantlet.errors import UsageError
from gantlet.planning import plan
from gantlet.spec import DataSpec
from gantlet.tables import TableTransform
from gantlet.tables.files import write_table
from tests.tables_for import TABLE, rows


@pytest.fixture(scope="module")
def data():
    return open_data(rows(2_000))


def test_rows_become_heads_and_come_back(data):
    spec = data.spec
    assert (spec.kind, spec.stored) == ("table", data.raw.shape[1:])
    assert DataSpec.from_json(spec.to_json()) == spec
    raw = torch.from_numpy(data.raw)
    x = spec.encode(raw)
    assert x.shape == (2_000, spec.size)
    assert torch.equal(spec.decode(x), raw)
    assert spec.encode(raw, torch.float64).dtype == torch.float64
    back = TableTransform.from_json(spec.table).inverse_transform(data.raw)
    pd.testing.assert_frame_equal(back[["colour", "member"]], rows(2_000)[["colour", "member"]])


def test_one_hots_have_one_one_and_soft_ones_give_their_largest():
    layout = TABLE.layout
    raw = torch.tensor([[0.5, 2.0, 1.0, -1.0]])
    x = layout.spread(raw, torch.float32)
    assert x.tolist() == [[0.5, 0, 0, 1, 0, 0, 1, 0, -1]]
    soft = torch.tensor([[7.0, 0.1, 0.2, 0.4, 0.3, 0.2, 0.5, 0.3, -7.0]])
    assert layout.gathered(soft).tolist() == [[1.0, 2.0, 1.0, -1.0]]
    assert layout.classes == ((2, 0), (2, 1), (2, 2))


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".jsonl", ".parquet", ".feather"])
def test_a_file_is_its_frame(suffix, tmp_path):
    frame = rows().drop(columns=["born", "member"])
    write_table(frame, tmp_path / f"my rows{suffix}")
    data = open_data(tmp_path / f"my rows{suffix}")
    assert data.name == "my-rows"
    assert np.array_equal(data.raw, open_data(frame).raw)
    assert data.fingerprint == open_data(frame).fingerprint


@pytest.mark.parametrize("rare", [1.0, 0.0, 0.3])
def test_conditions_hold_and_prefer_rare_categories_as_told(rare, data):
    feed = Feed(data, np.arange(len(data)), seed=3, rare=rare)
    batch = feed.batch("s", 0, 20_000)
    raw, pairs = data.spec.decode(batch.x), torch.tensor(data.spec.layout.classes)[batch.y]
    assert torch.equal(raw[torch.arange(20_000), pairs[:, 0]], pairs[:, 1].float())
    wanted = []
    heads = sorted({head for head, _ in data.spec.layout.classes})
    for head in heads:
        counts = np.bincount(data.raw[:, head].astype(int))
        logs = np.log1p(counts) / np.log1p(counts).sum()
        wanted += list((rare * logs + (1 - rare) * counts / counts.sum()) / len(heads))
    found = np.bincount(batch.y, minlength=len(wanted)) / 20_000
    assert found == pytest.approx(wanted, abs=0.012)


def test_rows_that_have_the_condition_are_equally_likely(data):
    conditions = Conditions(data.spec.layout, data.raw)
    places, y = conditions.draw(0, "s", 0, 200_000)
    rarest = np.bincount(y).argmin()
    head, code = data.spec.layout.classes[rarest]
    times = np.bincount(places[y == rarest], minlength=len(data))
    mine = data.raw[:, head] == code
    assert times[~mine].sum() == 0
    mean = times[mine].mean()
    assert times[mine].var() == pytest.approx(mean, rel=0.35)  # Poisson


def test_a_row_of_a_stream_depends_on_its_number_alone(data):
    feed = Feed(data, np.arange(1_000), seed=3)
    whole = feed.batch("s", 0, 256)
    parts = [feed.batch("s", start, 64) for start in range(0, 256, 64)]
    assert torch.equal(whole.x, torch.cat([part.x for part in parts]))
    assert torch.equal(whole.y, torch.cat([part.y for part in parts]))
    assert not torch.equal(whole.x, feed.batch("t", 0, 256).x)
    taken = feed.take(np.arange(50))
    pairs = torch.tensor(data.spec.layout.classes)[taken.y]
    raw = data.spec.decode(taken.x)
    assert torch.equal(raw, torch.from_numpy(data.raw[:50]))
    assert torch.equal(raw[torch.arange(50), pairs[:, 0]], pairs[:, 1].float())


def test_classes_have_the_tables_frequencies(data):
    spec = data.spec
    assert sum(spec.frequencies) == pytest.approx(1)
    shares = dict(zip(spec.classes, spec.frequencies, strict=True))
    frame = rows(2_000)
    assert 2 * shares["colour=red"] == pytest.approx((frame["colour"] == "red").mean())
    assert 2 * shares["member missing"] == pytest.approx(frame["member"].isna().mean())


def test_a_table_of_numbers_alone_has_no_conditions():
    data = open_data(pd.DataFrame({"x": np.arange(300) / 7}))
    assert data.spec.classes == ()
    assert Feed(data, np.arange(300), seed=0).batch("s", 0, 8).y is None


def test_equal_rows_fall_on_either_side_as_fresh_ones_would():
    """Of six different rows a tenth is held out, of each about as many, in any order of rows."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": draw.choice([1, 1, 2], 6000), "b": draw.choice(["x", "y", "z"], 6000)}
    )
    data = open_data(frame)
    assert len(np.unique(data.lots)) == 6000 > len(np.unique(data.hashes)) == 6
    held = frame.iloc[split(data, DataSettings()).held_out]
    assert len(held) == 600
    expected = frame.value_counts(normalize=True)
    assert held.value_counts(normalize=True).sub(expected).abs().max() < 4 * (0.25 / 600) ** 0.5
    other = frame.sample(frac=1, random_state=0)
    again = other.iloc[split(open_data(other), DataSettings()).held_out]
    assert again.value_counts().equals(held.value_counts())


def test_rows_that_never_recur_are_split_by_content():
    frame = pd.DataFrame({"x": np.arange(300) / 7})
    data = open_data(frame, DataSettings(public=True))  # nothing is cut at a bound
    assert np.array_equal(data.lots, data.hashes)


def test_the_doctor_shows_each_column():
    found = examine(rows())
    assert found.count == 240
    assert [line.split(":")[0] for line in found.columns] == list(rows())
    assert "categorical, 3 values (red 5" in found.columns[2]
    assert "% missing" in found.columns[3]
    wanted = examine(rows(), DataSettings(columns={"age": "categorical"})).columns[0]
    assert wanted.startswith("age: categorical")


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pd.DataFrame({"x": [1]}), r"the table 'table': expected at least 2 rows, received 1"),
        (
            pd.DataFrame({"x": [1] * 9}),
            r"whose values can be learned.*x: integer, 1 to 1",
        ),
        (pd.DataFrame({"x": list("abcd")}), r"values of fewer than 5 rows are not kept"),
    ],
)
def test_tables_that_cannot_be_learned_are_refused(frame, told):
    with pytest.raises(UsageError, match=told):
        open_data(frame)


def test_faults_of_columns_name_the_file_and_the_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1.5\n" * 30 + "1e300\n")
    with pytest.raises(UsageError, match=r"t\.csv: column 'x', line 32.*at most 1e\+100"):
        open_data(path)


def test_adult_is_fitted_and_transformed(real_data):
    data = open_data(real_data / "tabular" / "adult-train.csv")
    assert len(data) == 32_561
    assert "columns are named column_1 to column_15" in data.notes[0]
    assert "6 integer, 9 categorical" in data.notes[1]
    back = TableTransform.from_json(data.spec.table).inverse_transform(data.raw)
    frame = pd.read_csv(
        real_data / "tabular" / "adult-train.csv", header=None, skipinitialspace=True
    )
    differing = (back.to_numpy() != frame.to_numpy()).sum(0)
    assert differing.tolist() == [0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0]


def test_what_numbers_stand_for_is_part_of_what_the_data_are():
    table = rows(300)
    other = table.assign(colour=table["colour"].replace({"red": "crimson"}))
    a, b = open_data(table), open_data(other)
    assert np.array_equal(a.raw, b.raw)
    assert a.fingerprint != b.fingerprint


def test_a_column_whose_name_has_dots_can_be_declared():
    table = rows(300).rename(columns={"age": "years.of.age"})
    settings = ["data.columns.years.of.age=categorical"]
    made = plan(table, settings=settings)
    assert made.config.data.columns == {"years.of.age": "categorical"}
    assert any(head.name == "years.of.age" and head.width > 2 for head in made.dataset.spec.heads)
