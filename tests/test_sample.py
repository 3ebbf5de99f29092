"""Samples save themselves as they are, and do not depend on how many are asked for."""

import errno
import io
import math
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import gantlet.sample as gantlet_sample
from gantlet.bundle import Bundle
from gantlet.errors import RunError, UsageError
from gantlet.recipes import tiny
from gantlet.rng import rows, truncated
from gantlet.sample import Samples, sample, sample_into_zip
from gantlet.spec import DataSpec
from gantlet.training.trainer import built

CLASSES = ("cat", "a b/c", "Bär")


def spec_of(channels, dtype="uint8", classes=(), **more):
    high = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}[dtype]
    shares = (1 / len(classes),) * len(classes) if classes else ()
    return DataSpec(
        kind="image",
        shape=(channels, 4, 6),
        dtype=dtype,
        high=high,
        classes=classes,
        frequencies=shares,
        **more,
    )


def samples(channels, dtype="uint8", labels=None, classes=()):
    spec = spec_of(channels, dtype, classes)
    values = np.random.default_rng(0).uniform(0, spec.high, (5, *spec.shape)).astype(dtype)
    return Samples(values, labels, spec)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pictures_hold_the_exact_bytes(channels, mode, tmp_path):
    made = samples(channels)
    made.save(tmp_path / "made")
    for i, value in enumerate(made.values):
        with Image.open(tmp_path / "made" / f"{i:04d}.png") as picture:
            assert picture.mode == mode
            pixels = np.asarray(picture).reshape(4, 6, channels).transpose(2, 0, 1)
            assert np.array_equal(pixels, value)


def test_sixteen_bits_stay_sixteen(tmp_path):
    made = samples(1, "uint16")
    made.save(tmp_path / "made")
    with Image.open(tmp_path / "made" / "0000.png") as picture:
        assert np.array_equal(np.asarray(picture), made.values[0, 0])


def test_names_carry_the_class_without_signs_that_paths_dislike(tmp_path):
    made = samples(1, labels=np.array([0, 1, 2, 0, 1]), classes=CLASSES)
    made.save(tmp_path)
    names = sorted(p.name for p in tmp_path.glob("[0-9]*"))
    assert names[:3] == ["0000-cat.png", "0001-a_b_c.png", "0002-Bär.png"]


def test_arrays_hold_samples_and_labels(tmp_path):
    made = samples(2, "float32", labels=np.arange(5) % 3, classes=CLASSES)
    with np.load(made.save(tmp_path / "deep" / "MADE.NPZ")) as stored:
        assert np.array_equal(stored["x"], made.values)
        assert np.array_equal(stored["y"], made.labels)


