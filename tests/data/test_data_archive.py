"""Zips of images: read as folders are, and refused where they are dangerous."""

from __future__ import annotations

import io
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, archive, open_data
from gantlet.errors import UsageError


def png(seed=0):
    stream = io.BytesIO()
    array = np.random.default_rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def pack(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return path


def test_a_zip_equals_the_folder_it_packs(tmp_path):
    members = [(f"set/{kind}/{i}.png", png(i)) for i, kind in enumerate("baba")]
    path = pack(tmp_path / "Photos 1.zip", [*members, ("__MACOSX/x.png", b"")])
    with zipfile.ZipFile(path) as packed:
        packed.extractall(tmp_path / "folder")
    zipped, folder = open_data(path), open_data(tmp_path / "folder")
    assert (zipped.name, zipped.spec.classes, zipped.y.tolist()) == (
        "photos-1",
        ("a", "b"),
        [0, 0, 1, 1],
    )
    assert zipped.fingerprint == folder.fingerprint
    assert zipped.notes == ("Ignored 1 file without images (hidden 1).",)


def test_the_kind_is_told_by_content(tmp_path):
    path = pack(tmp_path / "photos.dat", [("a.png", png(0)), ("b.png", png(1))])
    assert len(open_data(path)) == 2


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "..\\a.png"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"a name with '\.\.'"):
        open_data(pack(tmp_path / "a.zip", [(name, png())]))


@pytest.mark.parametrize("name", ["/a.png", "C:/a.png"])
def test_absolute_names_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match="an absolute name"):
        open_data(pack(tmp_path / "a.zip", [(name, png())]))


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UsageError, match="a symbolic link"):
        open_data(pack(tmp_path / "a.zip", [(link, "/etc/passwd")]))


def test_a_member_that_swells_is_refused(tmp_path):
    with pytest.raises(UsageError, match="bomb"):
        open_data(pack(tmp_path / "a.zip", [("a.png", bytes(11 * 2**20))]))


def test_a_large_sum_is_refused(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", [(f"{i}.png", png(i)) for i in range(20)])
    monkeypatch.setattr(archive, "_TOTAL", 1000)
    with pytest.raises(UsageError, match="when unpacked"):
        open_data(path)


def test_a_size_that_lies_is_refused(tmp_path):
    """A declared size of 100 bytes: no more are read, and the checksum tells."""
    path = pack(tmp_path / "a.zip", [("a.png", png(0)), ("b.png", png(1))])
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"1 of 2 .*b\.png"):
        open_data(path)


def test_damaged_archives_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UsageError, match="damaged"):
        open_data(path)


def test_damage_within_is_named(tmp_path):
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("b.png", b"text"), ("c.png", png())])
    with pytest.raises(UsageError, match=r"1 of 3 .*b\.png \(no image by its content\)"):
        open_data(path)


def test_real_cifar10(real_data):
    path = real_data / "cifar10" / "cifar10-png-lossless-train4000-test1000.zip"
    if not path.exists():
        pytest.skip("the CIFAR-10 subset is not in the folder of real data")
    data = open_data(path, DataSettings())
    counts = np.bincount(data.y)
    assert (data.raw.shape, len(data.spec.classes)) == ((4000, 3, 32, 32), 10)
    assert (counts.min(), counts.max()) == (366, 422)
    assert "1,000 images in 'test'" in data.notes[0]
