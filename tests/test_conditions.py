"""Runs on images with conditions, from files to samples and evidence."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

import gantlet
from gantlet.data import DataSettings, open_data
from gantlet.errors import UsageError
from gantlet.evaluation import evaluate
from gantlet.evaluation.obeyed import score_conditions
from gantlet.evaluation.scoring import Scorer, Side, Sides
from gantlet.explore import Explorer
from gantlet.explore.controls import asked
from gantlet.latents import interpolate, morph, opened, project, still
from gantlet.report.gathering import gathered_pictures
from gantlet.spec import Condition, DataSpec

N = 240
SETTINGS = {
    "data.labels": "labels.csv",
    "network.hidden": [8],
    "network.latent": 4,
    "train.batch": 16,
    "train.tick": 64,
    "train.threads": 1,
    "train.precision": "float32",
    "validation.extractor": "pixels",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images of 6x6 whose grey is a condition, as is whether a corner is white."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "grey", "corner"])
        for i in range(N):
            grey, corner = random.uniform(20, 200), i % 2
            x = np.clip(grey + random.normal(0, 5, (6, 6)), 0, 255)
            x[0, 0] = 255 * corner
            Image.fromarray(x.astype(np.uint8)).save(folder / f"{i}.png")
            rows.writerow([f"{i}.png", f"{grey:.2f}", corner])
    return folder


def trained(photos, out, samples=128, **more):
    return gantlet.train(photos, recipe="mlp", settings=SETTINGS, samples=samples, out=out, **more)


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    return trained(photos, tmp_path_factory.mktemp("runs") / "run")


def test_a_run_is_sampled_by_what_is_asked_for(run, tmp_path):
    made = run.sample(20, label={"grey": 100, "corner": True})
    assert np.allclose(made.labels, [100, 1], atol=1e-4)
    assert np.array_equal(
        made.values, gantlet.load(run.path).sample(20, label="corner=yes,grey=100").values
    )
    some = run.sample(40)
    assert np.array_equal(some.values[:10], run.sample(10).values)
    assert np.array_equal(some.labels[:10], run.sample(10).labels)
    assert set(some.labels[:, 1].tolist()) == {0, 1}
    other = run.sample(20, label={"grey": 30, "corner": True})
    assert (other.values != made.values).any()
    with pytest.raises(UsageError, match=r"unknown condition 'gray'.*Did you mean grey"):
        run.sample(4, label="gray=3")


def test_samples_that_are_saved_are_data_with_their_conditions(run, tmp_path):
    made = run.sample(20)
    for place in ("folder", "made.zip"):
        made.save(tmp_path / place)
        if place == "folder":
            (tmp_path / "folder" / "grid.png").unlink()
        again = open_data(tmp_path / place, DataSettings(labels="labels.csv"))
        assert np.array_equal(again.raw, made.values)
        assert np.allclose(again.y, made.labels, rtol=1e-5)
    made.save(tmp_path / "made.npz")
    assert np.array_equal(np.load(tmp_path / "made.npz")["y"], made.labels)


def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(photos, run, tmp_path):
    trained(photos, tmp_path / "a", 64)
    resumed = trained(photos, tmp_path / "a", 128)
    assert np.array_equal(resumed.sample(20).values, run.sample(20).values)
    assert "Conditions of labels.csv: grey (20 to 200), corner (yes for 50%)" in " ".join(
        open_data(photos, DataSettings(labels="labels.csv")).notes
    )


def test_a_bundle_says_what_can_be_asked_for(run):
    card = (run.path / "bundle" / "README.md").read_text()
    assert "- Conditions: grey (20 to 200); corner (no or yes)" in card
    spec = json.loads((run.path / "bundle" / "bundle.json").read_text())["spec"]
    assert DataSpec.from_json(spec) == run.sample(1).spec


def test_other_conditions_begin_anew_and_are_told(photos, run, tmp_path, capsys):
    rows = (photos / "labels.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text("\n".join(",".join(row.split(",")[:2]) for row in rows))
    one = {**SETTINGS, "data.labels": str(tmp_path / "one.csv")}
    begun = gantlet.train(
        photos, recipe="mlp", settings=one, samples=16, out=tmp_path / "b", init_from=run.path
    )
    assert begun.sample(2).labels.shape == (2, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert "the conditions grey, corner and the data have the conditions grey: layers" in said


def test_ways_go_from_condition_to_condition(run):
    bundle = gantlet.load(run.path).bundle
    strip = morph(bundle, ["grey=30,corner=1", "grey=190,corner=1"], (3,), steps=4)
    for k, grey in enumerate((30, 70, 110, 150, 190)):
        one = still(bundle, 3, label={"grey": grey, "corner": 1})
        assert np.array_equal(strip.values[k], one.values[0]), grey
    with pytest.raises(UsageError, match=r"at least two labels.*For example grey=20 grey=200"):
        morph(bundle, ["grey=30"])
    way = interpolate(bundle, (0, 1), steps=2, label="grey=50")
    assert np.allclose(way.labels[:, 0], 50)
    found = project(bundle, run.sample(2).values, steps=2)
    assert found.found.labels.shape == (2, 2)


def test_the_page_asks_by_a_control_for_each_condition(run):
    bundle = gantlet.load(run.path).bundle
    with opened(bundle) as space:
        explorer = Explorer(run.path, space, None)
        values = {"sample": 1, "seed": 0, "truncation": 3}
        values |= {"condition grey": 999.0, "condition corner": True}
        told, _ = asked(explorer, values, 3.0)
        assert told.label == {"grey": 200, "corner": True}
        assert np.array_equal(
            told.values(space)[0], still(bundle, 1, label="grey=200,corner=1").values[0]
        )


def test_an_evaluation_measures_whether_conditions_are_met(run):
    found = evaluate(run.path, n=200, extractor="pixels")
    number = next(n for n in found.evidence.numbers if n.name == "conditions")
    assert number.floor.value < 0.1
    assert number.value.value > 0.5  # hardly trained
    assert found.evidence.about["conditions"] == "grey (20 to 200); corner (no or yes)"
    pictures = gathered_pictures(found)
    assert pictures.labels is None
    assert list(pictures.swept) == ["grey (20 to 200)", "corner (no or yes)"]


def sides(asked_for):
    """Features that tell the angle and the kind, for all sides; samples asked for otherwise."""
    random = np.random.default_rng(0)
    y = np.stack([random.uniform(0, 8, 1000), random.integers(0, 3, 1000)], 1).astype(np.float32)
    features = np.concatenate([y[:, :1], np.eye(3)[y[:, 1].astype(int)]], 1)
    features = torch.from_numpy(features + random.normal(0, 0.01, features.shape))

    def side(y):
        return Side(np.zeros((1000, 1, 2, 2), np.uint8), y, features, None)

    return Sides(fake=side(asked_for(y)), train=side(y), reference=side(y), floor=side(y))


ANGLE = Condition(name="angle", kind="number", knots=(0.0, 8.0))
KIND = Condition(name="kind", kind="choice", names=("a", "b", "c"))


@pytest.mark.parametrize(
    ("asked_for", "missed", "where"),
    [
        (lambda y: y, 0.0, None),
        (lambda y: np.stack([y[:, 0], (y[:, 1] + 1) % 3], 1), 3.0, "condition kind"),
        (lambda y: np.stack([8 - y[:, 0], y[:, 1]], 1), 4.0, "condition angle"),
    ],
)
def test_conditions_are_missed_by_shares_of_their_variance(asked_for, missed, where):
    """(8 - a) - a has four times the variance of a; of one-hots that never agree, 2 / (2 / 3)."""
    spec = DataSpec(kind="image", shape=(1, 2, 2), conditions=(ANGLE, KIND))
    scorer = Scorer(sides(asked_for), "")
    score_conditions(scorer, spec)
    (number,) = scorer.numbers
    assert number.value.value == pytest.approx(missed, abs=0.3)
    assert number.floor.value < 0.01
    assert where in (None, number.where)
