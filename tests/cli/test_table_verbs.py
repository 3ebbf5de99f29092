"""A table through the front door: doctor, train, stop and go on, sample, and what is stored."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.base import clone

import gantlet as package
from gantlet.errors import UsageError
from tests.cli.door import assert_refused, gantlet
from tests.tables_for import rows

SMALL = (
    *("network.hidden=[16]", "network.latent=8", "network.embedding=4", "game.group=16"),
    *("train.batch=32", "train.tick=256", "train.threads=1", "validation.samples=24"),
)


@pytest.fixture(scope="module")
def frame():
    made = rows(300)
    made["note"] = [f"row {i} of a person that is number {i}" for i in range(300)]
    made["id"] = [f"K{i:04d}" for i in range(300)]
    made.loc[:2, "colour"] = "ultraviolet"
    made.loc[0, "gain"] = 987_654.25
    return made


@pytest.fixture(scope="module")
def trained(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    frame.to_parquet(folder / "people.parquet")
    words = ("train", folder / "people.parquet", "--samples", 256, "--out", folder / "run", *SMALL)
    assert gantlet(*words).code == 0
    return folder


def test_the_doctor_shows_what_columns_are(trained):
    answer = gantlet("doctor", trained / "people.parquet", *SMALL)
    assert answer.code == 0
    assert "people.parquet: 300 rows of 7 columns." in answer.out
    assert "  age: integer, 2" in answer.out
    assert "  note: free text, which is not made up" in answer.out
    assert "Recipe table: the data are rows of typed columns." in answer.out
    wanted = gantlet("doctor", trained / "people.parquet", "data.columns.age=categorical", *SMALL)
    assert "  age: categorical" in wanted.out


@pytest.mark.parametrize("name", ["made.csv", "made.parquet", "made.jsonl.gz"])
def test_a_sample_is_a_table_with_the_types_of_the_input(trained, frame, tmp_path, name):
    answer = gantlet("sample", trained / "run", "-n", 70, "--out", tmp_path / name)
    assert answer.out == f"70 rows written to {tmp_path / name}\n"
    made = package.load(trained / "run").sample(70).frame
    assert made.dtypes.equals(frame.dtypes)
    if name == "made.parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / name), made)
    assert made["note"].isna().all()
    assert made["id"].is_unique
    assert not set(made["id"]) & set(frame["id"])
    assert made["age"].between(frame["age"].min(), frame["age"].max()).all()


def test_the_first_rows_of_many_are_the_few(trained):
    run = package.load(trained / "run")
    few, many = run.sample(30, seed=5).frame, run.sample(5_000, seed=5).frame
    pd.testing.assert_frame_equal(many.head(30), few)
    assert not run.sample(30, seed=6).frame.equals(few)


def test_plain_rows_are_asked_for_as_often_as_the_table_has_them(trained):
    made = package.load(trained / "run").sample(20_000)
    asked = np.bincount(made.labels, minlength=len(made.spec.classes)) / 20_000
    assert asked == pytest.approx(made.spec.frequencies, abs=0.012)
    heads = np.array(made.spec.layout.classes)[made.labels]
    assert (made.values[np.arange(20_000), heads[:, 0]] == heads[:, 1]).all()


def test_rows_can_be_asked_for_by_one_category(trained):
    made = package.load(trained / "run").sample(40, label="colour=blue").frame
    assert (made["colour"] == "blue").all()
    answer = gantlet("sample", trained / "run", "--label", "colour=pink")
    assert_refused(answer, "unknown label 'colour=pink'", "colour=red")


def test_rows_can_be_asked_for_by_conditions(trained, tmp_path):
    where, out = "colour=red and age>=40", tmp_path / "made.csv"
    answer = gantlet("sample", trained / "run", "-n", 25, "--where", where, "--out", out)
    assert answer.out.startswith(f"25 rows written to {out}; of the rows made, ")
    made = pd.read_csv(out)
    assert len(made) == 25
    assert (made["colour"] == "red").all()
    assert made["age"].ge(40).all()
    assert_refused(
        gantlet("sample", trained / "run", "--where", "agee>3"), "unknown column 'agee'"
    )


def test_a_stopped_run_goes_on_bit_exactly(trained, tmp_path):
    words = ("train", trained / "people.parquet", "--out", tmp_path / "parts", *SMALL)
    for samples in (128, 256):
        assert gantlet(*words, "--samples", samples).code == 0
    weights = "bundle/weights.safetensors"
    whole, parts = (load_file(f / weights) for f in (trained / "run", tmp_path / "parts"))
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


def test_the_bundle_holds_no_row_and_nothing_of_few_rows(trained):
    files = {path.name: path.read_bytes() for path in (trained / "run" / "bundle").iterdir()}
    assert set(files) == {"README.md", "bundle.json", "weights.safetensors"}
    for content in files.values():
        for secret in (b"ultraviolet", b"987654", b"of a person", b"K0299"):
            assert secret not in content
    spec = json.loads(files["bundle.json"])["spec"]
    sizes = [len(v) for v in json.dumps(spec["table"]).split("[")]
    assert spec["table"]["rows"] == 300
    assert max(sizes) < 2_000  # no list is as long as the table
    assert b"rows of 7 columns" in files["README.md"]
    assert b'.save("made.csv")' in files["README.md"]


def test_pictures_are_of_columns_and_runs_stay_readable(trained):
    from PIL import Image

    pictures = sorted((trained / "run" / "samples").glob("*.png"))
    with Image.open(pictures[-1]) as picture:
        assert picture.size == (1260, 810)
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 10


def test_what_needs_pictures_is_refused(trained, tmp_path):
    run = trained / "run"
    packing = gantlet("pack", trained / "people.parquet", "-o", tmp_path / "x.pack")
    assert_refused(packing, "images or points", "Train on the table itself")
    assert not (tmp_path / "x.pack").exists()
    assert_refused(gantlet("sample", run, "--out", tmp_path / "x.zip"), "rows of a table as PNG")
    assert_refused(gantlet("sample", run, "--out", tmp_path / "x.npz"), "ends in .csv")
    assert_refused(gantlet("sample", run, "--truncation", 0.5), "none for rows of a table")
    both = gantlet("sample", run, "--where", "colour=red", "--label", "colour=red")
    assert_refused(both, "--label beside --where")
    assert_refused(gantlet("directions", run), "images")
    (tmp_path / "other.csv").write_text("a,b\n" + "x,1\ny,2\n" * 150)
    begun = gantlet(
        "train", tmp_path / "other.csv", "--from", run, *SMALL, "--out", tmp_path / "z"
    )
    assert begun.code == 2
    for setting in ("data.flip=true", "data.labels=false"):
        answer = gantlet("train", trained / "people.parquet", setting, "--out", tmp_path / "y")
        assert_refused(answer, setting.split("=")[0], "rows of a table")


def test_a_synthesizer_fits_and_samples_as_estimators_do(frame, trained):
    settings = dict(setting.split("=") for setting in SMALL if "[" not in setting)
    plain = {key: int(value) for key, value in settings.items()} | {"network.hidden": [16]}
    model = package.TableSynthesizer(samples=256, settings=plain)
    assert clone(model).get_params() == model.get_params()
    made = model.fit(frame).sample(70)
    pd.testing.assert_frame_equal(made, package.load(trained / "run").sample(70).frame)
    assert made.dtypes.equals(frame.dtypes)
    assert model.n_features_in_ == 7
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(model)).sample(70), made)
    assert model.set_params(seed=1).seed == 1
    with pytest.raises(UsageError, match="expected a pandas DataFrame, received ndarray"):
        model.fit(np.zeros((9, 2)))
