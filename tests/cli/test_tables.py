"""`gantlet list`, `gantlet config`, `gantlet doctor`: what is there, what would be used."""

import re

import numpy as np
import pytest
from PIL import Image

from gantlet.cli.list_verb import _tables, described
from gantlet.config import read_yaml, to_mapping
from gantlet.data import open_data
from gantlet.recipes import PRIVATE, RECIPES, recipe
from tests.cli.door import TINY, assert_refused, gantlet

ENTRIES = [(kind, name) for kind, table in _tables().items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_entry_has_a_line_and_a_source(kind, name):
    line, source = described(_tables()[kind][name])
    assert len(line) > 15, line
    assert not line.endswith(".")
    # A source has authors with a year, a title, and a link where there is one.
    assert re.match(r"[A-Z][^(]+ \((19|20)\d\d\), .{10,}", source), source
    assert "https://" in source or re.search(r"\d", source.split("),", 1)[1]), source


def test_the_list_shows_every_entry():
    answer = gantlet("list")
    assert answer.code == 0
    for kind, name in ENTRIES:
        assert f"{kind}:\n" in answer.out
        line, source = described(_tables()[kind][name])
        assert f"  {name:<26} {line}\n" in answer.out
        assert source in answer.out


def test_one_kind_alone():
    answer = gantlet("list", "networks")
    assert answer.out.startswith("networks:\n")
    assert "recipes:" not in answer.out


@pytest.mark.parametrize("name", sorted({*RECIPES} - {PRIVATE}))
def test_the_printed_settings_are_the_recipes(name, workplace):
    answer = gantlet("config", name)
    (workplace / "config.yaml").write_text(answer.out)
    read = read_yaml(workplace / "config.yaml")
    assert to_mapping(read) == to_mapping(recipe(name, open_data("digits").spec))


def test_the_private_recipe_asks_for_its_table():
    answer = gantlet("config", PRIVATE)
    assert answer.code == 2
    assert f"gantlet config {PRIVATE} DATA" in answer.err


def test_settings_are_applied_to_what_is_printed():
    answer = gantlet("config", "dcgan", "train.batch=96", "optimisers.generator.lr=1e-4")
    assert re.search(r"^  batch: 96 +# Real samples of one pass", answer.out, re.MULTILINE)
    assert re.search(r"^    lr: 0.0001 +# Learning rate", answer.out, re.MULTILINE)


def test_without_a_recipe_the_one_that_suits_is_printed():
    assert gantlet("config").out.startswith("recipe: r3gan\n")
    assert gantlet("config", "train.batch=96").out.startswith("recipe: r3gan\n")
    assert gantlet("config", "points", "ring").out.startswith("recipe: points\n")


def test_the_doctor_says_what_the_data_are_and_how_long_training_takes(workplace):
    answer = gantlet("doctor", *TINY)
    assert answer.code == 0
    assert "digits: built-in, 1,797 samples; sizes 8 x 8 (1,797);" in answer.out
    assert "channels 1; bits 8." in answer.out
    assert "10 classes: 0 (178)" in answer.out
    assert "180 of 1,797 samples are set aside" in answer.out
    assert "No problem found." in answer.out
    assert "Recipe r3gan" in answer.out
    goal = recipe("r3gan", open_data("digits").spec).stop.samples
    assert re.search(rf"about [\d,]+ samples/s, so {goal:,} samples take about \d", answer.out)
    assert list(workplace.iterdir()) == []


def test_the_doctor_names_every_fault_and_ends_with_1_where_training_would_refuse(workplace):
    (workplace / "photos").mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i // 2).integers(0, 256, (8, 8 + i), dtype=np.uint8)
        Image.fromarray(pixels).save(workplace / "photos" / f"{i}.png")
    answer = gantlet("doctor", "photos", *TINY)
    assert answer.code == 0
    assert "WARNING: Only 4 samples" in answer.out
    (workplace / "photos" / "z.png").write_text("text")
    answer = gantlet("doctor", "photos", *TINY)
    assert answer.code == 1
    assert "ERROR: z.png cannot be read" in answer.out
    assert "Training would refuse these data" in answer.out
    assert "samples/s" not in answer.out
    assert_refused(gantlet("doctor", "nowhere"), "there is no 'nowhere'", "digits, ring, grid")
