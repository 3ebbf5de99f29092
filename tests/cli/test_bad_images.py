"""Odd images at the command line: a rule that is said, or one sentence with the remedy; no run."""

import re
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantlet.bundle import read_bundle
from gantlet.networks import NETWORKS
from tests.cli.door import TINY, assert_refused, gantlet

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 16, 8, 3), dtype=np.uint8)
PERCEPTRON = ("--recipe", "mlp", "train.threads=1", "train.precision=float32")
QUICK = (*PERCEPTRON, "network.hidden=[8]", "train.batch=16", "validation.extractor=null")


def picture(i, mode="RGB"):
    return Image.fromarray(PIXELS[i]).convert(mode)


def plain(path):
    for i in range(20):
        picture(i).save(path / f"{i}.png")


def mixture(path):
    """Four of each mode; a fourth of those with alpha lets something through."""
    for i in range(20):
        picture(i, ("L", "RGB", "RGBA", "LA", "1")[i % 5]).save(path / f"{i}.png")
    clear = picture(2, "RGBA")
    clear.putalpha(100)
    clear.save(path / "2.png")


def deep(path):
    plain(path)
    Image.fromarray(PIXELS[0, :, :, 0].astype(np.uint16) * 257).save(path / "0.png")


def printed(path):
    for i in range(20):
        mode, suffix = (("P", "png"), ("CMYK", "jpg"))[i % 2]
        picture(i, mode).save(path / f"{i}.{suffix}")


def animated(path):
    for i in range(20):
        frames = [picture((i + k) % 20) for k in range(3)]
        frames[0].save(path / f"{i}.gif", save_all=True, append_images=frames[1:])


def turned(path):
    for i in range(20):
        exif = Image.Exif()
        exif[0x112] = 6  # to be turned by a quarter: 16 x 8 (height x width) becomes 8 x 16
        picture(i).save(path / f"{i}.jpg", exif=exif)


def lonely(path):
    for i in range(20):
        folder = path / ("rare" if i == 7 else "usual")
        folder.mkdir(exist_ok=True)
        picture(i).save(folder / f"{i}.png")


def sizes(path):
    plain(path)
    for i in range(12):
        picture(i).resize((10 + i, 20)).save(path / f"{i}.png")


RULES = {
    "mixture": (mixture, (4, 16, 8), "Grey images converted to RGB: 12", "fourth channel"),
    "deep": (deep, (3, 16, 8), "Images of 16 bits brought to 8: 1 of 20"),
    "printed": (printed, (3, 16, 8), "a palette converted to RGB: 10", "CMYK images converted"),
    "animated": (animated, (3, 16, 8), "several frames, of which the first was taken: 20"),
    "turned": (turned, (3, 8, 16), "turned upright by their EXIF orientation: 20"),
    "lonely": (lonely, (3, 16, 8), "Classes with a single sample: 'rare'. They are kept"),
    "sizes": (sizes, (3, 20, 11), "20x11 (height x width, the common size", "have 13 sizes"),
}
"""How images are odd, the shape (C, H, W) that they come to, and what is said of it."""


@pytest.mark.parametrize("name", RULES)
def test_odd_images_train_by_a_rule_that_is_said(name, workplace):
    make, shape, *told = RULES[name]
    (workplace / name).mkdir()
    make(workplace / name)
    answer = gantlet("train", name, "--samples", 16, "--out", "run", *QUICK)
    assert answer.code == 0, answer.err
    for sentence in told:
        assert sentence in answer.out
    assert read_bundle(workplace / "run").spec.shape == shape


def labels(*lines):
    return "\n".join(["file,label", *lines])


