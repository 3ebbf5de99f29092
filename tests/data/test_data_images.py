"""Folders of images: layout, modes, sizes, damage."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gantlet.data import DataSettings, open_data, store
from gantlet.data.assemble import slug
from gantlet.data.packing import pack
from gantlet.data.pixels import Entry, Fault, look
from gantlet.data.resize import common_size, fit
from gantlet.errors import UsageError


def pixels(shape=(6, 5, 3), seed=0, dtype=np.uint8):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top + 1, shape).astype(dtype)


def write(folder, *names, shape=(6, 5, 3)):
    arrays = []
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays.append(pixels(shape, seed=i))
        Image.fromarray(arrays[-1]).save(path)
    return arrays


def first_two(array):
    """Raw samples as (H, W, C) of a data set of two equal files."""
    assert np.array_equal(array[0], array[1])
    return array[0].transpose(1, 2, 0)


def pair(folder, image, name="a.png", **options):
    for i in range(2):
        image.save(folder / f"{i}{name}", **options)
    return open_data(folder)


def test_colour_pngs_come_back_exactly_in_the_order_of_their_names(tmp_path):
    a, b = write(tmp_path, "b.png", "a.png")
    data = open_data(tmp_path)
    assert data.spec.shape == (3, 6, 5)
    assert (data.spec.kind, data.spec.low, data.spec.high) == ("image", 0, 255)
    assert np.array_equal(data.raw, np.stack([b, a]).transpose(0, 3, 1, 2))
    assert (data.y, data.notes, data.name) == (None, (), slug(tmp_path.name))


@pytest.mark.parametrize("suffix", ["bmp", "webp", "tiff", "gif", "jpg"])
def test_every_format_is_read(tmp_path, suffix):
    flat = Image.new("RGB", (8, 8), (255, 0, 0))
    data = pair(tmp_path, flat, f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    expected = np.broadcast_to([255, 0, 0], (8, 8, 3))
    assert np.abs(first_two(data.raw).astype(int) - expected).max() <= 2 * (suffix == "jpg")


def test_grey_stays_one_channel_and_16_bits_stay_16(tmp_path):
    grey, deep = pixels((4, 7)), pixels((4, 7), dtype=np.uint16)
    for name, array in (("grey", grey), ("deep", deep)):
        (tmp_path / name).mkdir()
        data = pair(tmp_path / name, Image.fromarray(array))
        assert data.spec.shape == (1, 4, 7)
        assert data.raw.dtype == data.spec.dtype == array.dtype
        assert data.spec.high == np.iinfo(array.dtype).max
        assert np.array_equal(first_two(data.raw)[..., 0], array)


def test_twelve_bits_in_sixteen_use_their_own_range(tmp_path):
    data = pair(tmp_path, Image.fromarray(pixels((4, 4), dtype=np.uint16) // 16), "a.tif")
    assert data.spec.high == 4095


def test_16_bits_among_8_are_rounded_to_8(tmp_path):
    deep = np.array([[0, 257, 65535, 128 * 257 + 128]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    Image.fromarray(pixels((1, 4))).save(tmp_path / "b.png")
    data = open_data(tmp_path)
    assert data.raw[0].ravel().tolist() == [0, 1, 255, 128]
    assert any("16 bits brought to 8: 1 of 2" in note for note in data.notes)


def test_grey_beside_colour_becomes_rgb(tmp_path):
    grey = write(tmp_path, "a.png", shape=(6, 5))[0]
    write(tmp_path, "b.png")
    data = open_data(tmp_path)
    assert np.array_equal(data.raw[0], np.stack([grey] * 3))
    assert data.notes == ("Grey images converted to RGB: 1 of 2.",)


@pytest.mark.parametrize(
    ("mode", "note", "suffix"), [("P", "palette", "png"), ("CMYK", "CMYK", "tif")]
)
def test_palettes_and_cmyk_become_rgb(tmp_path, mode, note, suffix):
    image = Image.new("RGB", (3, 2), (255, 255, 255)).convert(mode)
    data = pair(tmp_path, image, f"a.{suffix}")
    assert (data.spec.shape, data.raw.min()) == ((3, 2, 3), 255)
    assert any(note in text for text in data.notes)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_turns_images_upright(tmp_path, suffix):
    array = pixels()
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned a quarter to the left: turn right to view
    image = Image.fromarray(array)
    lossless = {"lossless": True} if suffix == "webp" else {}
    data = pair(tmp_path, image, f"a.{suffix}", exif=exif, **lossless)
    assert data.spec.shape == (3, 5, 6)
    assert np.array_equal(first_two(data.raw), np.rot90(array, -1))
    assert data.notes == ("Images turned upright by their EXIF orientation: 2.",)


def chunk(kind, content):
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


@pytest.mark.parametrize("deep", [False, True])
def test_a_png_whose_exif_is_behind_its_pixels_is_turned_whole(tmp_path, deep):
    array = pixels((6, 5), dtype=np.uint16) if deep else pixels()
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        Image.fromarray(array).save(tmp_path / f"{name}.png")
        whole = (tmp_path / f"{name}.png").read_bytes()
        late = chunk(b"tEXt", b"a\0b") + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        (tmp_path / f"{name}.png").write_bytes(whole[:-12] + late + whole[-12:])
    data = open_data(tmp_path)
    upright = np.rot90(array, -1)
    assert np.array_equal(first_two(data.raw), upright[..., None] if deep else upright)
    assert data.notes == ("Images turned upright by their EXIF orientation: 2.",)
    pack(tmp_path, tmp_path / "a.pack", workers=1)
    assert open_data(tmp_path / "a.pack").fingerprint == data.fingerprint


def test_a_tiff_of_16_bits_whose_largest_value_is_black_is_inverted(tmp_path):
    array = pixels((4, 7), dtype=np.uint16)
    data = pair(tmp_path, Image.fromarray(array), "a.tif", tiffinfo={262: 0})
    assert np.array_equal(first_two(data.raw)[..., 0], 65535 - array)


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = pair(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert data.raw[0, :, 0, 0].tolist() == [255, 0, 0]
    assert any("several frames" in note for note in data.notes)


def test_sub_folders_become_classes_below_what_all_share(tmp_path):
    write(tmp_path, "set/cat/1.png", "set/dog/deep/2.png", "set/cat/3.png")
    data = open_data(tmp_path)
    assert data.spec.classes == ("cat", "dog")
    assert data.y.tolist() == [0, 0, 1]
    assert data.spec.frequencies == pytest.approx((2 / 3, 1 / 3))
    without = open_data(tmp_path, DataSettings(labels=False))
    assert (without.y, without.spec.classes) == (None, ())


def test_numbered_classes_are_ordered_by_value(tmp_path):
    write(tmp_path, *(f"{i}/a.png" for i in (10, 9, 2)))
    assert open_data(tmp_path).spec.classes == ("2", "9", "10")


def test_one_sub_folder_is_no_class(tmp_path):
    write(tmp_path, "all/1.png", "all/2.png")
    data = open_data(tmp_path)
    assert data.y is None
    assert data.notes == ("All images lie in the sub-folder 'all': no labels.",)


def test_the_folder_train_is_used_and_test_is_not(tmp_path):
    write(tmp_path, "train/a/1.png", "train/b/2.png", "test/a/3.png")
    data = open_data(tmp_path)
    assert (len(data), data.spec.classes) == (2, ("a", "b"))
    assert "1 image in 'test'" in data.notes[0]


def test_images_beside_class_folders_are_refused(tmp_path):
    write(tmp_path, "cat/1.png", "2.png")
    with pytest.raises(UsageError, match=r"2\.png.*data\.labels=false"):
        open_data(tmp_path)
    assert len(open_data(tmp_path, DataSettings(labels=False))) == 2


def test_hidden_files_and_other_files_are_ignored_and_told(tmp_path):
    write(tmp_path, "a.png", "b.png", ".hidden.png")
    (tmp_path / "readme.txt").write_text("x")
    data = open_data(tmp_path)
    assert len(data) == 2
    assert data.notes == ("Ignored 2 files without images (hidden 1, .txt 1).",)


def test_mixed_sizes_take_the_commonest_when_half_have_it(tmp_path):
    write(tmp_path, "a.png", "b.png")
    write(tmp_path, "c.png", shape=(12, 12, 3))
    data = open_data(tmp_path)
    assert data.spec.shape == (3, 6, 5)
    assert "1 of 3, which have 2 sizes" in data.notes[0]
    assert open_data(tmp_path, DataSettings(size=(4, 3))).spec.shape == (3, 4, 3)


def test_common_size_is_the_median_where_none_has_the_half():
    assert common_size([(4, 9), (6, 5), (5, 7)]) == (5, 7)
    assert common_size([(4, 9), (6, 5), (5, 7), (4, 9)]) == (4, 9)
    assert common_size([(2, 2), (1, 3), (1, 3), (2, 2)]) == (1, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_resize_crops_the_centre_and_keeps_constants(dtype):
    image = np.zeros((8, 20, 2), dtype=dtype)
    image[:, 6:14] = 200  # the central square
    out = fit(image, (4, 4))
    assert (out.shape, out.dtype) == ((4, 4, 2), dtype)
    assert np.unique(out[:, 1:-1]).tolist() == [200]
    assert np.array_equal(fit(image, (8, 20)), image)


def test_images_of_one_pixel_are_data(tmp_path):
    write(tmp_path, "a.png", "b.png", shape=(1, 1, 3))
    assert open_data(tmp_path).spec.shape == (3, 1, 1)


def damage(folder):
    write(folder, "good.png", "also.png")
    (folder / "text.png").write_text("not a picture")
    Image.fromarray(pixels((64, 64, 3))).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])


def test_all_damaged_files_are_named_in_one_error(tmp_path):
    damage(tmp_path)
    with pytest.raises(UsageError, match="2 of 4") as caught:
        open_data(tmp_path)
    assert "text.png (no image by its content)" in str(caught.value)
    assert "cut.jpg (damaged" in str(caught.value)
    assert f"gantlet doctor {tmp_path}" in str(caught.value)


def test_a_truncated_file_alone_is_refused(tmp_path):
    damage(tmp_path)
    (tmp_path / "text.png").unlink()
    with pytest.raises(UsageError, match=r"1 of 3 .*cut\.jpg"):
        open_data(tmp_path)


def test_no_more_than_five_damaged_files_are_named(tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.png").write_text("x")
    with pytest.raises(UsageError, match="and 3 more") as caught:
        open_data(tmp_path)
    assert str(caught.value).count("no image") == 5


def test_floating_point_images_are_refused_with_a_way_out(tmp_path):
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UsageError, match=r"mode F .*\.npy"):
        open_data(tmp_path)


def test_pillows_limit_of_pixels_is_told(tmp_path, monkeypatch):
    write(tmp_path, "a.png", "b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UsageError, match="more than 20 pixels"):
        open_data(tmp_path)


@pytest.mark.parametrize("files", [[], ["notes.txt"]])
def test_a_folder_without_images_is_refused(tmp_path, files):
    for name in files:
        (tmp_path / name).write_text("x")
    with pytest.raises(UsageError, match="expected image files"):
        open_data(tmp_path)


def test_one_image_is_too_few(tmp_path):
    write(tmp_path, "a.png")
    with pytest.raises(UsageError, match="at least 2 samples"):
        open_data(tmp_path)
    with pytest.raises(UsageError, match="a single image"):
        open_data(tmp_path / "a.png")


def test_a_missing_path_offers_the_nearest_names(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match=r"there is no '.*fotos'.*Did you mean photos"):
        open_data(tmp_path / "fotos")
    with pytest.raises(UsageError, match=r"there is no 'missing'.*Check the path"):
        open_data("missing")


def test_a_file_of_no_kind_is_refused(tmp_path):
    (tmp_path / "a.doc").write_text("hello")
    with pytest.raises(UsageError, match=r"^'[^:]*a\.doc' is of no kind that is known: ") as error:
        open_data(tmp_path / "a.doc")
    assert "a zip of images, an array in .npy, an idx file, a table, or a built-in name" in str(
        error.value
    )


def test_a_lack_of_permission_is_told():
    def denied():
        raise PermissionError(13, "Permission denied")

    assert look(Entry("a.png", "", denied)) == Fault("a.png", "no permission to read")


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UsageError, match="permission"):
        open_data(tmp_path)


def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(UsageError, match="too long"):
        open_data(tmp_path / ("x" * 300))


def test_links_to_folders_are_followed_once(tmp_path):
    write(tmp_path, "x/cat/1.png", "y/dog/2.png")
    (tmp_path / "x" / "dog").symlink_to(tmp_path / "y" / "dog")
    (tmp_path / "x" / "loop").symlink_to(tmp_path / "x")
    data = open_data(tmp_path / "x")
    assert (len(data), data.spec.classes) == (2, ("cat", "dog"))


def test_large_sets_are_mapped_and_reused(tmp_path, monkeypatch):
    photos, cache = tmp_path / "photos", tmp_path / "cache"
    arrays = write(photos, "a.png", "b.png", "c.png")
    monkeypatch.setattr(store, "RESIDENT", 100)
    with pytest.raises(UsageError, match="cache"):
        open_data(photos)
    data = open_data(photos, cache=cache)
    assert isinstance(data.raw, np.memmap)
    assert np.array_equal(data.raw, np.stack(arrays).transpose(0, 3, 1, 2))
    (first,) = cache.iterdir()
    before = first.stat().st_mtime_ns
    assert open_data(photos, cache=cache).fingerprint == data.fingerprint
    assert first.stat().st_mtime_ns == before
    assert open_data(photos, DataSettings(size=(9, 9)), cache=cache).spec.shape == (3, 9, 9)
    (second,) = cache.iterdir()
    assert first != second
    assert np.array_equal(data.raw[2], arrays[2].transpose(2, 0, 1))


def test_a_full_disk_is_told_before_writing(tmp_path, monkeypatch):
    write(tmp_path / "photos", "a.png", "b.png")
    monkeypatch.setattr(store, "RESIDENT", 100)
    usage = store.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(UsageError, match="free space"):
        open_data(tmp_path / "photos", cache=tmp_path / "cache")


def test_impossible_sizes_are_refused():
    with pytest.raises(UsageError, match=r"data\.size"):
        DataSettings(size=(0, 4))
