"""Label files of several columns: what each becomes, how they are drawn, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.attributes import with_law
from gantlet.data.feed import Feed
from gantlet.data.packing import pack
from gantlet.errors import UsageError
from gantlet.labels import drawn_labels
from gantlet.spec import Condition

N = 60
COLUMNS = {
    "smiling": [("yes", "No")[i % 2] for i in range(N)],
    "glasses": [(-1, 1)[i % 3 == 0] for i in range(N)],
    "angle": [f"{i - 30.5:.1f}" for i in range(N)],
    "legs": [(2, 4, 8)[i % 3] for i in range(N)],
    "colour": [("red", "green", "blue")[i % 3] for i in range(N)],
    "same": ["x"] * N,
    "one": [("1", "1.0")[i % 2] for i in range(N)],
    "true": [("yes", "TRUE")[i % 2] for i in range(N)],
}
NAMES = [f"{i:02d}.png" for i in range(N)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixty images, whose only pixel says which it is."""
    folder = tmp_path_factory.mktemp("photos")
    for i, name in enumerate(NAMES):
        Image.fromarray(np.full((1, 2, 3), 4 * i, np.uint8)).save(folder / name)
    return folder


def table(columns=COLUMNS, names=NAMES):
    rows = zip(names, *columns.values(), strict=True)
    return "\n".join([",".join(["file", *columns]), *(",".join(map(str, row)) for row in rows)])


def opened(folder, content, name="labels.csv", **settings):
    (folder / name).write_text(content, encoding="utf-8")
    return open_data(folder, DataSettings(labels=name, **settings))


def test_columns_become_flags_numbers_levels_and_choices(photos):
    data = opened(photos, table())
    kinds = {c.name: c.kind for c in data.spec.conditions}
    assert kinds == {
        "smiling": "flag",
        "glasses": "flag",
        "angle": "number",
        "legs": "level",
        "colour": "choice",
    }
    assert data.y[4].tolist() == [1, 0, -26.5, 4, 1]
    assert data.y[3].tolist() == [0, 1, -27.5, 2, 2]
    smiling, _, angle, legs, colour = data.spec.conditions
    assert (legs.knots, colour.names) == ((2, 4, 8), ("blue", "green", "red"))
    assert (smiling.shares, colour.shares) == ((0.5, 0.5), pytest.approx((1 / 3,) * 3))
    assert sum(angle.shares) == pytest.approx(1)
    told = " ".join(data.notes)
    assert (
        "Conditions of labels.csv: smiling (yes for 50%), glasses (yes for 33%), angle (-29 to 27"
        "; 4 beyond count as these), legs (2 to 8, 3 values), colour (blue, green, red)." in told
    )
    assert "Columns that are the same everywhere are left out: same, one, true." in told
    assert "Ignored" not in told


def test_json_says_the_same_as_csv(photos):
    cells = {k: v for k, v in COLUMNS.items() if k != "smiling"} | {
        "smiling": [bool(i % 2 == 0) for i in range(N)]
    }
    rows = {name: {column: cells[column][i] for column in COLUMNS} for i, name in enumerate(NAMES)}
    given = opened(photos, json.dumps(rows), "labels.json")
    wanted = opened(photos, table())
    assert given.spec == wanted.spec
    assert given.fingerprint == wanted.fingerprint


def test_lists_of_labels_are_flags(photos):
    lists = {name: ["cat"] * (i % 2) + ["dog"] * (i % 3 == 0) for i, name in enumerate(NAMES)}
    data = opened(photos, json.dumps({"labels": list(lists.items())}), "labels.json")
    assert [(c.name, c.kind) for c in data.spec.conditions] == [("cat", "flag"), ("dog", "flag")]
    assert data.y[:4].tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]]


def test_columns_can_be_named_a_class_among_them(photos):
    columns = {**COLUMNS, "label": COLUMNS["colour"]}
    classed = opened(photos, table(columns))
    assert classed.spec.classes == ("blue", "green", "red")
    told = "The classes are those of labels.csv; its other columns (smiling, glasses, angle"
    assert told in " ".join(classed.notes)
    data = opened(photos, table(columns), conditions=("label", "angle"))
    assert [(c.name, c.kind) for c in data.spec.conditions] == [
        ("label", "choice"),
        ("angle", "number"),
    ]
    with pytest.raises(UsageError, match=r"expected angel among its columns, as data\.conditions"):
        opened(photos, table(), conditions=("angel",))
    with pytest.raises(UsageError, match=r"data\.conditions: expected a label file"):
        DataSettings(conditions=("angle",))


def changed(column, at, cell):
    cells = list(COLUMNS[column])
    cells[at] = cell
    return {**COLUMNS, column: cells}


BAD = {
    "missing": (changed("angle", 7, ""), r"'angle' .*a value for each image.*'07\.png'"),
    "NA": (changed("smiling", 3, "NA"), r"'smiling' .*a value for each image.*'03\.png'"),
    "text": (changed("angle", 5, "steep"), r"'angle' .*a number.*'steep' for '05\.png'"),
    "infinite": (changed("angle", 5, "inf"), r"'angle' .*a number.*'inf' for '05\.png'"),
    "too large": (changed("angle", 5, "1e39"), r"'angle' .*a number.*'1e39' for '05\.png'"),
    "different": ({"id": [f"a{i}" for i in range(N)]}, r"'id' .*60 different texts"),
    "constant": ({"same": ["x"] * N}, "whose values differ, received the same everywhere in same"),
    "no columns": ({}, "the columns file"),
}


