"""Stacked digits: the protocol on a small folder of MNIST's form, and on MNIST's own labels."""

import gzip
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gantlet import check_game
from gantlet.bench import PROBLEMS, digit_judge, stacked_mnist
from gantlet.bench.base import Asked
from gantlet.bench.digit_judge import judge, read_digits
from gantlet.bench.stacked_mnist import stacks
from gantlet.bench.tiny_networks import LATENT, TinyDiscriminator, TinyGenerator, tiny_game
from gantlet.errors import UsageError
from gantlet.metrics.modes import stacked_modes
from gantlet.spec import DataSpec

SPEC = DataSpec(kind="image", shape=(3, 28, 28))
TEST = 297


def write_idx(path, array):
    """An idx file, gzipped if its name says so."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """1,500 training digits and 297 for tests, of 8x8."""
    path, digits = tmp_path_factory.mktemp("mnist"), load_digits()
    for part, rows in (("train", slice(None, -TEST)), ("t10k", slice(-TEST, None))):
        write_idx(path / f"{part}-images-idx3-ubyte.gz", digits.images[rows] * 15)
        write_idx(path / f"{part}-labels-idx1-ubyte", digits.target[rows])
    return path


@pytest.fixture(scope="module")
def judged(folder, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return *judge(folder, home), home


def test_digits_are_read_with_the_test_digits_last(folder):
    found, wanted = read_digits(folder), load_digits()
    assert found.x.shape == (1797, 8, 8)
    assert np.array_equal(found.y, wanted.target)
    assert np.array_equal(found.x, wanted.images * 15)
    assert found.test == TEST


def test_mnists_own_files_are_read(real_data):
    found = read_digits(real_data / "mnist")
    assert found.x.shape == (70_000, 28, 28)
    assert found.test == 10_000
    assert np.bincount(found.y[:60_000]).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]


def test_folders_that_are_no_mnist_are_refused(tmp_path, folder):
    with pytest.raises(UsageError, match="no training images"):
        read_digits(tmp_path)
    (tmp_path / "lonely").mkdir()
    images = (folder / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "lonely/train-images-idx3-ubyte.gz").write_bytes(images)
    with pytest.raises(UsageError, match="the labels of"):
        read_digits(tmp_path / "lonely")
    write_idx(tmp_path / "lonely/train-labels-idx1-ubyte", np.full(1500, 11))
    with pytest.raises(UsageError, match="a label from 0 to 9"):
        read_digits(tmp_path / "lonely")


def test_stacks_are_digits_of_the_folder_and_always_the_same(folder):
    digits = read_digits(folder)
    found = stacks(digits, 50, "a")
    assert found.shape == (50, 3, 8, 8)
    known = {image.tobytes() for image in digits.x}
    assert all(channel.tobytes() in known for stack in found for channel in stack)
    assert np.array_equal(stacks(digits, 50, "a"), found)
    assert not np.array_equal(stacks(digits, 50, "b"), found)


def test_the_judge_knows_digits_and_is_trained_once(folder, judged):
    model, accuracy, home = judged
    assert accuracy > 0.9
    (file,) = home.glob("judge-*.safetensors")
    kept = file.stat().st_mtime_ns
    again, same = judge(folder, home)
    assert same == accuracy
    assert file.stat().st_mtime_ns == kept
    assert torch.equal(again.layers[0].weight, model.layers[0].weight)


def test_each_folder_has_its_judge_and_a_torn_one_is_trained_anew(folder, judged, tmp_path):
    model, accuracy, home = judged
    (kept,) = home.glob("judge-*.safetensors")
    torn = tmp_path / kept.name
    torn.write_bytes(kept.read_bytes()[:1000])
    again, same = judge(folder, tmp_path)
    assert same == accuracy
    assert torch.equal(again.layers[0].weight, model.layers[0].weight)
    assert torn.read_bytes() == kept.read_bytes()
    other = shutil.copytree(folder, tmp_path / "other")
    file = next(other.glob("train-labels*"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([(content[-1] + 1) % 10]))
    judge(other, tmp_path)
    assert len([*tmp_path.glob("judge-*.safetensors")]) == 2


def test_another_size_than_the_judges_is_refused_before_training(folder):
    asked = Asked(data=folder, settings=("data.size=32",))
    with pytest.raises(UsageError, match=r"data\.size"):
        PROBLEMS["stacked-mnist"].identity("dcgan", 0, asked)


def test_modes_of_real_stacks_are_their_labels(folder, judged):
    digits, (model, accuracy, _) = read_digits(folder), judged
    x = torch.from_numpy(digits.x[-TEST:].reshape(-1, 3, 8, 8))
    y = torch.from_numpy(digits.y[-TEST:].reshape(-1, 3))
    found = stacked_modes(x, model)
    right = (found == 100 * y[:, 0] + 10 * y[:, 1] + y[:, 2]).double().mean().item()
    assert right >= 1 - 3 * (1 - accuracy)  # a triple is wrong only where a digit is
    assert right < 1 or accuracy == 1


def test_floors_are_those_of_the_folders_own_digits(folder, judged):
    problem, home = PROBLEMS["stacked-mnist-tiny"], judged[2]
    floors = problem.floors(Asked(data=folder), home)
    simulated = floors["perfect sampler"]["kl"]
    shares = np.bincount(load_digits().target) / 1797
    bias = 3 * (shares * np.log(10 * shares)).sum() + 999 / (2 * 25_600)
    assert simulated.value == pytest.approx(bias, rel=0.02)
    (real,) = (values for name, values in floors.items() if name.startswith("fresh real stacks"))
    assert real["modes"].value > 990
    assert simulated.low - 0.01 < real["kl"].value < simulated.high + 0.05


def test_a_collapsed_sampler_has_one_mode(folder, judged):
    problem = PROBLEMS["stacked-mnist"]
    one = stacks(read_digits(folder), 1, "a").repeat(40, axis=0)
    found = problem.score(one, Asked(data=folder), judged[2])
    assert found["modes"] == 1
    assert found["kl"] == pytest.approx(math.log(1000), rel=1e-12)


@pytest.fixture
def few_stacks(monkeypatch):
    """320 stacks in the training set."""
    monkeypatch.setattr(stacked_mnist, "_STACKS", 320)
    stacked_mnist._training_set.cache_clear()
    yield
    stacked_mnist._training_set.cache_clear()


def played(problem, row, asked, home):
    """A row of a problem that scores 64 samples; twice, the second time from what is there."""
    small = replace(problem, n=64)
    first = small.play(row, 0, asked, home, print)
    again = small.play(row, 0, asked, home, print)
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert small.identity(row, 0, asked) != small.identity(row, 1, asked)
    return first


def test_a_recipe_is_trained_sampled_and_scored(folder, judged, few_stacks):
    tiny = ("network.width=8", "network.blocks=1", "network.group_size=4", "train.batch=32")
    asked = Asked(samples=64, settings=(*tiny, "train.threads=1"), data=folder)
    found = played(PROBLEMS["stacked-mnist"], "r3gan", asked, judged[2])
    assert 1 <= found["modes"] <= 64
    assert found["kl"] >= math.log(1000 / 64)
    assert found["samples"] == 64


def test_a_game_of_its_own_is_trained_sampled_and_scored(tmp_path, few_stacks, monkeypatch):
    monkeypatch.setattr(digit_judge, "_LEAST", 1)
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28))
    write_idx(tmp_path / "train-images-idx3-ubyte", x)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(40) % 10)
    asked = Asked(samples=64, settings=("train.batch=32", "train.threads=1"), data=tmp_path)
    found = played(PROBLEMS["stacked-mnist-tiny"], "paired", asked, tmp_path / "home")
    assert found["modes"] >= 1
    assert found["samples"] == 64


def test_the_tiny_networks_have_pacgans_widths():
    torch.manual_seed(0)
    generator, discriminator = TinyGenerator(3), TinyDiscriminator(3)
    sizes = [
        tuple(m.weight.shape)
        for m in (*generator.modules(), *discriminator.modules())
        if hasattr(m, "weight") and m.weight.ndim > 1
    ]
    assert sizes == [
        *((1024, LATENT), (64, 32, 3, 3), (32, 16, 3, 3), (16, 8, 3, 3), (3, 8, 3, 3)),
        *((4, 3, 3, 3), (8, 4, 3, 3), (16, 8, 3, 3), (1, 256)),
    ]
    x = generator(torch.randn(32, LATENT))
    assert x.shape == (32, 3, 28, 28)
    assert discriminator(x).shape == (32, 1)


def test_the_tiny_game_is_a_game():
    check_game(tiny_game(SPEC), SPEC)
    assert tiny_game(SPEC).group == 32
    with pytest.raises(UsageError, match="images of 28x28"):
        tiny_game(DataSpec(kind="image", shape=(3, 32, 32)))
