"""Rows within constraints, of equal categories, and made whole: what is asked for comes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

import gantlet
from gantlet.bundle import Bundle
from gantlet.completion import complete, read_partial
from gantlet.config import override
from gantlet.data import DataSettings, open_data
from gantlet.data.frames import fitting, frame_of
from gantlet.errors import UsageError
from gantlet.recipes import recipe
from gantlet.tables import TableTransform
from gantlet.tables.nearest import candidates
from gantlet.tables.partial import partial_rows
from gantlet.training.trainer import built
from tests.tables.test_constraints import CITIES, table
from tests.tables_for import rows as small_rows

SMALL = {"network.hidden": [16], "network.latent": 8, "train.batch": 128, "train.tick": 2_048}
TEXTS = ("end >= start", "total = net + tax", "city by zip", "exactly_one(phone, email)")


def adult(frame):
    """A constraint that no column tells by itself."""
    return frame["age"] + frame["net"] >= 30


def lawful(made):
    """Whether all rows meet all constraints."""
    sums = (made["net"] + made["tax"] - made["total"]).abs() <= 0.0151
    alone = made["phone"].notna() ^ made["email"].notna()
    return bool(
        (made["end"] >= made["start"]).all()
        and sums.all()
        and (made["zip"].map(CITIES) == made["city"]).all()
        and alone.all()
        and adult(made).all()
    )


@pytest.fixture(scope="module")
def rows():
    made = table(800)
    made["weight"] = np.random.default_rng(5).normal(70, 9, 800)
    made["id"] = [f"P{i:04d}" for i in range(800)]
    return made[adult(made)].reset_index(drop=True)


@pytest.fixture(scope="module")
def model(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("asked") / "run"
    return gantlet.TableSynthesizer(
        samples=2_048, settings=SMALL, constraints=[*TEXTS, adult], out=out
    ).fit(rows)


def test_all_rows_meet_the_constraints_and_the_first_of_many_are_the_few(model):
    many = model.sample(2_000, seed=3)
    assert lawful(many)
    pd.testing.assert_frame_equal(model.sample(30, seed=3), many.head(30))
    red = model.sample(200, where="city=Bonn and end>2021-01-01", seed=3)
    assert lawful(red)
    assert (red["city"] == "Bonn").all()
    assert (red["end"] > "2021-01-01").all()


def test_a_bundle_asks_for_the_functions_that_it_cannot_hold(model):
    run = gantlet.load(model.out)
    for asked in (run.sample, lambda n: run.sample_where(n, "city=Bonn"), run.sample):
        with pytest.raises(UsageError, match=r"python\(adult\).*bundle holds the name alone"):
            asked(5)
    made = run.sample(100, constraints=[adult])
    assert 0 < made.share < 1
    pd.testing.assert_frame_equal(made.frame, model.sample(100))


@pytest.mark.parametrize(("column", "kinds"), [("email", 2), ("city", 3), ("zip", 4)])
def test_categories_take_turns(column, kinds, model):
    made = model.sample(101, balance=column, seed=1)
    counts = made[column].value_counts()
    assert len(counts) == kinds
    assert counts.sum() == 101
    assert counts.max() - counts.min() <= 1
    assert lawful(made)
    few = model.sample(10, balance=column, seed=1)
    same = [name for name in made if name != "id"]
    pd.testing.assert_frame_equal(few[same], made[same].head(10))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"balance": "age"}, r"balanced by age: expected a column of categories.*zip.*integer"),
        ({"balance": "ctiy"}, r"unknown column 'ctiy'.*Did you mean city"),
        (
            {"balance": "city", "n": 0},
            r"balanced by city: expected a whole number of rows, at least 1",
        ),
        ({"balance": "city", "where": "age>30"}, "where beside balance"),
    ],
)
def test_balance_of_what_has_no_categories_is_refused(asked, told, model):
    with pytest.raises(UsageError, match=told):
        model.sample(asked.pop("n", 10), **asked)


def partly(rows, seed=0):
    """Some columns of some rows, with gaps."""
    draw = np.random.default_rng(seed)
    part = rows.sample(60, random_state=seed)[["end", "zip", "age", "net", "phone", "id"]].copy()
    for name in ("end", "zip", "age", "net"):
        part[name] = part[name].where(draw.random(60) < 0.7, None)
    part["id"] = part["id"].where(draw.random(60) < 0.5, None)
    return part


def test_given_cells_are_kept_and_the_others_fit_them(rows, model):
    part = partly(rows)
    made = model.complete(part, seed=2)
    assert list(made.columns) == list(rows.columns)
    assert made.index.equals(part.index)
    assert made.dtypes.equals(rows.dtypes)
    for name in part:
        given = part[name].notna()
        assert (made.loc[given, name] == part.loc[given, name]).all(), name
    assert made.drop(columns=["phone", "email"]).notna().all(axis=None)
    assert lawful(made)
    assert made["id"].is_unique


def test_personal_data_of_completed_rows_are_no_ones_twice():
    """Also where rows of one generated pool, or of the same places in two, complete them."""
    frame = small_rows(300).assign(mail=[f"a{i}@b.org" if i % 5 else None for i in range(300)])
    data = open_data(frame, DataSettings(columns={"mail": "email"}))
    game = built(override(recipe("table", data.spec), ("network.hidden=[8]",)), data.spec)
    game.players.eval()
    bundle = Bundle(game, data.spec, recipe("table", data.spec), {}, Path())
    part = pd.concat([frame[["colour"]]] * 4, ignore_index=True).assign(mail=None)
    part.loc[3, "mail"] = "me@b.org"
    made = complete(bundle, part, seed=1)["mail"]
    assert made[3] == "me@b.org"
    assert made.notna().all()
    assert made.is_unique
    assert not made.isin(frame["mail"]).any()


def test_given_whole_numbers_of_64_bits_are_kept_to_the_last_digit(tmp_path):
    path, part = tmp_path / "t.csv", tmp_path / "part.csv"
    ids = [2**60 + 977 * (i % 60) for i in range(300)]
    cells = [f"{'' if i % 9 == 4 else h},{i % 7}" for i, h in enumerate(ids)]
    path.write_text("\n".join(["h,x", *cells]))
    part.write_text("\n".join(["h,x", f"{ids[7]},", f"{ids[8]},3", ",2"]))
    data = open_data(path, DataSettings())
    game = built(override(recipe("table", data.spec), ("network.hidden=[8]",)), data.spec)
    game.players.eval()
    bundle = Bundle(game, data.spec, recipe("table", data.spec), {}, Path())
    assert data.spec.table["columns"][0]["kind"] == "integer"
    made = complete(bundle, read_partial(part, bundle), seed=1)
    assert made["h"].tolist()[:2] == ids[7:9]


@pytest.fixture(scope="module")
def of_words(tmp_path_factory):
    """A bundle on a table whose columns of text may look like numbers, and a later file."""
    folder = tmp_path_factory.mktemp("words")
    cells = [f"{('01067', '1067', 'A1', 'B2', 'C3')[i % 5]},{i % 7},K{i:03d}" for i in range(300)]
    (folder / "t.csv").write_text("\n".join(["zip,x,key", *cells]))
    (folder / "later.csv").write_text("zip,x,key\n01067,1,\n1067,,007\n,3,001\n")
    data = open_data(folder / "t.csv", DataSettings())
    game = built(override(recipe("table", data.spec), ("network.hidden=[8]",)), data.spec)
    game.players.eval()
    return Bundle(game, data.spec, recipe("table", data.spec), {}, Path()), folder / "later.csv"


def test_zeros_in_front_of_given_text_are_kept(of_words):
    bundle, path = of_words
    made = complete(bundle, read_partial(path, bundle), seed=1)
    assert made["zip"].tolist()[:2] == ["01067", "1067"]
    assert made["key"].tolist()[1:] == ["007", "001"]


def test_zeros_in_front_of_text_are_kept_in_rows_that_a_run_is_evaluated_on(of_words):
    bundle, path = of_words
    columns = TableTransform.from_json(bundle.spec.table).columns_
    like = pd.DataFrame({"zip": ["A1"], "x": [1], "key": ["K001"]})
    found = fitting(frame_of(path, bundle.config.data, columns), columns, like)
    assert found["zip"].tolist()[:2] == ["01067", "1067"]
    assert found["zip"].isna().tolist() == [False, False, True]
    assert found["x"].dtype == "float64"


def test_a_completed_row_depends_on_itself_its_place_and_the_seed(rows, model):
    part = partly(rows).drop(columns="id")
    made = model.complete(part, seed=2)
    pd.testing.assert_frame_equal(model.complete(part.head(7), seed=2), made.head(7))
    assert not model.complete(part, seed=3)["weight"].equals(made["weight"])


def test_beside_one_category_the_others_are_as_the_generator_makes_them_for_it(model):
    made = model.complete(pd.DataFrame({"zip": ["53111"] * 1_500}))
    other = model.sample(6_000, balance="zip", seed=9).query("zip == '53111'")
    assert (made["city"] == "Bonn").all()
    for name in ("age", "net", "weight"):
        assert ks_2samp(made[name], other[name]).pvalue > 1e-3, name


def test_no_row_of_the_training_is_replayed(rows, model):
    made = model.complete(rows.drop(columns=["weight", "tax", "total"]), seed=1)
    held = rows["weight"].sort_values()
    assert made["weight"].between(held.iloc[4], held.iloc[-5]).all()
    inside = made["weight"][~made["weight"].isin(held.iloc[[4, -5]])]
    assert len(inside) > 600
    assert not inside.isin(held).any()
    assert (made["tax"] == rows["tax"]).mean() < 0.05


def test_neighbours_draw_from_the_conditional_distribution():
    """Of y = x + e with e ~ N(0, 0.1) beside x = 1: mean 1, standard deviation 0.1."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=8_000)
    pool = pd.DataFrame(
        {"x": x, "y": x + draw.normal(0, 0.1, 8_000), "c": draw.choice(["a", "b"], 8_000)}
    )
    fitted = TableTransform().fit(pool)
    given = pd.DataFrame({"x": [1.0] * 400, "c": ["a"] * 400})
    partial = partial_rows(given, fitted, fitted.design_, "rows")
    order = candidates(partial, np.arange(400), pool, fitted.columns_, seed=0)
    first = pool.iloc[order[:, 0]]
    assert (first["c"] == "a").all()
    assert (first["x"] - 1).abs().max() < 0.02
    nearest = pool[pool["c"] == "a"].assign(d=lambda t: (t["x"] - 1).abs()).nsmallest(12, "d")
    assert first["y"].mean() == pytest.approx(nearest["y"].mean(), abs=0.05)
    assert nearest["y"].std() == pytest.approx(0.1, abs=0.06)
    assert len(set(order[:, 0])) >= 10
    assert all(len(set(row)) == len(row) for row in order[:5])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"size": 3}, r"unknown column 'size': expected one of age, city"),
        ({"zip": "99999"}, r"row 4, column 'zip': expected one of 10115.*received '99999'"),
        ({"age": "old"}, r"row 4, column 'age': expected a number, received 'old'"),
        ({"age": 40.5}, r"row 4, column 'age': expected a whole number, received 40\.5"),
        ({"age": 1_900}, r"row 4, column 'age': expected a number near its range, .*1900"),
        ({"end": "soon"}, r"row 4, column 'end': expected a value such as 20.*'soon'"),
        (
            {"start": "2022-01-01", "end": "2021-01-01"},
            r"row 4, columns 'start', 'end': expected cells that meet the constraint start <= end",
        ),
        ({"city": "Ulm", "zip": "53111"}, r"row 4, columns 'city', 'zip'.*constraint city by zip"),
        ({"phone": 150, "email": "a@b"}, r"columns 'phone', 'email'.*exactly_one"),
        ({"net": 1.0, "tax": 2.0, "total": 4.0}, r"columns 'total', 'net', 'tax'.*total = net"),
        ({"age": 18, "net": 1.0}, r"row 4: expected a row that can be completed within.*adult"),
    ],
)
def test_rows_that_cannot_be_are_told(change, told, model):
    with pytest.raises(UsageError, match=f"the table.*{told}"):
        model.complete(pd.DataFrame(change, index=[4]))


