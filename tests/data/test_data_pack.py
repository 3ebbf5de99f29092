"""Packed data: the same data in one file, whole or not there, and never decoded twice."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, decoding, open_data, packing
from gantlet.data.doctor import examine
from gantlet.data.packed import HEAD
from gantlet.data.packing import pack
from gantlet.data.split import split
from gantlet.errors import UsageError

RANDOM = np.random.default_rng(0)


def write(folder, count=40, shape=(6, 5, 3), classes=2, dtype=np.uint8):
    for i in range(count):
        path = folder / f"c{i % classes}" / f"{i:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RANDOM.integers(0, 256, shape).astype(dtype)).save(path)
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(decoding, "_IMAGES", 8)


def assert_same(packed, data):
    assert packed.fingerprint == data.fingerprint
    assert (packed.spec, packed.name, packed.notes) == (data.spec, data.name, data.notes)
    assert np.array_equal(packed.raw, data.raw)
    assert packed.known is not None
    assert np.array_equal(packed.hashes, data.hashes)


@pytest.mark.parametrize(
    "settings",
    [DataSettings(), DataSettings(size=(4, 3), fit="pad", labels=False)],
    ids=["plain", "resized"],
)
def test_a_packed_folder_is_the_folder(tmp_path, settings):
    folder, out = write(tmp_path / "photos", 240), tmp_path / "new" / "a.pack"
    done = pack(folder, out, settings, workers=1)
    assert (done.path, done.count, done.made) == (out, 240, 240)
    data, packed = open_data(folder, settings), open_data(out)
    assert_same(packed, data)
    assert isinstance(packed.raw.base, np.memmap)
    one, other = (split(which, DataSettings()).held_out for which in (data, packed))
    assert np.array_equal(one, other)
    assert [path.name for path in out.parent.iterdir()] == ["a.pack"]


def test_processes_decode_the_same(tmp_path):
    folder = write(tmp_path / "photos", 60)
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*.png")):
            packed.write(file, file.relative_to(folder))
    heard = []
    pack(archive, tmp_path / "a.pack", workers=2, tell=lambda *now: heard.append(now))
    assert_same(open_data(tmp_path / "a.pack"), open_data(archive))
    assert heard[0] == (0, 60)
    assert heard[-1] == (60, 60)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


def odd_last(folder):
    """The last image, which no probe has seen, is in colour, or larger, or transparent."""
    write(folder, 30, shape=(6, 5))
    for name, shape in (("c0/a", (6, 5, 3)), ("c0/b", (9, 9)), ("c1/c", (6, 5, 4))):
        Image.fromarray(RANDOM.integers(0, 256, shape).astype(np.uint8)).save(
            folder / f"{name}.png"
        )
    return folder


def test_a_form_that_was_guessed_wrong_is_mended(tmp_path, monkeypatch):
    folder = odd_last(tmp_path / "photos")
    monkeypatch.setattr(packing, "_PROBES", 1)
    done = pack(folder, tmp_path / "a.pack", workers=1)
    assert (done.count, done.made) == (33, 66)
    assert_same(open_data(tmp_path / "a.pack"), open_data(folder))


@pytest.mark.parametrize(
    "source",
    [
        "digits",
        "ring",
        (RANDOM.integers(0, 65536, (40, 2, 5, 7)).astype(np.uint16), np.arange(40) % 3),
        RANDOM.normal(size=(40, 6, 5, 3)),
    ],
    ids=["digits", "ring", "deep", "real"],
)
def test_other_data_are_packed_too(tmp_path, source):
    out = tmp_path / "a.pack"
    done = pack(source, out)
    assert_same(open_data(out), open_data(source))
    assert (done.made, pack(source, out).made) == (done.count, 0)


def test_settings_for_packed_data(tmp_path):
    folder, out = write(tmp_path / "photos"), tmp_path / "a.pack"
    pack(folder, out, workers=1)
    smaller = DataSettings(size=(3, 3), labels=False)
    assert open_data(out, smaller).fingerprint == open_data(folder, smaller).fingerprint
    with pytest.raises(UsageError, match="label file to gantlet pack"):
        open_data(out, DataSettings(labels="a.csv"))


def test_packed_again_only_what_changed(tmp_path):
    folder, out = write(tmp_path / "photos", 20), tmp_path / "a.pack"
    pack(folder, out, workers=1)
    before = out.stat().st_mtime_ns
    assert pack(folder, out, DataSettings(flip=True), workers=1).made == 0
    assert out.stat().st_mtime_ns == before
    mapped = open_data(out).raw[0].copy()
    write(folder, 22)
    assert pack(folder, out, workers=1).made == 22
    assert len(open_data(out)) == 22
    assert mapped.shape == (3, 6, 5)


KILLED = """
import multiprocessing, os, sys
from pathlib import Path
from gantlet.data import decoding
from gantlet.data.packing import pack

