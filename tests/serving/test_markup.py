"""Parts of pages: sizes of images, and words that are no markup."""

import pytest

from gantlet.serving import framed, sentence


@pytest.mark.parametrize(
    ("size", "width", "ratio"),
    [
        ((8, 8), 384, "384 / 384"),
        ((28, 28), 364, "364 / 364"),
        ((64, 32), 384, "384 / 192"),
        ((100, 200), 100, "100 / 200"),
        ((512, 256), 512, "512 / 256"),
        ((1024, 2048), 256, "256 / 512"),
    ],
)
def test_images_are_enlarged_by_whole_factors_and_shrunk_to_fit(size, width, ratio):
    markup = framed(b"png", size, "")
    assert f"--width: {width}px" in markup
    assert f"--ratio: {ratio}" in markup
    assert ('class="squares"' in markup) == (max(size) <= 128)


def test_words_are_no_markup():
    assert sentence("a < b") == '<p role="status">a &lt; b</p>'
    assert sentence("") == ""