def test_two_channels_make_arrays_but_no_pictures(tmp_path):
    assert not samples(2).pictured
    with pytest.raises(UsageError, match=r"1, 3 or 4 channels.*samples\.npz"):
        samples(2).save(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_the_grid_has_a_place_for_each():
    width, height = samples(1).grid(columns=2).size
    gap = 2
    tile = (width - gap) // 2 - gap, (height - gap) // 3 - gap
    assert (width, height) == (2 * (tile[0] + gap) + gap, 3 * (tile[1] + gap) + gap)
    assert tile[0] % 6 == tile[1] % 4 == 0  # enlarged by a whole factor
    assert tile[0] // 6 == tile[1] // 4 > 1


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=CLASSES, frequencies=(0.5, 0.0, 0.5))
    config = tiny("dcgan", spec)
    game = built(config, spec)
    game.players.eval()
    return Bundle(game, spec, config, {}, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("n", [1, 10, 64, 65])
def test_the_first_of_many_are_the_few(bundle, n):
    many, few = sample(bundle, 130, seed=4), sample(bundle, n, seed=4)
    assert np.array_equal(few.values, many.values[:n])
    assert np.array_equal(few.labels, many.labels[:n])


def test_labels_come_as_often_as_in_the_data_or_as_asked_for(bundle):
    drawn = sample(bundle, 400, seed=1).labels
    assert set(drawn.tolist()) == {0, 2}
    assert abs((drawn == 0).mean() - 0.5) < 4 * 0.5 / 400**0.5  # four standard errors
    assert sample(bundle, 3, label="a b/c").labels.tolist() == [1] * 3
    assert sample(bundle, 3, label=2).labels.tolist() == [2] * 3
    for wrong in (3, -1, "dog"):
        with pytest.raises(UsageError, match="unknown label"):
            sample(bundle, 1, label=wrong)


@pytest.mark.parametrize("n", [1, 65])
def test_truncated_samples_depend_on_seed_place_and_bound_alone(bundle, n):
    many = sample(bundle, 130, seed=4, truncation=0.5)
    assert np.array_equal(sample(bundle, n, seed=4, truncation=0.5).values, many.values[:n])
    assert np.array_equal(many.labels, sample(bundle, 130, seed=4).labels)
    assert not np.array_equal(many.values, sample(bundle, 130, seed=4).values)
    assert not np.array_equal(many.values, sample(bundle, 130, seed=4, truncation=1.0).values)


def test_truncated_samples_are_made_of_truncated_latents(bundle):
    made, n = sample(bundle, 5, seed=3, label=0, truncation=0.5), 64
    z = truncated(rows(3, "sample/z", 0, n, (bundle.config.network.latent,)), 0.5)
    with torch.no_grad():
        x = bundle.players["generator"](z, torch.zeros(n, dtype=torch.int64))
    wanted = bundle.spec.decode(x)[:5].numpy().astype(int)
    assert abs(made.values.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("bound", [0, -1.0, math.inf, math.nan])
def test_a_truncation_is_a_positive_number(bundle, bound):
    with pytest.raises(UsageError, match="truncation"):
        sample(bundle, 1, truncation=bound)


def test_sampling_leaves_threads_and_random_numbers_alone(bundle):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    sample(bundle, 5)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def unzipped(path):
    """Names and pixels of the pictures in a zip, in its order."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        images = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    return names, np.stack([np.asarray(image) for image in images])


@pytest.mark.parametrize("n", [1, 64, 300])
def test_a_zip_holds_the_samples_in_their_order(bundle, tmp_path, n):
    names, pixels = unzipped(sample_into_zip(bundle, tmp_path / "new" / "a.zip", n, seed=4))
    made = sample(bundle, n, seed=4)
    assert np.array_equal(pixels, made.values[:, 0])
    assert names[0] == f"0000-{ {0: 'cat', 2: 'Bär'}[made.labels[0]] }.png"
    assert len(set(names)) == n
    made.save(tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "new" / "a.zip").read_bytes()


@pytest.mark.parametrize(("channels", "dtype"), [(4, "uint8"), (1, "uint16")])
def test_a_zip_keeps_alpha_and_sixteen_bits(channels, dtype, tmp_path):
    made = samples(channels, dtype)
    _, pixels = unzipped(made.save(tmp_path / "made.zip"))
    expected = made.values.transpose(0, 2, 3, 1) if channels == 4 else made.values[:, 0]
    assert np.array_equal(pixels, expected)


def test_few_blocks_wait_for_their_encoding(bundle, tmp_path, monkeypatch):
    """Blocks are asked for only when earlier ones are done, whatever the number of samples."""
    asked, written = [], []
    raw_blocks, writestr = gantlet_sample.raw_blocks, zipfile.ZipFile.writestr

    def counted(*args, **more):
        for block in raw_blocks(*args, **more):
            asked.append(len(block))
            assert sum(asked) - len(written) <= 64 * (2 * 3 + 2)
            yield block

    def told(self, info, content):
        written.append(info.filename)
        writestr(self, info, content)

    monkeypatch.setattr(gantlet_sample, "raw_blocks", counted)
    monkeypatch.setattr(gantlet_sample, "granted_threads", lambda: 3)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", told)
    sample_into_zip(bundle, tmp_path / "a.zip", 1500)
    assert (sum(asked), len(written)) == (1500, 1500)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_half_a_zip_never_has_the_name(bundle, tmp_path, monkeypatch, error):
    (tmp_path / "a.zip").write_text("what was there before")
    writestr = zipfile.ZipFile.writestr

    def failing(self, info, content):
        if info.filename.startswith("0070"):
            raise error
        writestr(self, info, content)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", failing)
    with pytest.raises(RunError if isinstance(error, OSError) else KeyboardInterrupt):
        sample_into_zip(bundle, tmp_path / "a.zip", 200)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert (tmp_path / "a.zip").read_text() == "what was there before"


def test_what_png_cannot_hold_is_refused_before_it_is_made(bundle, tmp_path):
    pair = Bundle(bundle.game, spec_of(2), bundle.config, {}, tmp_path)
    with pytest.raises(UsageError, match=r"1, 3 or 4 channels"):
        sample_into_zip(pair, tmp_path / "a.zip", 4)
    with pytest.raises(UsageError, match="at least 1"):
        sample_into_zip(bundle, tmp_path / "a.zip", 0)
    assert list(tmp_path.iterdir()) == []