def tell(done, total):
    if done >= 24:
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), 9)

if __name__ == "__main__":
    decoding._IMAGES = 8
    pack(sys.argv[1], Path(sys.argv[2]), workers=int(sys.argv[3]), tell=tell)
"""


def killed(folder, out, workers):
    """A packing that is killed in the middle; the numbers of its processes."""
    script = out.with_name("killed.py")
    script.write_text(KILLED)
    command = [sys.executable, script, folder, out, str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not out.exists()
    return done.stdout.split()


INTERRUPTED = KILLED.replace("os.kill(os.getpid(), 9)", "os.killpg(0, 2)").replace(
    "    decoding._IMAGES = 8",
    "    import signal\n"
    "    signal.signal(2, signal.default_int_handler)  # a shell's background jobs ignore it\n"
    "    decoding._IMAGES = 8",
)


def test_an_interrupt_is_for_the_parent_alone(tmp_path):
    """As Ctrl-C in a terminal, which all processes of the command hear."""
    folder, out = write(tmp_path / "photos", 80), tmp_path / "a.pack"
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, script, folder, out, "2"],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == -2
    assert done.stderr.count("Traceback") == 1
    assert "Process" not in done.stderr
    assert not out.exists()
    assert 0 < pack(folder, out, workers=1).made < 80
    assert_same(open_data(out), open_data(folder))


def journal_of(out):
    return out.with_name(f".{out.name}.journal")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_packing_that_was_killed_goes_on(tmp_path, workers):
    folder, out = write(tmp_path / "photos", 80), tmp_path / "a.pack"
    children = killed(folder, out, workers)
    assert len(children) == (workers if workers > 1 else 0)
    end = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end, "processes outlived their parent"
        time.sleep(0.05)
    written = len(journal_of(out).read_text().splitlines()) - 1
    assert written >= 3
    done = pack(folder, out, workers=1)
    assert (done.count, done.made) == (80, 80 - 8 * written)
    assert_same(open_data(out), open_data(folder))
    assert not journal_of(out).exists()


def test_what_the_draft_does_not_bear_out_is_decoded_again(tmp_path):
    folder, out = write(tmp_path / "photos", 80), tmp_path / "a.pack"
    killed(folder, out, 1)
    with out.with_name(".a.pack.part").open("r+b") as file:
        file.seek(HEAD + 10)
        file.write(b"\x00\x01\x02")
    with journal_of(out).open("a") as file:
        file.write('{"start": 24, "hash')
    done = pack(folder, out, workers=1)
    assert done.made == 80 - 2 * 8
    assert_same(open_data(out), open_data(folder))


def test_a_draft_of_other_data_is_not_gone_on_with(tmp_path):
    folder, out = write(tmp_path / "photos", 80), tmp_path / "a.pack"
    killed(folder, out, 1)
    write(folder, 80)
    assert pack(folder, out, workers=1).made == 80
    assert_same(open_data(out), open_data(folder))


@pytest.mark.parametrize("workers", [1, 2])
def test_damaged_images_are_named_and_leave_nothing(tmp_path, workers):
    folder, out = write(tmp_path / "photos", 40), tmp_path / "a.pack"
    whole = (folder / "c0" / "0010.png").read_bytes()
    (folder / "c0" / "0010.png").write_bytes(whole[: len(whole) // 2])
    (folder / "c1" / "0031.png").write_text("no picture")
    with pytest.raises(UsageError, match=r"2 of 40 that cannot: c0/0010\.png \(damaged") as error:
        pack(folder, out, workers=workers)
    assert "c1/0031.png (no image by its content)" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_data_that_are_refused_once_decoded_leave_nothing(tmp_path):
    folder = write(tmp_path / "photos", 1, classes=1)
    with pytest.raises(UsageError, match="at least 2 samples, received 1"):
        pack(folder, tmp_path / "a.pack", workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_file_of_another_kind_is_never_replaced(tmp_path):
    folder, out = write(tmp_path / "photos", 8), tmp_path / "thesis.doc"
    out.write_text("years of work")
    for source in (folder, "digits"):
        with pytest.raises(UsageError, match="a file of another kind"):
            pack(source, out, workers=1)
    assert out.read_text() == "years of work"


def test_two_do_not_pack_the_same(tmp_path):
    folder, out = write(tmp_path / "photos", 8), tmp_path / "a.pack"
    with out.with_name(".a.pack.part").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="being packed by another process"):
            pack(folder, out, workers=1)
    assert pack(folder, out, workers=1).made == 8


def test_a_full_disk_is_told_before_decoding(tmp_path, monkeypatch):
    folder = write(tmp_path / "photos", 8)
    usage = packing.check_space.__globals__["shutil"].disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(UsageError, match="free space"):
        pack(folder, tmp_path / "a.pack", workers=1)


@pytest.fixture
def packed(tmp_path):
    out = tmp_path / "a.pack"
    pack(write(tmp_path / "photos", 20), out, workers=1)
    return out


def test_the_header_is_json_that_a_person_can_read(packed):
    header = json.loads(packed.read_bytes()[:HEAD])
    assert (header["format"], header["version"], header["count"]) == ("gantlet-pack", 1, 20)
    assert header["spec"]["shape"] == [3, 6, 5]
    text = header["sections"]["text"]
    content = packed.read_bytes()[text["offset"] :][: text["length"]]
    assert json.loads(content)["names"][:2] == ["c0/0000.png", "c0/0002.png"]
    assert json.loads(content)["classes"] == ["c0", "c1"]


def test_cut_and_altered_files_are_refused(packed):
    whole = packed.read_bytes()
    labels = json.loads(whole[:HEAD])["sections"]["labels"]["offset"]
    for at, words in ((30, "header"), (labels + 1, "another content of its labels")):
        content = bytearray(whole)
        content[at] ^= 1
        packed.write_bytes(content)
        with pytest.raises(UsageError, match=words):
            open_data(packed)
    for length in (100, HEAD, len(whole) - 1):
        packed.write_bytes(whole[:length])
        with pytest.raises(UsageError, match="expected whole packed data"):
            open_data(packed)


def test_a_newer_format_is_told(packed):
    content = packed.read_bytes()
    packed.write_bytes(content.replace(b'"version": 1', b'"version": 2', 1))
    with pytest.raises(UsageError, match=r"format 2.*newer Gantlet"):
        open_data(packed)


def test_the_doctor_checks_every_sample(packed):
    assert not [p for p in examine(packed).problems if p.severity == "error"]
    content = bytearray(packed.read_bytes())
    content[HEAD + 7 * 90 + 3] ^= 1
    packed.write_bytes(content)
    faults = [p.sentence for p in examine(packed).problems if p.severity == "error"]
    assert faults == ["Samples that are not what was packed: 1, first number 7."]


def test_parts_cover_all_and_fit_into_memory():
    entries = [decoding.Entry(str(i), "", None, size) for i, size in enumerate([1, 2**24, 3] * 9)]
    for row in (1, 2**23, 2**26):
        found = decoding.parts(entries, row)
        assert [i for part in found for i in part] == list(range(27))
        assert all(len(part) <= 8 for part in found)
        assert all(len(part) * row <= 2**25 or len(part) == 1 for part in found)
        sizes = [sum(entries[i].size for i in part) for part in found]
        assert all(size <= 2**24 + 3 for size in sizes)


def same_facts(*folders):
    """Files of equal names, sizes and times, and of other content."""
    for shade, folder in enumerate(folders):
        for i in range(12):
            path = folder / f"{i}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((6, 6), 20 * i + shade, np.uint8)).save(path)
            os.utime(path, (1_000_000, 1_000_000))


def test_data_of_equal_names_sizes_and_times_are_other_data(tmp_path):
    one, other, out = tmp_path / "p1" / "slices", tmp_path / "p2" / "slices", tmp_path / "a.pack"
    same_facts(one, other)
    assert pack(one, out, workers=1).made == 12
    assert pack(one, out, workers=1).made == 0
    assert pack(other, out, workers=1).made == 12
    assert open_data(out).fingerprint == open_data(other).fingerprint


def test_what_another_source_was_packed_to_is_replaced_by_name_alone(tmp_path, monkeypatch):
    one, other = tmp_path / "a" / "train", tmp_path / "b" / "train"
    same_facts(one, other)
    monkeypatch.chdir(tmp_path)
    pack(one, workers=1)
    held = open_data("train.pack").fingerprint
    with pytest.raises(
        UsageError, match=rf"received the packed data of {one}\. .* -o train\.pack"
    ):
        pack(other, workers=1)
    np.save(tmp_path / "train.npy", np.arange(432, dtype=np.uint8).reshape(12, 6, 6))
    with pytest.raises(UsageError, match="packed data of"):
        pack(tmp_path / "train.npy")
    assert open_data("train.pack").fingerprint == held
    (one / "0.bmp").unlink()  # the same source, changed
    assert pack(one, workers=1).count == 11
    assert pack(other, Path("train.pack"), workers=1).made == 12


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_some(tmp_path, workers):
    with pytest.raises(UsageError, match="at least 1 process, received"):
        pack(write(tmp_path / "photos"), tmp_path / "a.pack", workers=workers)