@pytest.mark.parametrize("fault", BAD)
def test_cells_that_say_nothing_are_refused(photos, fault):
    columns, words = BAD[fault]
    with pytest.raises(UsageError, match=f"label file labels.csv.*{words}|{words}") as refused:
        opened(photos, table(columns))
    assert "labels.csv" in str(refused.value)


@pytest.mark.parametrize("count", [2, 5])
def test_numbers_of_too_few_images_are_refused(tmp_path, count):
    for i in range(count):
        Image.fromarray(np.full((1, 2, 3), 4 * i, np.uint8)).save(tmp_path / f"{i}.png")
    text = "\n".join(["file,angle", *(f"{i}.png,{1.5 * i}" for i in range(count))])
    with pytest.raises(
        UsageError, match=f"more than 5 images with numbers.*received {count} images"
    ):
        opened(tmp_path, text)


def test_rows_that_do_not_match_images_are_refused(photos):
    text = table()
    with pytest.raises(UsageError, match=r"a label for each of 60 images.*none for 1 of them"):
        opened(photos, text[: text.rindex("\n")])
    with pytest.raises(UsageError, match=r"names of images.*1 more, first '60\.png'"):
        opened(photos, text + "\n60.png" + text[text.rindex("59.png") + 6 :])
    with pytest.raises(UsageError, match="one class for each image, or several values"):
        opened(photos, json.dumps({"00.png": "cat", "01.png": {"angle": 3}}), "labels.json")


def test_packed_data_keep_their_conditions(photos, tmp_path):
    data = opened(photos, table())
    packed = open_data(
        pack(photos, tmp_path / "a.pack", DataSettings(labels="labels.csv")).path, DataSettings()
    )
    assert packed.spec == data.spec
    assert packed.fingerprint == data.fingerprint
    assert np.array_equal(packed.y, data.y)


def test_batches_tell_each_image_its_own_conditions(photos):
    data = opened(photos, table())
    batch = Feed(data, np.arange(10, N), seed=0).batch("train", 0, 32)
    low, high = data.spec.low, data.spec.high
    which = (((batch.x[:, 0, 0, 0] + 1) / 2 * (high - low) + low) / 4).round().long()
    torch.testing.assert_close(batch.y, data.spec.told(data.y[which.numpy()]))
    told = data.spec.untold(batch.y)
    inside = np.abs(data.y[which.numpy(), 2]) < 26  # the outermost values are taken together
    assert np.allclose(told[inside], data.y[which.numpy()][inside], atol=1e-4)


def test_flipping_is_told_of(photos):
    said = " ".join(opened(photos, table(), flip=True).notes)
    assert "wrong of what tells left from right, such as an angle" in said


FLAG, NUMBER = (
    Condition(name="even", kind="flag"),
    Condition(name="size", kind="number", knots=tuple(np.linspace(0, 8, 9).tolist())),
)


def drawn(spec, n=4000):
    return spec.untold(drawn_labels(spec, 0, "sample", 0, n))


def of_law(photos, conditions, values):
    return replace(opened(photos, table()).spec, conditions=with_law(conditions, values))


def test_conditions_that_go_together_are_drawn_together(photos):
    """Even if and only if above 4; both halves alike; the law of each column is the data's."""
    random = np.random.default_rng(0)
    size = random.uniform(0, 8, 1000)
    values = np.stack([size > 4, size], 1).astype(np.float32)
    made = drawn(of_law(photos, [FLAG, NUMBER], values))
    assert np.array_equal(made[:, 0], made[:, 1] > 4)
    assert made[:, 0].mean() == pytest.approx(values[:, 0].mean(), abs=0.03)
    wanted, found = (np.quantile(v[:, 1], np.linspace(0.05, 0.95, 10)) for v in (values, made))
    assert np.abs(wanted - found).max() < 0.3


def test_flags_that_go_together_do_so_however_many_there_are(photos):
    """Forty flags of 2,000 images, each like the one before but for a tenth."""
    random = np.random.default_rng(0)
    flags = [Condition(name=f"f{i}", kind="flag") for i in range(40)]
    turns = random.random((2000, 40)) < np.where(np.arange(40) % 4, 0.1, 0.5)
    values = (turns.cumsum(1) % 2).astype(np.float32)
    assert len(np.unique(values, axis=0)) > 1950
    made = drawn(of_law(photos, flags, values))
    assert np.abs(made.mean(0) - values.mean(0)).max() < 0.05
    assert np.abs(np.corrcoef(made.T) - np.corrcoef(values.T)).max() < 0.15


def test_no_image_can_be_told_from_what_is_kept(photos):
    """Places that fewer than 5 images share, and the outermost values, are in no description."""
    random = np.random.default_rng(0)
    columns = {"a": random.normal(size=N).round(6), "b": [int(i == 7) for i in range(N)]}
    spec = opened(photos, table(columns)).spec
    knots = spec.conditions[0].knots
    assert not set(knots) & set(columns["a"].tolist())
    assert all(pair[1] == 0 for condition in spec.conditions for pair in condition.given)
