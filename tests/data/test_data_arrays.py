"""Arrays from files and from Python: shapes, types, ranges, labels."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch

from gantlet.data import DataSettings, archive, open_data, store
from gantlet.data.arrays import label_codes
from gantlet.errors import UsageError

RANDOM = np.random.default_rng(0)


def whole(*shape, high=256, dtype=np.uint8):
    return RANDOM.integers(0, high, shape).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 8, 9), (1, 8, 9)),
        ((5, 3, 8, 9), (3, 8, 9)),
        ((5, 8, 9, 2), (2, 8, 9)),
        ((5, 4, 4, 3), (3, 4, 4)),
        ((5, 12, 7, 7), (12, 7, 7)),
        ((5, 1, 1), (1, 1, 1)),
    ],
)
def test_the_axis_of_channels(shape, expected):
    x = whole(*shape)
    data = open_data(x)
    assert data.spec.shape == expected
    last = x.ndim == 4 and expected[0] == shape[-1]
    assert np.array_equal(data.raw, x.transpose(0, 3, 1, 2) if last else x.reshape(5, *expected))


@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (5, 3, 28, 3), (5, 6, 7, 8)])
def test_channels_that_nothing_tells_are_asked_for(shape):
    _, a, b, c = shape
    first = rf"data.channels=first for \(N, C, H, W\), here {a} channels of {b}x{c}"
    last = rf"data.channels=last for \(N, H, W, C\), here {c} channels of {a}x{b}"
    with pytest.raises(UsageError, match=f"{first}, or {last}"):
        open_data(whole(*shape))


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_lists_and_matrices_are_points(shape):
    x = RANDOM.normal(size=shape)
    data = open_data(x)
    assert (data.spec.kind, data.spec.shape, data.spec.dtype) == (
        "points",
        (x.size // 40,),
        "float32",
    )
    assert (data.spec.low, data.spec.high) == (data.raw.min(), data.raw.max())
    assert np.array_equal(data.raw, x.astype(np.float32).reshape(40, -1))
    coded = data.spec.encode(torch.from_numpy(data.raw))
    assert coded.min() == pytest.approx(-1, abs=1e-6)
    assert coded.max() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "dtype", "low", "high"),
    [
        (whole(9, 4, 4), "uint8", 0, 255),
        (whole(9, 4, 4, high=2), "uint8", 0, 1),
        (whole(9, 4, 4, high=2).astype(bool), "uint8", 0, 1),
        (whole(9, 4, 4, dtype=np.int64), "uint8", 0, 255),
        (whole(9, 4, 4, high=4096, dtype=np.int32), "uint16", 0, 4095),
        (np.full((9, 4, 4), 60000, np.uint16) - whole(9, 4, 4), "uint16", 0, 65535),
        (RANDOM.uniform(0, 1, (9, 4, 4)), "float32", 0, 1),
        (RANDOM.uniform(-1, 1, (9, 4, 4)).astype(np.float16), "float32", -1, 1),
        (np.linspace(-3, 7, 144, dtype=">f8").reshape(9, 4, 4), "float32", -3, 7),
    ],
    ids=["u1", "mask", "bool", "int64", "12-bit", "u2", "unit", "half", "range"],
)
def test_types_and_ranges(x, dtype, low, high):
    data = open_data(x)
    assert (data.raw.dtype, data.spec.dtype) == (dtype, dtype)
    assert (data.spec.low, data.spec.high) == (low, high)
    assert np.array_equal(data.raw[:, 0], x.astype(dtype))


def with_a_hole():
    x = np.ones((300, 4, 4), np.float32)
    x[0], x[123, 2, 1] = 0, np.nan
    return x


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (with_a_hole(), "first in sample 123"),
        (np.full((4, 2), np.inf), "NaN or infinity"),
        (np.array([1e300, 0, 1]), "NaN or infinity"),
        (np.array([[1], [None]], dtype=object), "expected numbers"),
        (np.array(["a", "b"]), "expected numbers"),
        (np.zeros((0, 4, 4)), "without values"),
        (np.zeros((2, 2, 2, 2, 2)), "received shape"),
        (whole(1, 4, 4), "at least 2 samples"),
        (np.ones((4, 4, 4)), "the value 1 everywhere"),
        (np.zeros((4, 4, 4), np.uint8), "the value 0 everywhere"),
        (np.array([[[-5]], [[70000]]]), "whole numbers in"),
        ("no array", "there is no"),
        (7, "received int"),
    ],
)
def test_what_cannot_be_used_is_refused(x, words):
    with pytest.raises(UsageError, match=words):
        open_data(x)


@pytest.mark.parametrize("shape", [(6, 5, 7, 9), (6, 3, 4, 4)])
def test_channels_may_be_said(shape):
    x = whole(*shape)
    assert open_data(x, DataSettings(channels="first")).spec.shape == shape[1:]
    last = open_data(x, DataSettings(channels="last"))
    assert last.spec.shape == (shape[3], shape[1], shape[2])
    assert np.array_equal(last.raw, x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("channels", ["first", "last"])
@pytest.mark.parametrize("shape", [(40,), (40, 3), (40, 8, 9)])
def test_channels_said_of_an_array_without_their_axis_are_refused(shape, channels):
    with pytest.raises(UsageError, match=r"data\.channels: expected auto .*no axis of channels"):
        open_data(whole(*shape), DataSettings(channels=channels))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12, 33])
def test_any_number_of_channels_is_read_from_both_layouts(count, tmp_path):
    x = whole(6, count, 10, 21)
    for channels, layout in (("first", x), ("last", x.transpose(0, 2, 3, 1).copy())):
        np.save(tmp_path / f"{channels}.npy", layout)
        stored = open_data(tmp_path / f"{channels}.npy", DataSettings(channels=channels))
        assert stored.spec.shape == (count, 10, 21)
        assert np.array_equal(stored.raw, x)


def test_what_was_resized_of_one_reading_is_not_taken_for_the_other(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", whole(6, 3, 28, 3))
    monkeypatch.setattr(store, "RESIDENT", 100)
    first, last = (
        open_data(
            tmp_path / "a.npy",
            DataSettings(size=(4, 4), channels=channels),
            cache=tmp_path / "cache",
        )
        for channels in ("first", "last")
    )
    assert first.spec.shape == last.spec.shape == (3, 4, 4)
    assert not np.array_equal(first.raw, last.raw)


def test_channel_last_maps_are_neither_read_nor_copied(tmp_path):
    x = whole(50, 6, 7, 3)
    np.save(tmp_path / "photos.npy", x)
    data = open_data(tmp_path / "photos.npy")
    assert isinstance(data.raw, np.memmap)
    assert data.raw.transpose(0, 2, 3, 1).flags.c_contiguous
    assert (data.name, data.fingerprint) == ("photos", open_data(x).fingerprint)


def test_conversions_of_large_arrays_go_to_the_cache(tmp_path, monkeypatch):
    x = RANDOM.normal(size=(30, 5, 5))
    np.save(tmp_path / "a.npy", x)
    monkeypatch.setattr(store, "RESIDENT", 100)
    data = open_data(tmp_path / "a.npy", cache=tmp_path / "cache")
    assert [p.name[:10] for p in (tmp_path / "cache").iterdir()] == ["converted-"]
    assert np.array_equal(data.raw[:, 0], x.astype(np.float32))


def test_npz_with_labels(tmp_path):
    x, y = whole(6, 4, 4), np.array([3, 10, 3, 3, 10, 9])
    np.savez(tmp_path / "set.npz", images=x, labels=y)
    data = open_data(tmp_path / "set.npz")
    assert (data.spec.classes, data.y.tolist()) == (("3", "9", "10"), [0, 2, 0, 0, 2, 1])
    assert sum(data.spec.frequencies) == pytest.approx(1)
    assert open_data((x, y)).fingerprint == data.fingerprint
    assert open_data((x, y), DataSettings(labels=False)).y is None


def test_npz_without_a_known_name_is_refused(tmp_path):
    np.savez(tmp_path / "set.npz", p=whole(3, 4, 4), q=whole(3, 4, 4))
    with pytest.raises(UsageError, match="received p, q"):
        open_data(tmp_path / "set.npz")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_objects_are_never_unpickled(tmp_path, name):
    x = np.array([{"a": 1}, None], dtype=object)
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, x, allow_pickle=True)
    with pytest.raises(UsageError, match="never unpickled"):
        open_data(tmp_path / name)


@pytest.mark.parametrize("keep", [4, 60, -10])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_cut_files_are_refused(tmp_path, keep, name):
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, whole(5, 4, 4))
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:keep])
    with pytest.raises(UsageError, match="a fault"):
        open_data(tmp_path / name)


def test_tensors_are_arrays():
    x, y = torch.rand(6, 3, 4, 4), torch.tensor([1, 0, 1, 0, 1, 1])
    data = open_data((x, y))
    assert torch.equal(torch.from_numpy(data.raw), x)
    assert data.y.tolist() == y.tolist()
    assert open_data(x.bfloat16().requires_grad_()).spec.dtype == "float32"


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([2.0, 10.0, 2.0], ("2", "10"), [0, 1, 0]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        ([-1, 1, -1], ("-1", "1"), [0, 1, 0]),
        (np.array(["é".encode(), b"a", b"a"]), ("a", "é"), [1, 0, 0]),
    ],
)
def test_labels_are_coded(y, classes, codes):
    data = open_data((whole(3, 4, 4), y))
    assert (data.spec.classes, data.y.tolist()) == (classes, codes)
    assert data.y.dtype == np.int64


@pytest.mark.parametrize(
    "y",
    [
        *([1, 2], [[1], [2], [3]], [0.5, 1, 2], [None, 1, 2]),
        *([np.inf, 1, 1], [np.nan, 1, 1], [1e300, 1, 1], [b"\xe9", b"b", b"b"]),
    ],
)
def test_wrong_labels_are_refused(y):
    with pytest.raises(UsageError, match="the labels"):
        open_data((whole(3, 4, 4), np.array(y)))


def test_one_class_is_no_label():
    data = open_data((whole(3, 4, 4), [7, 7, 7]))
    assert (data.y, data.spec.classes) == (None, ())
    assert "single class" in data.notes[-1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_arrays_are_resized(dtype):
    x = np.zeros((3, 2, 6, 6), dtype)
    x[:, 1] = 200
    data = open_data(x, DataSettings(size=(3, 4)))
    assert (data.spec.shape, data.spec.dtype) == ((2, 3, 4), np.dtype(dtype).name)
    assert np.array_equal(data.raw, np.broadcast_to(x[:, :, :1, :1], (3, 2, 3, 4)))
    assert "resized to 3x4" in data.notes[-1]


def zipped(path, content, method=zipfile.ZIP_DEFLATED, name="x.npy"):
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr(name, content)
    return path


def npy(x):
    stream = io.BytesIO()
    np.save(stream, x)
    return stream.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("seed", range(5))
def test_damage_within_an_npz_is_told(tmp_path, method, seed):
    path = zipped(tmp_path / "a.npz", npy(whole(40, 8, 8)), method)
    content, random = bytearray(path.read_bytes()), np.random.default_rng(seed)
    at = random.integers(60, 2000, 40)
    for i, value in zip(at, random.integers(0, 256, 40), strict=True):
        content[i] = value
    path.write_bytes(content)
    with pytest.raises(UsageError, match="a fault"):
        open_data(path)


def test_an_unknown_compression_is_told(tmp_path):
    path = zipped(tmp_path / "a.npz", npy(whole(5, 4, 4)))
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x03\x04") + 8] = content[content.rfind(b"PK\x01\x02") + 10] = 99
    path.write_bytes(content)
    with pytest.raises(UsageError, match="a fault"):
        open_data(path)


@pytest.mark.parametrize("shape", ["(9999999999999, 4)", "(10, 2)", "(9" + "9" * 30 + ",)"])
def test_a_header_that_lies_is_told_before_memory_is_taken(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + bytes(40)
    with pytest.raises(UsageError, match="a header that says"):
        open_data(zipped(tmp_path / "a.npz", content))
    (tmp_path / "a.npy").write_bytes(content)
    if shape != "(10, 2)":  # a longer file than said is read as far as said
        with pytest.raises(UsageError, match="a fault"):
            open_data(tmp_path / "a.npy")


@pytest.mark.parametrize("change", [(b"(", b"9"), (b"}", b" "), (b"5,", b"05"), (b"'sh", b"b'h")])
def test_a_header_that_is_no_literal_is_told(tmp_path, change):
    content = npy(whole(5, 4, 4)).replace(*change, 1)
    (tmp_path / "a.npy").write_bytes(content)
    for path in (tmp_path / "a.npy", zipped(tmp_path / "a.npz", content)):
        with pytest.raises(UsageError, match="a fault"):
            open_data(path)


def test_masks_that_shrink_far_are_no_bomb(tmp_path):
    x = np.zeros((12, 1024, 1024), bool)
    x[3, 5, 7] = True
    np.savez_compressed(tmp_path / "masks.npz", x=x)
    assert (tmp_path / "masks.npz").stat().st_size < x.nbytes / 200
    data = open_data(tmp_path / "masks.npz")
    assert (data.spec.high, data.raw.sum(), data.raw[3, 0, 5, 7]) == (1, 1, 1)


def test_a_large_npz_is_refused_with_a_way_out(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=whole(5, 4, 4))
    monkeypatch.setattr(archive, "_TOTAL", 100)
    with pytest.raises(UsageError, match=r"when unpacked.*np\.save as \.npy"):
        open_data(tmp_path / "a.npz")


def test_many_classes_are_coded_in_their_order():
    y = np.random.default_rng(1).permutation(20_000)
    classes, codes = label_codes(y, len(y))
    assert classes == tuple(map(str, range(20_000)))
    assert np.array_equal(codes, y)
