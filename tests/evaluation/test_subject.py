"""What is compared with what, and data that are gone, have changed, or do not fit."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import gantlet
from gantlet.data import open_data, store
from gantlet.data.dataset import Rows
from gantlet.data.settings import DataSettings
from gantlet.data.split import spared, split
from gantlet.errors import UsageError
from gantlet.evaluation import evaluate, kept_evidence
from gantlet.evaluation.parts import Part
from gantlet.evaluation.subject import Subject, gathered
from gantlet.spec import DataSpec
from gantlet.tables.columnar import ColumnFile
from tests.evaluation import planted, planted_tables


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a file of points, with its game."""
    folder = tmp_path_factory.mktemp("subject")
    np.save(folder / "points.npy", planted.data())
    game = planted.game(planted.honest, planted.data())
    settings = ["train.batch=64", "train.threads=1"]
    gantlet.train(
        folder / "points.npy", settings=settings, samples=64, out=folder / "run", game=game
    )
    return folder / "run", game


def test_the_four_sets_are_disjoint_and_the_halves_are_of_those_set_aside(run):
    path, game = run
    subject = gathered(path, 150, seed=0, game=game)
    train, floor, reference = (
        set(part.index.tolist()) for part in (subject.train, subject.floor, subject.reference)
    )
    assert not train & floor
    assert not train & reference
    assert not floor & reference
    assert len(train) + len(floor) + len(reference) == 3000
    assert abs(len(floor) - len(reference)) <= 1
    assert len(subject.held_out) == len(floor) + len(reference)


def test_few_samples_handed_over_are_the_reference_and_those_set_aside_the_floor(run):
    path, game = run
    own = gathered(path, 300, seed=0, game=game).held_out
    other = planted.data(79, seed=1)
    subject = gathered(path, 300, seed=0, data=other, game=game)
    assert np.array_equal(subject.reference.x[:], other)
    assert set(subject.floor.index) == set(own.index)
    assert subject.about["reference"] == "data handed over"
    half = gathered(path, 300, seed=0, data=own.x[:60], game=game)
    assert set(half.floor.index) == set(own.index[60:])


def test_the_floor_has_as_many_samples_as_were_generated(run):
    path, game = run
    few, all_ = (gathered(path, n, seed=0, game=game) for n in (60, 150))
    assert len(few.floor) == len(few.fake) == 60
    assert set(few.floor.index) < set(all_.floor.index)
    assert len(few.reference) == len(all_.reference)
    assert "As many samples make the floor as were generated: 60 of 150." in few.notes