TWENTY = [f"{i}.png,{'ab'[i % 2]}" for i in range(20)]
FAULTS = {
    "misses": (labels(*TWENTY[:18]), "label for each of 20 images", "none for 2", "data.labels=f"),
    "unknown": (labels(*TWENTY, "cat.png,a"), "names of images", "1 more, first 'cat.png'"),
    "two": (labels(*TWENTY, "3.png,a"), "one label for each image", "'b' and 'a' for '3.png'"),
    "columns": ("picture,kind\n0.png,a", "the columns file and label", "picture, kind"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_label_files_that_do_not_match_are_refused(name, workplace):
    content, *told = FAULTS[name]
    (workplace / "photos").mkdir()
    plain(workplace / "photos")
    (workplace / "photos" / "labels.csv").write_text(content)
    before = sorted(workplace.rglob("*"))
    answer = gantlet("train", "photos", "data.labels=labels.csv", *QUICK)
    assert_refused(answer, "the label file labels.csv", *told)
    assert sorted(workplace.rglob("*")) == before


@pytest.mark.parametrize("network", sorted({*NETWORKS} - {"mlp", "table"}))
def test_a_size_that_a_network_cannot_make_is_refused_with_those_that_it_can(network, workplace):
    (workplace / "photos").mkdir()
    plain(workplace / "photos")
    answer = gantlet("train", "photos", "--size", "3x2", "--recipe", network)
    least = int(re.search(r"a side of at least (\d+) pixels", answer.err)[1])
    received = "a height of 2 and a width of 3"
    assert_refused(answer, f"network {network}", received, "--recipe mlp", "--size")
    assert [path.name for path in workplace.iterdir()] == ["photos"]
    if network == "r3gan":
        size = ("--size", f"{least}x2")
        made = gantlet("train", "photos", *size, "--recipe", network, "--samples", 16, *TINY)
        assert made.code == 0, made.err


@pytest.mark.parametrize("size", ["0x3", "16x", "x", "-4", "16x16x3"])
def test_a_size_that_is_none_is_refused(size, workplace):
    assert_refused(gantlet("train", "digits", f"--size={size}"), f"--size {size}", "WIDTHxHEIGHT")
    assert list(workplace.iterdir()) == []


def test_a_first_run_of_another_shape_is_refused_with_the_size_that_fits(workplace):
    (workplace / "tall").mkdir()
    (workplace / "wide").mkdir()
    plain(workplace / "tall")
    turned(workplace / "wide")
    assert gantlet("train", "tall", "--samples", 16, "--out", "first", *QUICK).code == 0
    words = ("train", "wide", "--from", "first", "--out", "second", "--samples", 16, *QUICK)
    answer = gantlet(*words)
    assert_refused(answer, "shape 3 x 8 x 16", "shape 3 x 16 x 8", "--size 8x16")
    assert not (workplace / "second").exists()
    assert gantlet(*words, "--size", "8x16").code == 0  # as the error says


def test_a_target_of_another_size_is_projected_as_training_would_take_it(run, workplace):
    Image.fromarray(PIXELS[0]).save("tall.png")
    answer = gantlet("project", run, "tall.png", "--steps", 1, "--out", "found.npz")
    assert answer.code == 0, answer.err
    with np.load("found.npz") as found:
        assert found["x"].shape == found["found"].shape == (1, 1, 8, 8)
    np.save("many.npy", np.arange(2 * 7 * 8 * 8, dtype=np.uint8).reshape(2, 7, 8, 8))
    assert_refused(gantlet("project", run, "many.npy"), "(N, 1, 8, 8)", "(2, 7, 8, 8)", "channels")


def limited(extra, *words):
    """`gantlet words...` in this process, which may take no more than `extra` bytes besides."""
    taken = re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(taken[1]) * 1024 + extra, hard))
    try:
        return gantlet(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_memory_that_runs_out_names_a_number_that_helps_or_takes_it(trained, workplace):
    """8,192 samples of 1,024 units are 32 MiB an array, of which a step needs several.

    A run before has loaded all that this one imports.
    """
    large = ("network.hidden=[1024]", "train.batch=8192", "data.held_out=false")
    words = (
        "train",
        "digits",
        "--samples",
        8192,
        *PERCEPTRON,
        *large,
        "validation.extractor=null",
    )
    answer = limited(48 << 20, *words)
    told = ("8192 samples at a time", "train.micro_batches=2", "4096", "train.fit_memory=true")
    assert_refused(answer, *told, code=1)
    answer = limited(48 << 20, *words, "train.fit_memory=true")
    assert answer.code == 0, answer.err
    assert re.search(r"repeated with train\.micro_batches=(2|4|8)\b", answer.out)
    assert "Finished at 8,192 samples" in answer.out
