"""Maps in a cache that several processes may share."""

from __future__ import annotations

import os

import numpy as np
import pytest

from gantlet import processors
from gantlet.data import DataSettings, open_data, resize, store
from gantlet.data.store import stored


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(store, "RESIDENT", 100)


def filled(value, cache, key="k", step="images"):
    def fill(out):
        out[:] = value

    return stored((200,), "uint8", fill, cache=cache, step=step, key=key)


def test_two_processes_that_decode_at_once_do_not_meet(tmp_path, monkeypatch):
    """The second begins and ends while the first is amid its work."""

    def fill(out):
        out[:100] = 1
        monkeypatch.setattr(os, "getpid", lambda: 2)
        assert (filled(5, tmp_path) == 5).all()
        monkeypatch.undo()
        assert (out[100:] == 0).all()
        out[100:] = 2

    first = stored((200,), "uint8", fill, cache=tmp_path, step="images", key="k")
    assert first.tolist() == [1] * 100 + [2] * 100
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"text", b"\x93NUMPY"])
def test_a_damaged_map_is_written_anew(tmp_path, damage):
    filled(1, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage)
    assert (filled(3, tmp_path) == 3).all()
    assert (filled(4, tmp_path) == 3).all()


def test_a_new_map_takes_the_place_of_the_steps_last_which_its_readers_keep(tmp_path):
    old, other = filled(1, tmp_path, key="a"), filled(2, tmp_path, step="resized")
    assert (filled(3, tmp_path, key="b") == 3).all()
    assert (old == 1).all()
    assert (other == 2).all()
    assert sorted(p.name.split("-")[0] for p in tmp_path.iterdir()) == ["images", "resized"]


def test_without_a_key_no_file_is_left(tmp_path):
    assert (filled(1, tmp_path, key="") == 1).all()
    assert list(tmp_path.iterdir()) == []


def test_drafts_left_behind_go_after_a_day(tmp_path):
    for name, age in (("old.1.part", 25), ("new.2.part", 1)):
        (tmp_path / name).write_text("x")
        when = store.time.time() - age * 3600
        os.utime(tmp_path / name, (when, when))
    filled(1, tmp_path)
    assert [p.name for p in tmp_path.glob("*.part")] == ["new.2.part"]


def test_conversion_and_resize_are_both_used_again(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 6, 6))
    np.save(tmp_path / "a.npy", x)
    cache, settings = tmp_path / "cache", DataSettings(size=(5, 5))
    data = open_data(tmp_path / "a.npy", settings, cache=cache)
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    again = open_data(tmp_path / "a.npy", settings, cache=cache)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert sorted(name.split("-")[0] for name in before) == ["converted", "resized"]
    assert again.fingerprint == data.fingerprint


def test_the_pool_follows_the_quota(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    files = {"/sys/fs/cgroup/cpu.max": "300000 100000"}
    monkeypatch.setattr(processors, "words", lambda path: files.get(path, "").split())
    counts, pool = [], resize.ThreadPoolExecutor

    def counted(max_workers):
        counts.append(max_workers)
        return pool(max_workers)

    monkeypatch.setattr(resize, "ThreadPoolExecutor", counted)
    assert resize.each(lambda n: n * n, range(20)) == [n * n for n in range(20)]
    assert counts == [3]
