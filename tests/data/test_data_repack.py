"""Packing over what is there: never over the source, always over what is damaged or changed."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, decoding, open_data, store
from gantlet.data.doctor import examine
from gantlet.data.packed import HEAD, names_of
from gantlet.data.packing import pack
from gantlet.errors import UsageError

RANDOM = np.random.default_rng(0)


def photos(folder, count=20, shape=(6, 5, 3)):
    folder.mkdir()
    for i in range(count):
        image = RANDOM.integers(0, 256, shape).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{i:02}.png")
    return folder


@pytest.mark.parametrize("spelling", ["same", "dots", "link", "hard link", "default"])
def test_packed_data_are_never_replaced_by_a_packing_of_them(tmp_path, monkeypatch, spelling):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "photos.pack"
    pack(photos(tmp_path / "photos"), source, workers=1)
    before = source.read_bytes()
    other = tmp_path / "other.pack"
    if spelling == "link":
        other.symlink_to("photos.pack")
    if spelling == "hard link":
        os.link(source, other)
    outs = {"same": source, "dots": tmp_path / "photos" / ".." / "photos.pack", "default": None}
    with pytest.raises(UsageError, match=r"the packing of itself.*Choose another with -o"):
        pack(source, outs.get(spelling, other), DataSettings(size=(3, 3)))
    assert source.read_bytes() == before
    assert sorted({path.name for path in tmp_path.iterdir()} - {"other.pack"}) == [
        "photos",
        "photos.pack",
    ]


def test_a_packing_of_packed_data_keeps_the_names_of_their_files(tmp_path):
    pack(photos(tmp_path / "photos", 3), tmp_path / "a.pack", workers=1)
    pack(tmp_path / "a.pack", tmp_path / "b.pack", DataSettings(size=(3, 3)))
    assert names_of(tmp_path / "b.pack") == ("00.png", "01.png", "02.png")


def test_classes_that_are_renamed_are_packed_anew(tmp_path):
    x = RANDOM.integers(0, 256, (20, 4, 4)).astype(np.uint8)
    for names in (["a", "b"], ["cat", "dog"]):
        assert pack((x, names * 10), tmp_path / "a.pack").made == 20
        assert open_data(tmp_path / "a.pack").spec.classes == tuple(names)
        assert pack((x, names * 10), tmp_path / "a.pack").made == 0


def altered(place):
    """A byte of a section with all its bits turned; where it is a number, that byte of it."""

    def damage(path):
        content = bytearray(path.read_bytes())
        sections = json.loads(content[:HEAD])["sections"]
        content[sections[place]["offset"] + 2 if place in sections else place] ^= 0xFF
        path.write_bytes(content)

    return damage


DAMAGE = {
    "a sample": altered("samples"),
    "the hashes": altered("hashes"),
    "the text": altered("text"),
    "the header": altered(40),
    "the end": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "all but the beginning": lambda path: path.write_bytes(path.read_bytes()[:50]),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["folder", "arrays"])
def test_damaged_packed_data_are_made_anew_by_the_same_command(tmp_path, kind, damage):
    out = tmp_path / "a.pack"
    source = photos(tmp_path / "photos") if kind == "folder" else "ring"
    count = pack(source, out, workers=1).made
    DAMAGE[damage](out)
    assert pack(source, out, workers=1).made == count
    assert open_data(out).fingerprint == open_data(source).fingerprint
    assert not [problem for problem in examine(out).problems if problem.severity == "error"]
    assert pack(source, out, workers=1).made == 0


def test_a_newer_format_is_never_replaced(tmp_path):
    out = tmp_path / "a.pack"
    pack("ring", out)
    newer = out.read_bytes().replace(b'"version": 1', b'"version": 2', 1)
    out.write_bytes(newer)
    with pytest.raises(UsageError, match="newer Gantlet"):
        pack("ring", out)
    assert out.read_bytes() == newer


def stop(done, _):
    if done >= 8:
        raise KeyboardInterrupt


def test_what_is_decoded_outlives_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_IMAGES", 4)
    folder, out = photos(tmp_path / "photos"), tmp_path / "a.pack"
    with pytest.raises(KeyboardInterrupt):
        pack(folder, out, workers=1, tell=stop)
    usage = store.shutil.disk_usage(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(UsageError, match="free space"):
            pack(folder, out, workers=1)
    assert pack(folder, out, workers=1).made == 12
    assert open_data(out).fingerprint == open_data(folder).fingerprint


@pytest.mark.parametrize("journal", [b"\xff\xfe\x00", b"[1, 2]\n", b"3\n"])
def test_a_journal_that_is_none_is_forgotten(tmp_path, journal):
    (tmp_path / ".a.pack.journal").write_bytes(journal)
    assert pack(photos(tmp_path / "photos", 3), tmp_path / "a.pack", workers=1).made == 3


def test_alpha_weights_the_colours_of_packed_images_too(tmp_path):
    folder = photos(tmp_path / "photos", 4, (9, 9, 4))
    pack(folder, tmp_path / "a.pack", workers=1)
    pack(tmp_path / "a.pack", tmp_path / "b.pack", DataSettings(labels=False))
    smaller = DataSettings(size=(4, 4))
    expected = open_data(folder, smaller).fingerprint
    for name in ("a.pack", "b.pack"):
        assert open_data(tmp_path / name, smaller).fingerprint == expected
        with pytest.raises(UsageError, match=r"Pack the images again.*data\.alpha=white"):
            open_data(tmp_path / name, DataSettings(alpha="white"))


def test_what_is_converted_beyond_memory_is_packed(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", RANDOM.random((20, 6, 6)))
    expected = open_data(tmp_path / "a.npy", DataSettings(size=(3, 3))).fingerprint
    monkeypatch.setattr(store, "RESIDENT", 10)
    out = tmp_path / "new" / "a.pack"
    assert pack(tmp_path / "a.npy", out, DataSettings(size=(3, 3))).made == 20
    assert open_data(out).fingerprint == expected
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.npy", "a.pack", "new"]
