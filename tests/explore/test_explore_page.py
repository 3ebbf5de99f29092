"""The page in a real browser, from control to picture."""

import io
import time
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from gantlet.latents import still
from gantlet.spec import DataSpec
from tests import pages
from tests.latents.bundles import styled, written

RGB = DataSpec(kind="image", shape=(3, 8, 12), classes=("cat", "dog", "owl"))
CONTRASTS = """
() => {
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].reduce((sum, c, i) => {
    const x = c / 255;
    const linear = x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    return sum + [0.2126, 0.7152, 0.0722][i] * linear;
  }, 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = read(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = {};
  const every = [...document.querySelectorAll("#explore *")];
  for (const e of every.filter((e) => e.checkVisibility() && e.getClientRects().length)) {
    const words = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim());
    const said = e.matches("input:not([type=range]):not([type=radio])") ? e.value : words.join("");
    if (!said) continue;
    const pair = [light(read(getComputedStyle(e).color)), light(behind(e))];
    found[said] = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }
  return found;
}
"""
"""By text: the contrast of its colour with what is behind it, as WCAG 2 defines it."""
COVERED = """
[...Array(90).keys()].flatMap((i) => {
  const box = document.getElementById("seen").getBoundingClientRect();
  const [x, y] = [box.left + 5 + (i % 5) * 20, box.top + 1 + (i / 90) * (box.height - 2)];
  const top = document.elementFromPoint(x, y);
  return document.getElementById("seen").contains(top) ? [] : [top.outerHTML.slice(0, 80)];
})
"""
"""What lies over the picture and its buttons."""


@pytest.fixture(scope="module")
def made():
    return styled(RGB)


@pytest.fixture(scope="module")
def address(made, tmp_path_factory):
    run = written(made, tmp_path_factory.mktemp("explore") / "run")
    with pages.served("explore", run, "--port", 0, "-k", 2, "--no-browser") as (found, process):
        yield found
    assert "process_api" not in process.told[1]  # a place in what Gradio tells of its failures


class Visitor:
    """A person before a page."""

    def __init__(self, browser, address, made, **options):
        self.requests, self.address, self.made = [], address, made
        self.page = browser.new_context(**options).new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("#shown")

    @property
    def picture(self):
        source = self.page.get_attribute("#shown", "src")
        with Image.open(io.BytesIO(b64decode(source.partition(",")[2]))) as picture:
            return np.asarray(picture)

    def assert_shows(self, sample=0, **asked):
        """Wait until the picture is that of `still`."""
        wanted = np.asarray(still(self.made, sample, **{"label": "cat", **asked}).images[0])
        end = time.monotonic() + 20
        while not np.array_equal(self.picture, wanted):
            assert time.monotonic() < end, asked
            self.page.wait_for_timeout(20)

    def give(self, field, value):
        """Write a number into a field."""
        self.page.fill(f"#{field} input[type=number]", str(value))
        self.page.press(f"#{field} input[type=number]", "Tab")


def test_every_control_changes_the_picture_to_that_of_its_numbers(browser, address, made):
    ada = Visitor(browser, address, made)
    ada.assert_shows()
    ada.page.focus("#move-1 input[type=range]")
    ada.page.keyboard.press("ArrowRight")
    ada.assert_shows(moves=[0, 0.05])
    ada.give("move-0", -1.5)
    ada.assert_shows(moves=[-1.5, 0.05])
    ada.page.click("#label input")
    ada.page.click("[role=option]:has-text('owl')")
    ada.assert_shows(label="owl", moves=[-1.5, 0.05])
    ada.give("truncation", 0.5)
    ada.assert_shows(label="owl", moves=[-1.5, 0.05], truncation=0.5)
    ada.page.click("#back")
    ada.assert_shows(label="owl", truncation=0.5)
    ada.page.click("#next")
    ada.assert_shows(1, label="owl", truncation=0.5)
    ada.give("seed", 12)
    ada.assert_shows(1, seed=12, label="owl", truncation=0.5)
    ada.page.click("#mixing button")
    ada.page.click("#layers label:has-text('fine')")
    ada.give("other-sample", 6)
    asked = {"label": "owl", "truncation": 0.5, "layers": "fine", "seed": 12}
    ada.assert_shows(1, **asked, other=(1, 6))
    ada.give("other-seed", 3)
    ada.assert_shows(1, **asked, other=(3, 6))
    assert pages.foreign(ada.requests, address) == []


def test_the_picture_on_the_page_the_file_and_the_line_are_one(
    browser, address, made, tmp_path, monkeypatch
):
    ada = Visitor(browser, address, made)
    ada.give("sample", 3)
    ada.give("move-0", 2)
    ada.assert_shows(3, moves=[2, 0])
    with ada.page.expect_download() as found:
        ada.page.click("#download")
    assert found.value.suggested_filename == "run-0-3.png"
    with Image.open(found.value.path()) as picture:
        assert (picture.format, picture.size) == ("PNG", (12, 8))
        assert np.array_equal(np.asarray(picture), ada.picture)
    ada.page.click("#again button")
    line = ada.page.input_value("#line textarea")
    monkeypatch.chdir(tmp_path)
    exec(line, {})
    with Image.open("sample.png") as picture:
        assert np.array_equal(np.asarray(picture), ada.picture)


def test_what_a_field_cannot_take_is_told_and_the_picture_stays(browser, address, made):
    ada = Visitor(browser, address, made)
    ada.assert_shows()
    for value, words in (("", "nothing"), (-3, "-3"), (1.5, "1.5")):
        ada.give("seed", value)
        told = ada.page.locator("#message p", has_text=f"received {words}.")
        assert "field seed: expected a whole number from 0" in told.inner_text()
        ada.assert_shows()
    ada.give("seed", 5)
    ada.assert_shows(seed=5)
    ada.page.wait_for_selector("#message p", state="detached")
    ada.page.fill("#move-1 input[type=number]", "99")
    ada.assert_shows(seed=5, moves=[0, 3])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_legibly_and_the_picture_beside_every_slider(
    browser, address, made, scheme
):
    ada = Visitor(
        browser, address, made, viewport={"width": 390, "height": 800}, color_scheme=scheme
    )
    assert pages.width(ada.page) == 390
    ada.page.click("#mixing button")
    ada.page.locator("#layers").scroll_into_view_if_needed()
    assert pages.width(ada.page) == 390
    box = ada.page.locator("#shown").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] < ada.page.locator("#layers").bounding_box()["y"]
    assert ada.page.evaluate(COVERED) == []
    pale = {said: round(c, 2) for said, c in ada.page.evaluate(CONTRASTS).items() if c < 4.5}
    assert pale == {}
