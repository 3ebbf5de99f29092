"""The idx format: MNIST's own files, labels beside, and every kind of damage."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from gantlet.data import DataSettings, open_data
from gantlet.errors import UsageError

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 5, 6)).astype(np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 3


def idx(array, code=8, dtype=">u1"):
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(dtype).tobytes()


def write(path, content):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def mnist_like(folder, suffix=""):
    for part in ("train", "t10k"):
        write(folder / f"{part}-images-idx3-ubyte{suffix}", idx(IMAGES))
        write(folder / f"{part}-labels-idx1-ubyte{suffix}", idx(LABELS))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_finds_its_labels(tmp_path, suffix):
    write(tmp_path / "train-labels-idx1-ubyte", idx(LABELS))
    path = write(tmp_path / f"train-images-idx3-ubyte{suffix}", idx(IMAGES))
    data = open_data(path)
    assert np.array_equal(data.raw[:, 0], IMAGES)
    assert (data.spec.shape, data.spec.classes) == ((1, 5, 6), ("0", "1", "2"))
    assert data.y.tolist() == LABELS.tolist()
    assert open_data(path, DataSettings(labels=False)).y is None


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_of_a_folder_the_training_files_are_used(tmp_path, suffix):
    mnist_like(tmp_path, suffix)
    data = open_data(tmp_path)
    assert (len(data), data.name) == (12, tmp_path.name)
    assert data.notes == (f"Not trained on: t10k-images-idx3-ubyte{suffix}.",)


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_wider_types_are_big_endian(tmp_path, code, dtype):
    data = open_data(write(tmp_path / "a.idx", idx(IMAGES, code, dtype)))
    assert np.array_equal(data.raw[:, 0], IMAGES)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x01" + idx(IMAGES)[2:], "magic"),
        (b"hello", "magic"),
        (idx(IMAGES)[:10], "a header of 16 bytes"),
        (idx(IMAGES)[:-1], "expected 376 bytes"),
        (idx(IMAGES) + b"x", "expected 376 bytes"),
        (idx(LABELS), "labels, it seems"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "at most 10 GiB"),
    ],
)
def test_damage_is_told(tmp_path, content, words, suffix):
    with pytest.raises(UsageError, match=words):
        open_data(write(tmp_path / f"some-idx3-ubyte{suffix}", content))


def test_a_cut_gzip_file_is_told(tmp_path):
    path = write(tmp_path / "some-idx3-ubyte.gz", idx(IMAGES))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="whole gzip file"):
        open_data(path)


def test_labels_of_another_length_are_told(tmp_path):
    write(tmp_path / "a-labels-idx1-ubyte", idx(LABELS[:5]))
    with pytest.raises(UsageError, match="12 labels"):
        open_data(write(tmp_path / "a-images-idx3-ubyte", idx(IMAGES)))


def test_a_folder_of_two_sets_asks_which(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}-images-idx3-ubyte", idx(IMAGES))
    with pytest.raises(UsageError, match="path of the file"):
        open_data(tmp_path)


def test_real_mnist(real_data):
    """Counts and mean as the data's own description gives them."""
    if not (real_data / "mnist").is_dir():
        pytest.skip("MNIST is not in the folder of real data")
    data = open_data(real_data / "mnist")
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (data.raw.shape, data.raw.dtype, data.name) == ((60000, 1, 28, 28), np.uint8, "mnist")
    assert np.bincount(data.y).tolist() == counts
    assert data.spec.classes == tuple("0123456789")
    assert data.raw.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    test = open_data(real_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.y).tolist() == counts


def test_a_gzip_file_that_swells_is_refused_unread(tmp_path):
    blank = np.zeros((11, 1024, 1024), np.uint8)
    path = write(tmp_path / "a-idx3-ubyte.gz", idx(blank))
    with pytest.raises(UsageError, match=r"\(a bomb\)\. Unpack it yourself .* the plain file"):
        open_data(path)
    blank[0] = np.random.default_rng(0).integers(0, 256, blank[0].shape)
    assert np.array_equal(open_data(write(path, idx(blank))).raw[:, 0], blank)
