"""Runs that begin with the weights of another run or of a bundle."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

import gantlet
from gantlet.bundle import BundleWriter, stored
from gantlet.config import override, read_yaml
from gantlet.data import open_data
from gantlet.errors import UsageError
from gantlet.networks import NETWORKS
from gantlet.origin import origin_of
from gantlet.recipes import tiny
from gantlet.run import plan
from gantlet.training.checkpoint import newest, read
from gantlet.training.folder import Folder
from gantlet.training.trainer import built
from tests.training.small import images, trainer

SMALL = {
    "network": {"name": "dcgan", "width": 4, "latent": 8, "embedding": 4},
    "game.group": 4,
    "train.batch": 16,
    "train.tick": 32,
    "train.threads": 1,
    "train.precision": "float32",
    "validation.extractor": "pixels",
}
X = np.random.default_rng(1).integers(0, 256, (240, 1, 8, 8), dtype=np.uint8)
FIRST, OTHER = (X, np.arange(240) % 3), (255 - X, np.arange(240) % 3)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run that was trained once; not to be changed."""
    return train(FIRST, tmp_path_factory.mktemp("trained") / "first").path


@pytest.fixture
def first(trained, workplace):
    """A copy of it, in the place where the test works."""
    return shutil.copytree(trained, workplace / "first").relative_to(workplace)


def train(data, out, samples=64, settings=SMALL, **more):
    return gantlet.train(data, "dcgan", settings, out=out, samples=samples, verbose=False, **more)


def held(run, seen):
    """The players' and the averaged tensors of a checkpoint."""
    found = read(run / "checkpoints" / f"{seen:012d}").tensors
    return found["players"], found["averaged"]


def assert_same(a, b, names=None):
    assert names is not None or a.keys() == b.keys()
    for name in a if names is None else names:
        assert torch.equal(a[name], b[name]), name


def test_from_a_run_both_players_begin_where_its_newest_checkpoint_is(first, workplace):
    second = train(OTHER, "second", init_from=first, settings={**SMALL, "train.keep": 9}).path
    for mine, theirs in zip(held(second, 0), held(first, 64), strict=True):
        assert_same(mine, theirs)
    assert read_yaml(second / "config.yaml").train.init_from == "first"
    record = json.loads((second / "run.json").read_text())["init_from"]
    assert (record["kind"], record["seen"]) == ("run", 64)
    assert record["path"] == str((workplace / "first").resolve())
    assert len(record["weights"]) == 32
    assert (
        f"trained on array, 64 samples seen (BLAKE2b {record['weights']})"
        in (second / "bundle" / "README.md").read_text()
    )
    told = (second / "bundle" / "bundle.json").read_text()
    assert record["weights"] in told
    assert str(workplace) not in told


def test_a_run_can_begin_with_the_one_that_it_puts_aside(first):
    again = train(OTHER, first.name, 16, init_from=first, fresh=True).path
    old = first.with_name("first.old-1")
    assert_same(held(again, 0)[0], held(old, 64)[0])


def test_from_a_bundle_only_the_generator_begins_so_and_it_is_said(first, workplace, capsys):
    kept = {**SMALL, "train.keep": 9}
    gantlet.train(OTHER, "dcgan", kept, out="b", samples=32, init_from=first / "bundle")
    said = capsys.readouterr().out
    assert "The weights of generator begin as those of bundle first/bundle at 64 samples" in said
    assert "A bundle holds no discriminator, which begins anew" in said
    plain = train(OTHER, "plain", settings=kept).path
    weights = stored(first / "bundle")[1]
    players, averaged = held(workplace / "b", 0)
    assert_same(averaged, weights)
    assert_same(players, {**held(plain, 0)[0], **weights})


class Stop(gantlet.Callback):
    """Ends a session at its first tick, as a kill after the checkpoint would."""

    def on_tick(self, tick):
        raise KeyboardInterrupt


def test_once_begun_a_run_goes_on_bit_exactly_whatever_becomes_of_the_source(first):
    settings = {**SMALL, "train.freeze_discriminator": 1}

    def go(out, *callbacks):
        return train(OTHER, out, 96, settings, init_from=first, callbacks=callbacks)

    whole = go("whole")
    with pytest.raises(KeyboardInterrupt):
        go("parted", Stop())
    shutil.rmtree(first)
    shutil.copytree(whole.path, first)  # other weights
    with pytest.raises(KeyboardInterrupt):
        go("parted", Stop())
    shutil.rmtree(first)
    parted = go("parted")
    for mine, theirs in zip(held(parted.path, 96), held(whole.path, 96), strict=True):
        assert_same(mine, theirs)
    records = [json.loads((run.path / "run.json").read_text()) for run in (whole, parted)]
    assert records[0]["init_from"] == records[1]["init_from"]
    assert np.array_equal(whole.sample(4).values, parted.sample(4).values)


def test_a_run_with_other_first_weights_is_another_run(first):
    train(OTHER, "second", samples=16)
    with pytest.raises(UsageError, match=r"train\.init_from: None -> first"):
        train(OTHER, "second", init_from="first")
    asked = plan(OTHER, "dcgan", SMALL, init_from="first/").identity
    assert asked == plan(OTHER, "dcgan", [*_words(SMALL), "train.init_from=first"]).identity


def _words(settings):
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def source(path, recipe, data=None):
    """A run of a tiny recipe after one pass, and its data."""
    run = trainer(path, recipe, "stop.samples=16", "train.tick=16")
    about = {"data": "made", "count": 240, "own_game": False}
    run.callbacks = (BundleWriter(about),)
    run.run()
    Folder(path).write_record({"format": 1})
    return run


