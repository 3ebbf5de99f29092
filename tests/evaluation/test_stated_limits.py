"""What gives no valid number is an error or a stated limit, through the front door."""

import json
import shutil
from importlib import import_module

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from gantlet.bundle import read_bundle, write_bundle
from gantlet.data import open_data
from gantlet.run import load
from gantlet.spec import DataSpec
from tests.cli.door import TINY, assert_refused, gantlet

# The package has a function of that name, which hides the module.
MODULE = import_module("gantlet.metrics.extractors.embedded")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small networks of a few steps in place of the default's."""
    tiny = MODULE.Training.tiny()
    monkeypatch.setattr(MODULE, "Training", lambda **_: tiny)


@pytest.fixture(scope="module")
def images():
    """400 digits of 8x8 in two classes; of the second there are two images."""
    return open_data("digits").raw[:400, 0] * 15, (np.arange(400) < 2).astype(np.int64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images):
    """A run on a file of these images, with labels, and what else can be handed over."""
    home, (x, y) = tmp_path_factory.mktemp("limits"), images
    np.savez(home / "data.npz", x=x, y=y)
    np.save(home / "constant.npy", np.full((60, 8, 8), 9, np.uint8))
    np.save(home / "colour.npy", np.stack([x[:60]] * 3, 1))
    np.save(home / "few.npy", x[:3] // 2)
    assert train(home / "data.npz", home / "run").code == 0
    return home


def train(data, out):
    settings = TINY if data.name != "small.npy" else TINY[4:]
    return gantlet("train", data, "--samples", 64, "--out", out, *settings)


def evaluated(run, *words, n=60):
    answer = gantlet("evaluate", run, "-n", n, "--json", *words)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def names(found):
    return {number["name"] for number in found["numbers"]}


def test_fewer_samples_than_features_is_said(folder):
    found = evaluated(folder / "run", "--extractor", "pixels")
    assert any("fewer than the 64 features" in note for note in found["notes"])


def test_samples_of_one_class_teach_no_classifier_and_get_no_number(folder):
    found = evaluated(folder / "run", n=200)
    assert not {"useful", "augments"} & names(found)
    assert any("too few, or of one class" in note for note in found["notes"])
    assert "classifier learns" not in found["verdict"]


def test_generated_samples_of_one_class_are_of_no_use_in_words(tmp_path, images):
    x, _ = images
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(400) % 2)
    assert train(tmp_path / "data.npz", tmp_path / "run").code == 0
    described = tmp_path / "run" / "bundle" / "bundle.json"
    about = json.loads(described.read_text())
    spec = {**about["spec"], "frequencies": [1.0, 0.0]}  # one class alone is asked for
    players = read_bundle(tmp_path / "run").players
    told = DataSpec.from_json(spec), about["config"], about["about"]
    write_bundle(tmp_path / "run" / "bundle", players, *told)
    found = evaluated(tmp_path / "run", n=200)
    assert "useful" not in names(found)
    assert any("no classifier learns anything" in note for note in found["notes"])
    both = next(number for number in found["numbers"] if number["name"] == "augments")
    assert both["value"]["value"] > 0


def test_data_of_a_single_class_have_no_usefulness(tmp_path, images):
    np.savez(tmp_path / "data.npz", x=images[0], y=np.zeros(400, np.int64))
    assert train(tmp_path / "data.npz", tmp_path / "run").code == 0
    found = evaluated(tmp_path / "run")
    assert any("it takes images with classes" in note for note in found["notes"])
    assert not {"useful", "labels"} & names(found)


def test_constant_images_are_refused_as_data_and_to_compare_with(folder, tmp_path):
    answer = train(folder / "constant.npy", tmp_path / "run")
    assert_refused(answer, "values that differ", "the value 9 everywhere")
    answer = gantlet("evaluate", folder / "run", "--data", folder / "constant.npy", "-n", 60)
    assert_refused(answer, "values that differ")


@pytest.mark.parametrize("extractor", ["pixels", "embedded"])
def test_generated_images_that_are_constant_are_found_to_be_nothing(folder, tmp_path, extractor):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    bundle = load(run).bundle
    for weight in bundle.players.parameters():
        weight.zero_()
    about = json.loads((run / "bundle" / "bundle.json").read_text())
    write_bundle(run / "bundle", bundle.players, bundle.spec, about["config"], about["about"])
    assert all(not t.any() for t in load_file(run / "bundle" / "weights.safetensors").values())
    found = evaluated(run, "--extractor", extractor)
    value = {number["name"]: number["value"]["value"] for number in found["numbers"]}
    assert value["duplicates"] == 1
    assert value["coverage"] < 0.1
    assert value["recall"] < 0.1
    assert all(np.isfinite(v) for v in value.values())
    assert "miss most of the data" in found["verdict"]


def test_samples_of_another_shape_are_refused(folder):
    answer = gantlet("evaluate", folder / "run", "--data", folder / "colour.npy", "-n", 60)
    assert_refused(answer, "shape (1, 8, 8)", "shape (3, 8, 8)")


def test_too_few_samples_to_compare_with_are_refused(folder, tmp_path):
    answer = gantlet("evaluate", folder / "run", "--data", folder / "few.npy", "-n", 60)
    assert_refused(answer, "at least 40", "received 3", "--data")
    np.save(tmp_path / "small.npy", np.arange(2400, dtype=np.float32).reshape(-1, 80))
    assert train(tmp_path / "small.npy", tmp_path / "run").code == 0
    assert_refused(gantlet("evaluate", tmp_path / "run", "-n", 60), "at least 40", "received 30")


def test_a_cache_whose_files_were_altered_is_made_anew(folder, tmp_path):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    first = evaluated(run)
    for path in (run / "cache").iterdir():
        content = bytearray(path.read_bytes())
        content[-8:] = b"\x00\x00\x80\x3f\x00\x00\x80\x3f"
        path.write_bytes(bytes(content))
    again = evaluated(run)
    for found in (first, again):
        found["about"].pop("seconds")
    assert first == again


def test_data_that_changed_are_never_evaluated_with_kept_features(tmp_path, images):
    x, y = images
    np.savez(tmp_path / "data.npz", x=x, y=y)
    assert train(tmp_path / "data.npz", tmp_path / "run").code == 0
    evaluated(tmp_path / "run")
    np.savez(tmp_path / "data.npz", x=255 - x, y=y)
    answer = gantlet("evaluate", tmp_path / "run", "-n", 60)
    assert_refused(answer, "as they were when it began", "--train")


def test_a_run_without_a_checkpoint_and_a_bundle_without_its_data_are_refused(folder, tmp_path):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    assert_refused(gantlet("evaluate", run / "bundle"), "a bundle without its run")
    shutil.rmtree(run / "bundle")
    shutil.rmtree(run / "checkpoints")
    assert_refused(gantlet("evaluate", run), "no bundle", "at its first tick")
    run = shutil.copytree(folder / "run", tmp_path / "moved")
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "source": str(tmp_path / "gone.npz")}))
    assert_refused(gantlet("evaluate", run), "cannot be opened", "--train DATA")


def test_a_folder_of_pictures_is_no_run(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    assert_refused(gantlet("evaluate", tmp_path), "no bundle", "gantlet train")
