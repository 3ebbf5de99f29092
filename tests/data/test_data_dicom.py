"""DICOM slices: values in the units of their files, whichever way they are stored."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data
from gantlet.data.doctor import examine
from gantlet.errors import UsageError

RANDOM = np.random.default_rng(0)


def write(path, pixels, kind="MONOCHROME2", bits=None, transfer="1.2.840.10008.1.2.1", **more):
    """A small file by pydicom; `more` are attributes of the data set."""
    pydicom = pytest.importorskip("pydicom")
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.UID(transfer)
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    one = pydicom.Dataset()
    one.file_meta = meta
    frames = pixels.shape[0] if more.get("NumberOfFrames") else None
    one.Rows, one.Columns = pixels.shape[1:3] if frames else pixels.shape[:2]
    one.SamplesPerPixel = 3 if kind == "RGB" else 1
    if kind == "RGB":
        one.PlanarConfiguration = 0
    one.PhotometricInterpretation = kind
    one.BitsAllocated = pixels.dtype.itemsize * 8
    one.BitsStored = bits or one.BitsAllocated
    one.HighBit, one.PixelRepresentation = one.BitsStored - 1, int(pixels.dtype.kind == "i")
    for name, value in more.items():
        setattr(one, name, value)
    squeezed = meta.TransferSyntaxUID.is_compressed
    content = pixels.tobytes()
    one.PixelData = pydicom.encaps.encapsulate([content]) if squeezed else content
    one["PixelData"].VR = "OW" if one.BitsAllocated == 16 and not squeezed else "OB"
    one.save_as(path, enforce_file_format=True)


def stored(bits, shape=(5, 6), signed=False):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    return RANDOM.integers(low, high, shape).astype(np.int16 if signed else np.uint16)


def test_hounsfield_units_are_those_of_slope_and_intercept(tmp_path):
    slices = [stored(12) for _ in range(3)]
    for i, one in enumerate(slices):
        write(tmp_path / f"{i}.dcm", one, bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    data = open_data(tmp_path)
    expected = np.stack(slices).astype(np.float32) - 1024
    assert (data.spec.shape, data.spec.dtype) == ((1, 5, 6), "float32")
    assert np.array_equal(data.raw[:, 0], expected)
    assert (data.spec.low, data.spec.high) == (expected.min(), expected.max())
    assert any("rescale slope and intercept" in note for note in data.notes)


@pytest.mark.parametrize(
    ("bits", "dtype", "high"), [(8, "uint8", 255), (10, "uint16", 1023), (16, "uint16", 65535)]
)
def test_values_without_rescale_keep_their_bits(tmp_path, bits, dtype, high):
    slices = [stored(bits).astype(np.uint8 if bits == 8 else np.uint16) for _ in range(2)]
    slices[0][0, 0] = 2**bits - 1
    for i, one in enumerate(slices):
        write(tmp_path / f"{i}.dcm", one, bits=bits)
    data = open_data(tmp_path)
    assert (data.spec.dtype, data.spec.high) == (dtype, high)
    assert np.array_equal(data.raw[:, 0], np.stack(slices))


@pytest.mark.parametrize("signed", [False, True])
def test_monochrome1_is_inverted_within_its_stored_bits(tmp_path, signed):
    one = stored(12, signed=signed)
    more = {"RescaleSlope": "0.5", "RescaleIntercept": "10"}
    for i, kind in enumerate(["MONOCHROME1", "MONOCHROME2"]):
        write(tmp_path / f"{i}.dcm", one, kind, bits=12, **more)
    data = open_data(tmp_path)
    ends = -1 if signed else 4095
    assert np.array_equal(data.raw[0, 0], 0.5 * (ends - one) + 10)
    assert np.array_equal(data.raw[1, 0], 0.5 * one + 10)
    assert any("MONOCHROME1 inverted, so that more is brighter: 1." in n for n in data.notes)


def test_slices_of_unlike_depth_keep_their_values(tmp_path):
    one = stored(8).astype(np.uint8)
    write(tmp_path / "a.dcm", one)
    write(tmp_path / "b.dcm", one.astype(np.uint16) * 3, bits=12)
    data = open_data(tmp_path)
    assert np.array_equal(data.raw[:, 0], np.stack([one, one.astype(np.uint16) * 3]))


def test_colour_and_the_first_of_several_frames(tmp_path):
    colour = RANDOM.integers(0, 256, (2, 5, 6, 3)).astype(np.uint8)
    write(tmp_path / "a.dcm", colour, "RGB", NumberOfFrames=2)
    write(tmp_path / "b.dcm", colour[1], "RGB")
    data = open_data(tmp_path)
    assert np.array_equal(data.raw, colour.transpose(0, 3, 1, 2))
    assert any("several frames" in note for note in data.notes)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_of_colours_the_upper_8_of_the_stored_bits_are_taken(tmp_path, bits):
    colours = [stored(bits, (5, 6, 3)) for _ in range(2)]
    for i, one in enumerate(colours):
        write(tmp_path / f"{i}.dcm", one, "RGB", bits=bits)
    data = open_data(tmp_path)
    assert np.array_equal(data.raw.transpose(0, 2, 3, 1), np.stack(colours) >> (bits - 8))
    assert (data.spec.dtype, data.spec.high) == ("uint8", 255)
    told = "Images of 16 bits a colour, of which the upper 8 were taken: 2." in data.notes
    assert told == (bits > 8)


def test_dicom_beside_other_images_is_refused(tmp_path):
    write(tmp_path / "a.dcm", stored(12), bits=12)
    Image.fromarray(stored(12)).save(tmp_path / "b.png")
    with pytest.raises(UsageError, match="1 of 2 files in DICOM"):
        open_data(tmp_path)


def test_what_cannot_be_read_is_named(tmp_path):
    write(tmp_path / "good.dcm", stored(12), bits=12)
    (tmp_path / "text.dcm").write_bytes(b"no slice at all" * 20)
    write(tmp_path / "odd.dcm", stored(12), "PALETTE COLOR")
    with pytest.raises(UsageError, match="2 of 3") as caught:
        open_data(tmp_path)
    assert "text.dcm (no DICOM file by its content)" in str(caught.value)
    assert "odd.dcm (DICOM with pixels of kind PALETTE COLOR)" in str(caught.value)


def test_a_compression_without_its_plug_in_is_named(tmp_path):
    jpeg2000 = "1.2.840.10008.1.2.4.90"
    for name in "ab":
        write(tmp_path / f"{name}.dcm", stored(12), bits=12, transfer=jpeg2000)
    with pytest.raises(UsageError, match=r"compressed as JPEG 2000 .*pip install pylibjpeg"):
        open_data(tmp_path)


def test_the_doctor_reads_slices(tmp_path):
    for i in range(3):
        write(tmp_path / f"{i}.dcm", stored(12), bits=12, RescaleIntercept=-1024, RescaleSlope=1)
    found = examine(tmp_path)
    assert (found.count, found.bits, found.sizes) == (3, (32,), (((5, 6), 3),))


def test_without_pydicom_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.dcm").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for opens in (open_data, examine):
        with pytest.raises(UsageError, match=r"pip install 'gantlet\[medical\]'"):
            opens(tmp_path, DataSettings())


def grouped(**pairs):
    """A functional group of frames whose values are so transformed."""
    pydicom = pytest.importorskip("pydicom")
    group, found = pydicom.Dataset(), pydicom.Dataset()
    for name, value in pairs.items():
        setattr(found, name, value)
    group.PixelValueTransformationSequence = [found]
    return group


@pytest.mark.parametrize("place", ["Shared", "PerFrame"])
def test_slope_and_intercept_of_several_frames_stand_in_groups(tmp_path, place):
    frames = stored(12, (2, 5, 6))
    groups = [grouped(RescaleSlope=2, RescaleIntercept=-1024)]
    if place == "PerFrame":
        groups.append(grouped(RescaleSlope=5, RescaleIntercept=7))
    more = {f"{place}FunctionalGroupsSequence": groups}
    for name in "ab":
        write(tmp_path / f"{name}.dcm", frames, bits=12, NumberOfFrames=2, **more)
    data = open_data(tmp_path)
    assert data.spec.dtype == "float32"
    assert np.array_equal(data.raw[0, 0], 2.0 * frames[0] - 1024)


def flat_ones(examination):
    return [p.sentence for p in examination.problems if "Nearly constant" in p.sentence]


@pytest.mark.parametrize("intercept", [0, -1024])
def test_the_doctor_measures_contrast_by_the_range_of_the_set(tmp_path, intercept):
    """Of 11 bits, and of Hounsfield units: only the one without contrast is flat."""
    for i in range(3):
        one = stored(11) if i else np.full((5, 6), 700, np.uint16)
        write(tmp_path / f"{i}.dcm", one, bits=12, RescaleIntercept=intercept, RescaleSlope=1)
    assert flat_ones(examine(tmp_path)) == ["Nearly constant images: 1 of 3."]
    faint = [RANDOM.integers(2000, 2003, (5, 6)).astype(np.uint16) for _ in range(2)]
    for i, one in enumerate(faint):
        write(tmp_path / f"{i}.dcm", one, bits=12, RescaleIntercept=intercept, RescaleSlope=1)
    assert flat_ones(examine(tmp_path)) == ["Nearly constant images: 2 of 3."]


def test_the_doctor_refuses_what_training_refuses(tmp_path):
    write(tmp_path / "a.dcm", stored(12), bits=12)
    Image.fromarray(stored(12)).save(tmp_path / "b.png")
    first = examine(tmp_path).problems[0]
    assert first.severity == "error"
    assert "1 of 2 files in DICOM" in first.sentence
