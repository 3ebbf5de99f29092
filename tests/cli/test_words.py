"""Verbs, options and help: what is misspelt is told in one line, with what was meant."""

import subprocess

import numpy as np
import pytest

import gantlet as package
from gantlet.cli.words import size_setting, sorted_out
from gantlet.errors import UsageError
from tests.cli.door import assert_refused, command, gantlet

VERBS = ("train", "sample", "doctor", "pack", "list", "config")


def test_the_help_names_every_verb_and_the_first_steps():
    answer = gantlet("--help")
    assert answer.code == 0
    for verb in VERBS:
        assert f"│ {verb} " in answer.out
    assert "gantlet train ./photos" in answer.out
    assert gantlet() == answer


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_says_how_it_is_used(verb):
    answer = gantlet(verb, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: gantlet {verb}")
    assert "Arguments" in answer.out


def test_every_option_of_train_is_explained():
    text = " ".join(gantlet("train", "--help").out.replace("│", " ").split())
    for words in (
        "--recipe STR Name of a recipe",
        "--out PATH Folder of the run",
        "--minutes FLOAT Minutes of training, all sessions",
        "--samples INT Real samples to see, all sessions",
        "--fresh Put the run that is there aside",
        "exit code 130",
    ):
        assert words in text


def test_the_version():
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"gantlet {package.__version__}\n")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["trian"], ['"trian"', 'Did you mean "train"?', "gantlet --help"]),
        (["train", "--recpie", "r3gan"], ["--recpie", "Did you mean --recipe?"]),
        (["train", "--minutes", "soon"], ["--minutes", '"soon"', "gantlet train --help"]),
        (["train", "--samples"], ["--samples", "requires an argument"]),
        (["train", "one", "two"], ["'two' is one word too many", "DATA"]),
        (["config", "dcgan", "digits", "x"], ["'x'", "RECIPE and DATA"]),
        (["sample"], ["RUN", "gantlet sample --help"]),
        (["sample", "runs/a", "-n", "many"], ["no bundle in runs/a"]),
        (["list", "recipe"], ["unknown kind 'recipe'", "Did you mean recipes"]),
        (["config", "r3gann"], ["unknown recipe 'r3gann'", "Did you mean r3gan"]),
        (["train", "--recipe", "wgangp"], ["unknown recipe 'wgangp'", "wgan-gp"]),
        (["train", "train.bach=3"], ["train.bach", "Did you mean batch?"]),
        (["train", "trian.batch=3"], ["'trian'", "Did you mean train"]),
        (["train", "game.penalties.r3=1"], ["unknown penalty 'r3'", "Did you mean r2 or r1?"]),
        (["train", "recipe=mlp"], ["--recipe mlp"]),
        (["train", "--samples", "0"], ["samples", "greater than or equal to 1", "0"]),
        (["train", "--minutes", "-1"], ["minutes", "greater than 0", "-1"]),
        (["train", "train.batch=17", "network.name=dcgan"], ["train.batch", "multiple of 32"]),
        (["train", "train.device=tpu"], ["train.device", "tpu", "cpu"]),
        (["train", "data.size=[1"], ["data.size", "YAML"]),
        (["train", "data.size=[0,8]"], ["data.size", "at least 1"]),
        (["train", "train="], ["setting train", "train.seed"]),
        (["train", "ring", "--recipe", "r3gan"], ["points", "recipe mlp"]),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing_behind(words, parts, workplace):
    assert_refused(gantlet(*words), *parts)
    assert list(workplace.iterdir()) == []


def test_a_number_that_is_none_is_told_by_its_name(workplace):
    (workplace / "run").mkdir()
    assert_refused(gantlet("sample", "run", "-n", "many"), "-n", '"many"')


def test_a_word_with_an_equals_sign_is_a_setting_unless_it_is_a_path(workplace):
    assert sorted_out(["a=b/c", "train.batch=3"], "DATA") == ([], ["a=b/c", "train.batch=3"])
    (workplace / "a=b").mkdir()
    (workplace / "a=b" / "c").touch()
    assert sorted_out(["train.batch=3", "a=b/c"], "DATA") == (["a=b/c"], ["train.batch=3"])
    with pytest.raises(UsageError, match="quotes"):
        sorted_out(["my", "photos"], "DATA")


@pytest.mark.parametrize(
    ("size", "setting"),
    [("128x96", "data.size=[96,128]"), ("64", "data.size=[64,64]"), ("7X5", "data.size=[5,7]")],
)
def test_a_size_is_width_by_height(size, setting):
    assert size_setting(size, ["train.batch=4"]) == ["train.batch=4", setting]
    assert size_setting(None, ["train.batch=4"]) == ["train.batch=4"]


@pytest.mark.parametrize("size", ["0x4", "4x", "x4", "4x4x3", "-4", "big", "4.5x4"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        size_setting(size, [])


def test_two_sizes_are_refused():
    with pytest.raises(UsageError, match=r"beside data\.size.*begins with the height"):
        size_setting("8x8", ["data.size=[8,8]"])


def test_training_takes_a_size(workplace):
    np.save("a.npy", np.random.default_rng(0).integers(0, 256, (20, 6, 6, 3)).astype(np.uint8))
    tiny = ("--samples", 16, "train.batch=16", "network.hidden=[8]", "data.fit=pad")
    answer = gantlet("train", "a.npy", "--recipe", "mlp", "--size", "5x4", *tiny)
    assert answer.code == 0
    assert "resized whole and padded to 4x5" in answer.out