def test_what_is_no_table_is_refused(model):
    with pytest.raises(UsageError, match=r"complete: expected a pandas DataFrame, received list"):
        model.complete([1, 2])
    with pytest.raises(UsageError, match="each column once, received 'age' more than once"):
        model.complete(pd.DataFrame([[30, 40]], columns=["age", "age"]))
    assert len(model.complete(pd.DataFrame({"age": []}))) == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"public": "ciyt"}, r"unknown column 'ciyt'.*Did you mean city"),
        ({"constraints": "age >= 200"}, r"constraint '200 <= age': expected all \d+ rows"),
    ],
)
def test_one_word_is_one_column_and_one_constraint(said, told):
    """Not one for each of its letters."""
    with pytest.raises(UsageError, match=told):
        gantlet.TableSynthesizer(**said).fit(table())


def test_a_folder_of_another_table_is_put_aside_when_told(tmp_path):
    first, other = ({"x": np.arange(60.0) + add} for add in (0, 1))
    model = gantlet.TableSynthesizer(samples=128, settings=SMALL, out=tmp_path / "run")
    model.fit(pd.DataFrame(first))
    with pytest.raises(UsageError, match="fresh=True"):
        model.fit(pd.DataFrame(other))
    model.set_params(fresh=True).fit(pd.DataFrame(other))
    assert len(list(tmp_path.iterdir())) == 2