@pytest.mark.parametrize("name", NETWORKS)
def test_with_other_classes_all_but_what_depends_on_them_is_taken_over(name, tmp_path):
    run = source(tmp_path / "run", name)
    config = override(tiny(name, run.spec), [f"train.init_from={tmp_path / 'run'}"])
    spec = replace(run.spec, classes=tuple("abcde"), frequencies=(0.2,) * 5)
    game = built(config, spec)
    before = {key: t.clone() for key, t in game.players.state_dict().items()}
    origin = origin_of(game, spec, config)
    assert_same(game.players.state_dict(), before)  # nothing was given yet
    origin.give(
        game.players, torch.nn.ModuleDict({"generator": built(config, spec).players["generator"]})
    )
    after, theirs = game.players.state_dict(), newest(run.folder.checkpoints)[0].tensors["players"]
    learners = [key for key in after if key.startswith(("generator.", "discriminator."))]
    anew = {key for key in learners if key not in origin.players and "growth" not in key}
    assert anew
    assert all("table" in key or "affine" in key or "classify" in key for key in anew)
    assert_same(after, before, anew)
    assert_same(after, theirs, origin.players)
    told = f"{len(run.spec.classes)} classes and the data have 5 classes: layers that depend"
    assert told in " ".join(origin.notes)
    unlabelled = replace(spec, classes=(), frequencies=())
    origin = origin_of(built(config, unlabelled), unlabelled, config)
    assert len(origin.players) > len(theirs) / 2
    assert "the data have no classes" in " ".join(origin.notes)


def test_networks_that_grow_begin_small_again_and_say_so(tmp_path):
    run = source(tmp_path / "run", "progressive")
    config = override(
        tiny("progressive", run.spec), [f"train.init_from={tmp_path / 'run'}", "network.steady=1"]
    )
    game = built(config, run.spec)
    origin = origin_of(game, run.spec, config)
    assert not [key for key in origin.players if "growth" in key]
    assert "begin at their first size again" in " ".join(origin.notes)
    assert "network.steady: 64 -> 1" in " ".join(origin.notes)


def other(run, *settings, recipe="dcgan", **changes):
    config = override(tiny(recipe, run.spec), [f"train.init_from={run.folder.path}", *settings])
    spec = replace(run.spec, **changes)
    return origin_of(built(config, spec), spec, config)


def test_what_does_not_fit_is_one_clear_error(tmp_path):
    run = source(tmp_path / "run", "dcgan")
    with pytest.raises(UsageError, match=r"image of shape 1 x 12 x 8.*1 x 8 x 8.*--size 8x8"):
        other(run, shape=(1, 12, 8))
    with pytest.raises(UsageError, match=r"shape 3 x 8 x 8.*1 x 8 x 8.*without --from"):
        other(run, shape=(3, 8, 8))
    with pytest.raises(UsageError, match=r"\.\S+ of shape .* received .*Add network\.width=4"):
        other(run, "network.width=8")
    with pytest.raises(UsageError, match=r"received .* of shape none.*--recipe dcgan"):
        other(run, recipe="r3gan")
    with pytest.raises(UsageError, match="settings under game"):
        other(run, "game.pack=2", classes=(), frequencies=())


def test_a_source_that_is_not_there_or_not_whole_is_told_and_nothing_is_written(first, workplace):
    with pytest.raises(UsageError, match="no bundle in nowhere"):
        train(OTHER, "second", init_from="nowhere")
    assert not (workplace / "second").exists()
    with pytest.raises(UsageError, match="no bundle in nowhere"):
        train(FIRST, "first", init_from="nowhere", fresh=True)
    assert first.exists()
    assert not (workplace / "first.old-1").exists()
    frozen = {**SMALL, "train.freeze_discriminator": 1}
    with pytest.raises(UsageError, match=r"holds generator alone.*run's folder"):
        train(OTHER, "second", init_from=first / "bundle", settings=frozen)
    for checkpoint in (first / "checkpoints").iterdir():
        (checkpoint / "players.safetensors").write_bytes(b"torn")
    with pytest.raises(UsageError, match=r"no checkpoint of run first is whole.*first/bundle"):
        train(OTHER, "second", init_from=first)
    assert not (workplace / "second").exists()


def test_a_class_of_another_name_is_taken_over_by_its_order(tmp_path):
    run = source(tmp_path / "run", "dcgan")
    assert images().spec.classes == ("0", "1", "2")
    notes = " ".join(other(run, classes=("cat", "dog", "owl")).notes)
    assert "cat begins as its 0" in notes


def test_a_game_of_ones_own_begins_with_its_players_by_name(tmp_path):
    run = source(tmp_path / "run", "dcgan")
    config = override(tiny("dcgan", run.spec), [f"train.init_from={tmp_path / 'run'}"])
    game = built(config, run.spec)
    assert set(origin_of(game, run.spec, config, own=True).players) == set(
        newest(run.folder.checkpoints)[0].tensors["players"]
    )
    renamed = replace(game, players=torch.nn.ModuleDict({"maker": game.players["generator"]}))
    phases = [replace(game.phases[1], trains=("maker",))]
    renamed = replace(renamed, phases=phases, bundled=("maker",))
    with pytest.raises(UsageError, match=r"one of the players maker.*none of them"):
        origin_of(renamed, run.spec, config, own=True)
    spec = replace(run.spec, classes=("a",), frequencies=(1.0,))
    with pytest.raises(UsageError, match="networks of the same layers"):
        origin_of(built(config, spec), spec, config, own=True)


def test_without_a_source_there_is_no_origin():
    data = open_data(FIRST)
    config = tiny("dcgan", data.spec)
    assert origin_of(built(config, data.spec), data.spec, config) is None
