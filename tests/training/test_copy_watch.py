"""Copying while training: planted copies are found, fresh real samples pass, cost is bounded."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import gantlet
from gantlet.data import open_data
from gantlet.data.split import split_hashes
from gantlet.metrics.extractors.pixels import pixels
from gantlet.metrics.neighbours import nearest, standing_out, standing_out_among
from gantlet.training.copying import (
    Closeness,
    against_one_another,
    against_unseen,
    thumbnails,
)
from gantlet.training.folder import Folder
from gantlet.training.health import HEALTHY, verdict
from tests.evaluation import planted
from tests.tables_for import TABLE
from tests.training.test_validation import looked_at

DIGITS = open_data("digits")


def watch(train, unseen, most=5_000):
    return against_unseen(pixels(DIGITS.spec), DIGITS, train, unseen, most)


def parts(seed, *counts):
    """Disjoint parts of the digits, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(DIGITS))
    return np.split(order[: sum(counts)], np.cumsum(counts)[:-1])


def features(index):
    return pixels(DIGITS.spec).answers(DIGITS.raw[np.asarray(index)]).features


def test_fresh_real_digits_are_not_called_copies():
    """A bound that holds in 39 of 40 draws is passed in at least 95 of 100."""
    passed = 0
    for seed in range(100):
        train, unseen, fresh = parts(seed, 900, 150, 400)
        passed += not watch(train, unseen).look(features(fresh)).copies
    assert passed >= 95


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_copies_are_found_also_among_fresh_samples(share):
    train, unseen, fresh = parts(0, 900, 150, 500)
    made = features(fresh)
    count = int(share * len(made))
    made[:count] = features(train[:count]) + 0.01
    found = watch(train, unseen).look(made)
    assert found.copies
    assert found.share >= share


GAUSSIAN = np.random.default_rng(0).normal(size=(1_000, 64)).astype(np.float32)
"""Points whose nearest neighbours are about as far apart as two points at all."""


@pytest.mark.parametrize("unseen", [True, False])
def test_a_blur_in_the_middle_of_the_data_is_no_copy_and_a_blurred_copy_is(unseen):
    """The mean is nearer to all samples than nearly any sample is to another."""
    data, index = open_data(GAUSSIAN), np.arange(1_000)
    extractor = thumbnails(data.spec)
    watch = (
        against_unseen(extractor, data, index[:800], index[800:], 5_000)
        if unseen
        else against_one_another(data, index[:800], 5_000)
    )
    noise = 0.1 * np.random.default_rng(1).normal(size=(200, 64)).astype(np.float32)
    blur = noise + GAUSSIAN[:800].mean(0)
    x = extractor.answers(np.concatenate([blur, noise + GAUSSIAN[:200], GAUSSIAN])).features
    near = nearest(x[:200], x[400:1200]).distance
    assert near.max() < nearest(x[1200:], x[400:1200]).distance.quantile(0.05)
    assert not watch.look(x[:200]).copies
    assert watch.look(x[200:400]).share == 1.0
    assert not watch.look(x[1200:]).copies
    beside = extractor.answers(noise / 2 + 0.7 * GAUSSIAN[:1]).features
    assert standing_out(beside, x[400:1200]).max() < standing_out_among(x[400:1200]).min()
    assert watch.look(beside).share <= 0.01  # two hundred of one kind are one


def test_a_sample_that_recurs_counts_once():
    train, unseen, fresh = parts(0, 900, 150, 500)
    found = watch(train, unseen).look(features([*fresh, *[train[0]] * 5_000]))
    assert not found.copies


def test_of_many_training_samples_a_bounded_number_is_looked_through():
    train, unseen, _ = parts(0, 1200, 150, 1)
    some = watch(train, unseen, most=300)
    assert some.known.shape == (300, 64)
    copies = features(train)  # a quarter of them of samples that are looked through
    assert some.look(copies).copies
    assert some.look(copies).share == pytest.approx(0.25 + 0.75 * 0.05, abs=0.05)
    again = watch(train, unseen, most=300)
    assert torch.equal(some.known, again.known)


def test_features_that_are_not_finite_are_not_judged():
    train, unseen, fresh = parts(0, 900, 150, 100)
    assert watch(train, unseen).look(features(fresh) / 0) is None


@pytest.mark.parametrize("n", [600, 6000])
def test_validation_finds_a_generator_that_copies_and_no_honest_one(n, tmp_path):
    x = planted.data(n)
    train = split_hashes(open_data(x).hashes).train
    copier = planted.copier(x[train])
    honest = looked_at(x, planted.honest, tmp_path)[2]
    copying = looked_at(x, copier, tmp_path)[2]
    assert not honest.copies
    assert copying.copies
    assert copying.quality.value > 0.5  # what it copies is good, and yet it is never the best
    assert copying.row["copying"] > copying.row["copying_bound"]