def test_data_handed_over_that_were_trained_on_are_refused(run):
    path, game = run
    with pytest.raises(UsageError, match=r"3,000, of which it was trained on 2,700"):
        gathered(path, 300, seed=0, data=planted.data(), game=game)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run that set nothing aside, with its game."""
    folder = tmp_path_factory.mktemp("bare") / "run"
    return planted.run(planted.honest, folder, None, "data.held_out=false")


@pytest.mark.parametrize("which", ["run", "bare"])
def test_data_handed_over_are_halved_whatever_was_set_aside(which, request):
    path, game = request.getfixturevalue(which)
    x, other = planted.data(), planted.data(500, seed=1)
    other[7] = other[8]  # copies fall on the same side
    subject = gathered(path, 400, seed=0, train=x, data=other, game=game)
    floor, reference = subject.floor, subject.reference
    assert sorted([*floor.index, *reference.index]) == list(range(500))
    assert abs(len(floor) - len(reference)) <= 2
    assert not set(floor.hashes) & set(reference.hashes)
    for part in (floor, reference):
        assert np.array_equal(part.x[:], other[part.index])
    assert subject.about["reference"] == "half of data handed over"
    assert len(subject.train) == (3000 if which == "bare" else 2700)
    shuffled = gathered(path, 400, seed=0, train=x, data=other[::-1], game=game)
    assert set(shuffled.floor.hashes) == set(floor.hashes)
    few = gathered(path, 100, seed=0, train=x, data=other, game=game)
    assert len(few.floor) == 100
    assert len(few.reference) == len(reference)


def test_too_few_samples_to_halve_are_compared_with_and_have_no_floor(bare):
    path, game = bare
    x = planted.data()
    for n, told in ((70, "data handed over"), (0, "the training data")):
        other = planted.data(n, seed=1) if n else None
        subject = gathered(path, 100, seed=0, train=x, data=other, game=game)
        assert subject.floor is None
        assert len(subject.reference) == (n or 3000)
        assert any(f"{told}, and there is no floor: it takes 80" in n for n in subject.notes)


def test_samples_are_halved_by_how_many_differ(bare):
    path, game = bare
    other = planted.data(120, seed=1)
    other = np.concatenate([other, np.repeat(other[:1], 200, 0)])  # 201 of one, 119 others
    subject = gathered(path, 100, seed=0, train=planted.data(), data=other, game=game)
    assert subject.floor is None
    assert len(subject.reference) == 320


def test_samples_handed_over_that_the_run_has_seen_take_no_part(bare, tmp_path):
    path, game = bare
    x, other = planted.data(), planted.data(300, seed=1)
    both = np.concatenate([other, x[:200]])
    subject = gathered(path, 200, seed=0, train=x, data=both, game=game)
    assert max([*subject.floor.index, *subject.reference.index]) < 300
    assert len(subject.floor) + len(subject.reference) == 300
    told = "200 of the 500 samples handed over were seen while training, and take no part."
    assert told in subject.notes
    with pytest.raises(UsageError, match=r"301, of which it was trained on 151.*Give others\.$"):
        gathered(path, 200, seed=0, train=x, data=both[150:451], game=game)
    x = planted.data(6000)
    path, game = planted.run(planted.honest, tmp_path / "run", x)
    held_out = split(gathered(path, 200, seed=0, train=x, game=game).dataset, DataSettings())
    subject = gathered(path, 200, seed=0, train=x, data=x[held_out.held_out], game=game)
    assert len(subject.floor) + len(subject.reference) == 400
    assert any("200 of the 600 samples handed over were seen" in n for n in subject.notes)
    seen = spared(held_out.held_out, subject.dataset.hashes, 1000)[0]
    with pytest.raises(UsageError, match=r"received 200, of which it has seen 200"):
        gathered(path, 200, seed=0, train=x, data=x[seen], game=game)
    mixed = np.concatenate([x[seen], planted.data(30, seed=1)])
    with pytest.raises(UsageError, match=r"received 30.*200 of the 230 samples handed over were"):
        evaluate(path, mixed, n=200, train=x, game=game)


@pytest.mark.parametrize("aside", [True, False])
def test_samples_that_recur_by_chance_stay_and_training_samples_beyond_that_are_refused(
    tmp_path, aside
):
    x = np.rint(3 * planted.data())
    path, game = planted.run(planted.honest, tmp_path / "run", x, f"data.held_out={aside}")
    fresh = np.rint(3 * planted.data(600, seed=1))
    subject = gathered(path, 100, seed=0, train=x, data=fresh, game=game)
    assert len(subject.given.index) == 600
    assert any("of those equal others: they stay." in note for note in subject.notes)
    with pytest.raises(UsageError, match="samples that the run was not trained on"):
        gathered(path, 100, seed=0, train=x, data=x[subject.train.index], game=game)


def test_held_out_samples_have_labels_where_both_halves_have_them():
    x, y = np.zeros((2, 3)), np.array([0, 1])
    spec = DataSpec(kind="points", shape=(3,), classes=("a", "b"), frequencies=(0.5, 0.5))
    labelled, plain = Part(x, y, np.arange(2)), Part(x, None, np.arange(2))
    for reference, expected in ((labelled, [0, 1, 0, 1]), (plain, None)):
        bundle = SimpleNamespace(spec=spec)
        subject = Subject(
            bundle=bundle, dataset=None, fake=plain, train=plain, reference=reference,
            floor=labelled, about={}, notes=(),
        )  # fmt: skip
        found = subject.held_out
        assert len(found) == 4
        assert (None if found.y is None else found.y.tolist()) == expected


def test_the_training_samples_are_not_read_before_they_are_asked_for(run):
    path, game = run
    subject = gathered(path, 100, seed=0, game=game)
    assert isinstance(subject.train.x, Rows)
    assert subject.train.x.raw is subject.dataset.raw
    assert np.array_equal(subject.train.x[:5], subject.dataset.raw[subject.train.index[:5]])
    assert np.array_equal(subject.train.x.hashes, subject.dataset.hashes[subject.train.index])


def test_data_too_large_for_memory_are_read_from_the_cache(tmp_path, monkeypatch):
    x = planted.data().astype(np.float64)  # to be converted, so that the file itself does not do
    np.save(tmp_path / "points.npy", x)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "RESIDENT", 1000)
    game = planted.game(planted.honest, planted.data())
    settings = ["train.batch=64", "train.threads=1"]
    out, source = tmp_path / "run", tmp_path / "points.npy"
    gantlet.train(source, settings=settings, samples=64, out=out, game=game)
    other = planted.data(seed=1).astype(np.float64)
    np.save(tmp_path / "other.npy", other)
    subject = gathered(out, 100, seed=0, data=tmp_path / "other.npy", game=game)
    assert isinstance(subject.dataset.raw.base, np.memmap)
    assert np.array_equal(subject.dataset.raw, x.astype(np.float32))
    for part in (subject.reference, subject.floor):
        assert np.array_equal(part.x[:], other[part.index].astype(np.float32))


def test_samples_that_chose_the_checkpoint_take_no_part(tmp_path):
    x = planted.data(6000)
    path, game = planted.run(planted.honest, tmp_path / "run", x)
    subject = gathered(path, 200, seed=0, train=x, game=game)
    divided = split(subject.dataset, subject.bundle.config.data)
    used, unseen = spared(divided.held_out, subject.dataset.hashes, 1000)
    assert (len(used), len(subject.floor), len(subject.reference)) == (200, 200, 200)
    assert set(subject.held_out.index) == set(unseen)
    assert any(
        "200 of the samples set aside were looked at while training" in n for n in subject.notes
    )
    other = gathered(path, 400, seed=0, train=x, data=planted.data(60, seed=1), game=game)
    assert set(other.floor.index) == set(unseen)


def test_data_of_another_shape_are_refused(run):
    path, game = run
    with pytest.raises(UsageError, match=r"shape \(3,\).*received.*shape \(2,\)"):
        gathered(path, 100, seed=0, data=planted.data(500)[:, :2], game=game)


def test_data_that_changed_are_refused(run):
    path, game = run
    changed = planted.data()
    changed[0, 0] += 1
    with pytest.raises(UsageError, match=r"as they were when it began.*--train"):
        gathered(path, 100, seed=0, train=changed, game=game)


def test_data_that_moved_are_asked_for_and_taken(run):
    path, game = run
    points = path.parent / "points.npy"
    moved = points.rename(points.with_name("moved.npy"))
    try:
        with pytest.raises(UsageError, match=r"cannot be opened.*--train DATA"):
            gathered(path, 100, seed=0, game=game)
        assert len(gathered(path, 100, seed=0, train=moved, game=game).train) == 2700
    finally:
        moved.rename(points)


def test_arrays_must_be_handed_over(tmp_path):
    path, game = planted.run(planted.honest, tmp_path / "run")
    with pytest.raises(UsageError, match=r"they were an array.*--train DATA"):
        gathered(path, 100, seed=0, game=game)


def test_without_samples_set_aside_there_is_no_floor_and_it_is_said(tmp_path):
    x = planted.data(150)
    path, game = planted.run(planted.honest, tmp_path / "run", x)
    found = evaluate(path, n=100, train=x, game=game)
    assert all(number.floor is None for number in found.evidence.numbers)
    assert "No verdict" in found.evidence.verdict
    assert any("no floor" in note for note in found.evidence.notes)
    assert any("Copying was not tested" in note for note in found.evidence.notes)


def test_a_bundle_without_its_run_is_refused(run):
    path, game = run
    with pytest.raises(UsageError, match="without its run"):
        gathered(path / "bundle", 100, seed=0, game=game)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 10}, "at least 40"),
        ({"extractor": "pixel"}, "pixels"),
        ({"target": "age"}, "a run on a table"),
    ],
)
def test_options_that_cannot_be_used(run, options, words):
    path, game = run
    with pytest.raises(UsageError, match=words):
        evaluate(path, game=game, **options)


def test_torn_evidence_is_named(tmp_path):
    assert kept_evidence(tmp_path) is None
    (tmp_path / "evidence.json").write_text('{"format": 1, "numbers"')
    with pytest.raises(UsageError, match=r"altered or torn.*gantlet evaluate"):
        kept_evidence(tmp_path)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_of_a_long_table_some_training_rows_are_taken_and_never_the_whole(
    suffix, tmp_path, monkeypatch
):
    """A file by columns is read a column at a time; a text this short is read at once."""
    table, path = planted_tables.data(900), tmp_path / f"t.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    game = planted_tables.run(table, tmp_path / "run", path)
    monkeypatch.delattr(ColumnFile, "whole")
    all_rows = gathered(tmp_path / "run", 100, seed=0, game=game)
    monkeypatch.setattr("gantlet.evaluation.subject.MOST_TRAINED", 200)
    some = gathered(tmp_path / "run", 100, seed=0, game=game)
    assert len(some.train) == len(some.train.frame) == 200
    assert set(some.train.index) < set(all_rows.train.index)
    for part in (some.train, some.reference, some.floor, all_rows.train):
        wanted = table.iloc[part.index].reset_index(drop=True)
        pd.testing.assert_frame_equal(part.frame, wanted)
    assert some.reference.frame.equals(all_rows.reference.frame)
    assert f"Of {len(all_rows.train)} training rows 200, drawn by chance" in " ".join(some.notes)
    assert "drawn by chance" not in " ".join(all_rows.notes)


def test_images_that_are_there_twice_are_copies_and_take_no_part(tmp_path):
    x = open_data("digits").raw.astype(np.uint8)
    train = np.concatenate([x[:400], x[:100]])
    settings = {"train.batch": 16, "data.held_out": False, "train.threads": 1}
    run = gantlet.train(train, "mlp", settings, samples=16, out=tmp_path / "run", verbose=False)
    subject = gathered(run.path, 60, seed=0, train=train, data=np.concatenate([x[400:], x[:50]]))
    assert subject.dataset.recurs
    assert len(subject.given.index) == len(x) - 400
    assert subject.given.note.startswith("50 of the 1,447 samples handed over were seen")


def test_rows_of_few_values_are_never_refused_and_training_rows_of_many_are_left_out(tmp_path):
    draw = np.random.default_rng(0)

    def few(n):
        return pd.DataFrame({name: draw.choice(list("xyz"), n) for name in "abc"})

    def many(n):
        return pd.DataFrame({"a": draw.normal(size=n), "b": draw.normal(size=n)})

    for made in (few, many):
        table, fresh = made(600), made(300)
        out = tmp_path / made.__name__
        settings = ["data.held_out=false", "train.batch=128", "train.threads=1"]
        gantlet.train(table, settings=settings, samples=128, out=out, verbose=False)
        mixed = pd.concat([fresh, table[:100]], ignore_index=True)
        subject = gathered(out, 50, seed=0, train=table, data=fresh)
        assert len(subject.given.index) == 300
        subject = gathered(out, 50, seed=0, train=table, data=mixed)
        assert len(subject.given.index) == (400 if made is few else 300)
