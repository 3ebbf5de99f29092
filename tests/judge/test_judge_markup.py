"""The page's parts: nothing in them tells the source of an image; sizes; names are escaped."""

import re

import pytest

from gantlet.judge import Answer, Item, Panel, scored
from gantlet.judge.markup import ending, image, progress, welcome


def shown(size, generated=False, seconds=None):
    item = Item("0" * 11 + str(int(generated)), generated, b"png")
    return image(item, Panel(items=[item], seconds=seconds, about={}, size=size))


@pytest.mark.parametrize("seconds", [None, 0.5])
def test_real_and_generated_images_stand_in_the_same_markup(seconds):
    real, fake = (
        re.sub("0{11}[01]", "NAME", shown((28, 28), made, seconds)) for made in (True, False)
    )
    assert real == fake


def test_only_a_limit_hides():
    assert "hidden" not in shown((8, 8))
    assert "0.8s backwards" in shown((8, 8), seconds=0.5)
    assert "1.3s forwards" in shown((8, 8), seconds=0.5)


def test_words_of_raters_are_no_markup():
    score = scored("<b>Ada", [Answer("p", "<b>Ada", "i", True, False, 1.0, "")])
    page = ending(score, score)
    assert "<b>Ada" not in page
    assert "&lt;b&gt;Ada" in page
    assert "100 % [21, 100]" in page
    assert "no answer yet" in page  # of real images


def test_raters_are_told_what_comes_and_how_far_they_are():
    items = [Item(f"{i}", i < 2, b"") for i in range(4)]
    panel = Panel(items=items, seconds=0.25, about={}, size=(8, 8))
    assert "4 images" in welcome(panel)
    assert "0.25 s" in welcome(panel)
    assert "Image 2 of 4" in progress(1, 4)
    assert "width: 25.0%" in progress(1, 4)