@pytest.mark.parametrize("n", [20, 100])
def test_without_unseen_samples_training_samples_are_the_yardstick_and_fresh_ones_pass(n):
    passed = 0
    for seed in range(100):
        train, fresh = parts(seed, n, 600)
        passed += not against_one_another(DIGITS, train, 5_000).look(features(fresh)).copies
    assert passed >= 95


def test_without_unseen_samples_copies_are_found_too():
    train, fresh = parts(0, 100, 600)
    watch = against_one_another(DIGITS, train, 5_000)
    made = features(fresh)
    made[:200] = features(train).repeat(2, 1) + 0.01 * torch.randn(200, 64)
    assert watch.look(made).copies
    assert watch.known.shape == (100, 64)
    assert against_one_another(DIGITS, train[:19], 5_000) is None
    assert against_one_another(DIGITS, np.repeat(train[:10], 10), 5_000) is None  # the same ten


def test_thumbnails_are_means_of_equal_parts():
    x = np.random.default_rng(0).integers(0, 256, (3, 2, 64, 8), dtype=np.uint8)
    found = thumbnails(open_data(x).spec).answers(x).features.view(3, 2, 32, 8)
    means = torch.from_numpy(x).float().view(3, 2, 32, 2, 8).mean(3) / 127.5 - 1
    torch.testing.assert_close(found, means)


def test_what_tells_of_copying_is_said_and_turned_off_nothing_does(tmp_path):
    off = looked_at(planted.data(600), planted.honest, tmp_path, copies=0)
    assert off[2].closeness is None
    assert "copying" not in off[2].row
    assert off[0].note.endswith("copying is not watched.")
    on = looked_at(planted.data(600), planted.honest, tmp_path)[0]
    assert on.note.endswith("those set aside tell of copying.")
    x = planted.data(150)
    few, _, found = looked_at(x, planted.honest, tmp_path)
    assert few.note.endswith("their distances to one another tell of copying.")
    assert not found.copies
    assert looked_at(x, planted.copier(x), tmp_path)[2].copies


def test_a_run_that_copies_says_so_in_its_log_its_verdict_and_its_bundle(tmp_path, capsys):
    """The generator draws honestly for one tick, then returns training samples."""
    x = planted.data(600)
    copier = planted.copier(x[split_hashes(open_data(x).hashes).train])
    ticks = []

    class Count(gantlet.Callback):
        def on_tick(self, tick):
            ticks.append(tick)

    run = gantlet.train(
        x,
        settings={"train.batch": 64, "train.tick": 256, "train.threads": 1},
        samples=1024,
        out=tmp_path / "run",
        game=planted.game(lambda z: copier(z) if ticks else planted.honest(z), x),
        callbacks=[Count()],
    )
    rows = Folder(run.path).rows()
    assert [row["copying"] > row["copying_bound"] for row in rows] == [False, True, True, True]
    assert run.verdict.name == "copying"
    assert "The generator copies" in rows[-1]["health"]
    said = " ".join(capsys.readouterr().out.split())
    assert "The generator copies" in said
    assert "The bundle holds the generator at 256 samples" in said


def test_copying_becomes_a_verdict_after_three_looks():
    row = {"coverage": 0.9, "spread": 1.0}
    found = {**row, "copying": 0.2, "copying_bound": 0.1}
    between = [found, row, found, row, found, row]  # not every tick looks
    assert verdict(between).name == "copying"
    assert verdict([found, row, found, row]) == HEALTHY
    assert verdict([found, found, {**found, "copying": 0.1}]) == HEALTHY
    assert Closeness(0.2, 0.1).copies
    assert not Closeness(0.1, 0.1).copies


def test_where_samples_recur_copying_is_not_watched(tmp_path):
    """No unseen sample equals a training one, but a perfect sampler's do."""
    x = planted.data(600)
    recurring = np.concatenate([x[:500], x[:20]])
    found = looked_at(recurring, planted.copier(recurring), tmp_path)
    assert found[2].closeness is None
    assert found[0].note.endswith("copying is not watched, as samples recur.")
    assert open_data(recurring).recurs
    assert not open_data(np.concatenate([x[:500], x[:4]])).recurs
    assert not open_data(np.concatenate([x[:40], x[:2]])).recurs  # two copies make no rule
    assert open_data(np.concatenate([x[:40], x[:3]])).recurs
    assert replace(DIGITS, spec=TABLE).recurs
