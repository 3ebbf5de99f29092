"""Rows into files while they are made: those of `sample`, in flat memory, whole or not at all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gantlet import row_files
from gantlet.bundle import Bundle
from gantlet.config import override
from gantlet.data import DataSettings, open_data
from gantlet.errors import RunError, UsageError
from gantlet.networks.folded import FoldedGenerator
from gantlet.recipes import recipe
from gantlet.row_files import frames, sample_into_table
from gantlet.sample import sample
from gantlet.tables.files import read_table
from gantlet.training.trainer import built
from gantlet.where import sample_where
from tests.tables_for import rows

SMALL = ("network.hidden=[8]", "network.latent=4", "network.embedding=4", "game.group=16")


def untrained(frame, settings=None):
    """A generator as it is before training."""
    data = open_data(frame, settings or DataSettings())
    config = override(recipe("table", data.spec), SMALL)
    game = built(config, data.spec)
    game.players.eval()
    return Bundle(game, data.spec, config, {}, Path())


@pytest.fixture(scope="module")
def bundle():
    frame = rows(300).assign(id=[f"K{i:04d}" for i in range(300)])
    frame["colour"] = frame["colour"].astype("category")
    return untrained(frame)


@pytest.fixture(scope="module")
def constrained():
    """A generator of rows of which some break a constraint."""
    frame = rows(300)
    place = np.arange(300)
    frame["least"], frame["most"] = frame["age"] - place % 4, frame["age"] + place % 7
    texts = ("least <= most", "least <= age", "age <= most")  # the last by leaving rows out
    return untrained(frame, DataSettings(constraints=texts))


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(row_files, "_AT_ONCE", 1)


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.csv", "t.tsv.gz", "t.jsonl"])
def test_a_file_holds_the_rows_of_a_sample(bundle, small_parts, tmp_path, name):
    told = []
    path, share = sample_into_table(
        bundle, tmp_path / name, 5_000, seed=3, progress=lambda *at: told.append(at)
    )
    assert share == 1
    wanted = sample(bundle, 5_000, seed=3)
    if name in ("t.parquet", "t.feather"):
        pd.testing.assert_frame_equal(read_table(path)[0], wanted.frame)
    else:
        wanted.save(tmp_path / f"whole.{name[2:]}")
        assert path.read_bytes() == (tmp_path / f"whole.{name[2:]}").read_bytes()
    assert told == [(2_048, 5_000), (4_096, 5_000), (5_000, 5_000)]
    if name == "t.parquet":
        assert pq.ParquetFile(path).num_row_groups == 3


def test_rows_in_a_file_meet_the_constraints_as_those_of_a_sample_do(
    constrained, small_parts, tmp_path
):
    path, share = sample_into_table(constrained, tmp_path / "t.parquet", 3_000, seed=3)
    wanted = sample(constrained, 3_000, seed=3)
    assert share == wanted.share < 1
    pd.testing.assert_frame_equal(read_table(path)[0], wanted.frame)


@pytest.mark.parametrize("where", ["age>=30", "colour=blue and age>=30 and member=true"])
@pytest.mark.parametrize("which", ["bundle", "constrained"])
def test_rows_in_a_file_meet_conditions_as_those_of_a_sample_do(
    where, which, request, small_parts, tmp_path
):
    bundle = request.getfixturevalue(which)
    path, share = sample_into_table(bundle, tmp_path / "t.parquet", 4_000, where=where, seed=3)
    wanted = sample_where(bundle, 4_000, where, seed=3)
    assert share == wanted.share < 1
    pd.testing.assert_frame_equal(read_table(path)[0], wanted.frame)
    assert pq.ParquetFile(path).num_row_groups > 1


def test_rows_do_not_depend_on_threads_or_on_how_many_there_are(bundle, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = sample(bundle, 5_000, seed=1).values
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert np.array_equal(sample(bundle, 5_000, seed=1).values, one)
    assert np.array_equal(sample(bundle, 1_500, seed=1).values, one[:1_500])
    assert np.array_equal(
        sample(bundle, 9, seed=1, label="colour=red").frame["colour"], ["red"] * 9
    )


@pytest.mark.parametrize("where", [None, "age>=30"])
@pytest.mark.parametrize("which", ["bundle", "constrained"])
def test_only_the_rows_that_are_asked_for_are_computed(
    which, where, request, small_parts, monkeypatch
):
    """50 million rows begin at once: no more blocks are made than wait for their turn."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen, forward = [], FoldedGenerator.forward

    def counted(self, *given):
        seen.append(1)
        return forward(self, *given)

    monkeypatch.setattr(FoldedGenerator, "forward", counted)
    made = frames(request.getfixturevalue(which), 50_000_000, where=where)
    assert 0 < len(next(made)) <= 2_048
    made.close()
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_an_interruption_leaves_the_file_that_was_there(bundle, small_parts, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"older")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_into_table(bundle, path, 5_000, progress=stop)
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_what_cannot_be_written_is_refused(bundle, tmp_path):
    with pytest.raises(UsageError, match=r"\.parquet"):
        sample_into_table(bundle, tmp_path / "t.xlsx", 5)
    with pytest.raises(UsageError, match="at least 1"):
        sample_into_table(bundle, tmp_path / "t.csv", 0)
    with pytest.raises(UsageError, match="beside where age"):
        sample_into_table(bundle, tmp_path / "t.csv", 5, where="age>30", truncation=0.5)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        sample_into_table(bundle, tmp_path / "file" / "t.csv", 5)
