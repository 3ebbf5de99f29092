"""The page in a real browser, from the first click to the result."""

import json
import signal
import urllib.error
import urllib.request
from contextlib import contextmanager

from gantlet.judge import Answers, order, panel
from gantlet.judge.answers import FILE
from gantlet.judge.markup import PAUSE
from tests import pages
from tests.cli.door import gantlet

N = 8
WATCH = """
window.seen = {};  // by image: whether it came into view, and went out of view after that
const look = () => {
  const image = document.getElementById("item");
  if (image) {
    const found = (seen[image.dataset.item] ??= {});
    if (getComputedStyle(image).visibility === "visible") found.came = true;
    else if (found.came) found.gone = true;
  }
  requestAnimationFrame(look);
};
look();
"""
DELAYS = """
[...document.getElementById("item").parentElement.querySelector("style").sheet.cssRules]
  .filter((rule) => rule.selectorText === ".timed img")
  .flatMap((rule) => rule.style.animationDelay.split(", ").map(parseFloat))
"""


@contextmanager
def served(run, *words, port=0, number=signal.SIGINT):
    """The address of `gantlet judge RUN`, and its process."""
    with pages.served("judge", run, "-n", N, "--port", port, *words, number=number) as found:
        yield found


class Rater:
    """A person before a page."""

    def __init__(self, browser, address, name, **options):
        self.requests, self.address = [], address
        self.page = browser.new_context(**options).new_page()
        self.page.add_init_script(WATCH)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        self.begin(name)

    def begin(self, name):
        self.page.fill("#name input, #name textarea", name)
        self.page.click("#begin")

    @property
    def item(self):
        return self.page.wait_for_selector("#item", state="attached").get_attribute("data-item")

    def answer(self, generated, key=None):
        """Click or press a key, and wait for what comes next."""
        now = self.item
        if key:
            self.page.keyboard.press(key)
        else:
            self.page.click("#generated" if generated else "#real")
        self.page.wait_for_function(
            "now => document.getElementById('item')?.dataset.item !== now", arg=now
        )
        return now

    @property
    def message(self):
        return self.page.wait_for_selector("#message p").inner_text()

    @property
    def result(self):
        return " ".join(self.page.wait_for_selector("#result").inner_text().split())

    @property
    def width(self):
        return pages.width(self.page)

    @property
    def foreign(self):
        return pages.foreign(self.requests, self.address)


def stored(run):
    return [(a.rater, a.item, a.generated, a.said_generated) for a in Answers.of(run).all()[0]]


def test_two_raters_at_once_from_click_to_result(run, browser):
    found = panel(run, N)
    with served(run) as (address, process):
        ada = Rater(browser, address, "  ", viewport={"width": 390, "height": 800})
        assert "give a name" in ada.message
        ada.begin("Ada")
        bob = Rater(browser, address, " Bob  ", color_scheme="dark")
        for i in range(N):  # Ada knows all, Bob takes all for real
            truth = found.by_name[ada.item].generated
            key = ("g" if truth else "r") if i == 2 else None
            assert ada.answer(truth, key) == order(found, "Ada")[i]
            assert bob.answer(False) == order(found, "Bob")[i]
        assert "Wrong answers 0 % [0, 32]" in ada.result
        assert "Wrong answers 50 % [22, 78] 25 % [10, 49]" in bob.result
        assert "Generated images taken for real 100 % [51, 100] 50 % [22, 78]" in bob.result
        for rater in (ada, bob):
            rater.page.goto(f"{address}/results")
        assert "all raters 16 25 % [10, 49]" in bob.result
        assert "Ada 8 0 % [0, 32] 0 % [0, 49]" in ada.result
        assert ada.width == 390
        assert ada.foreign == bob.foreign == []
    out, err = process.told
    assert "25.0 [10.2, 49.5]" in out
    assert "Stopped. The answers are kept in" in err
    known = {(r, i): said for r, i, _, said in stored(run)}
    assert known == {
        **{("Ada", item.name): item.generated for item in found.items},
        **{("Bob", item.name): False for item in found.items},
    }
    printed = json.loads(gantlet("judge", run, "--results", "--json").out)
    (scores,) = [one["scores"] for one in printed["results"]]
    assert [(s["rater"], s["errors"]["value"]) for s in scores] == [
        ("all raters", 0.25),
        ("Ada", 0),
        ("Bob", 0.5),
    ]


def test_a_page_left_open_across_restarts_loses_nothing(run, browser):
    with served(run, number=signal.SIGKILL) as (address, _):
        ada = Rater(browser, address, "Ada")
        first = ada.answer(True)
        second = ada.item
        port = int(address.rpartition(":")[2])
    with served(run, port=port):
        assert ada.answer(True) == second
        again = Rater(browser, address, "Ada")  # the same name in another window
        third = again.item
        assert third == order(panel(run, N), "Ada")[2]
        again.answer(False)
        ada.answer(True)  # the older window shows what is answered by now: the first counts
        assert "the first answer counts" in ada.message
    mine = [(first, True), (second, True), (third, False)]
    assert [(item, said) for _, item, _, said in stored(run)] == mine
    with served(run, "--seed", 1, port=port):
        ada.answer(True)
        assert "of other images" in ada.message
        ada.answer(True)
    assert [(item, said) for _, item, _, said in stored(run)][:3] == mine
    assert len(stored(run)) == 4


def test_a_limit_hides_the_image_and_nothing_is_answered_by_accident(run, browser):
    limit = 2.0
    with served(run, "--seconds", limit) as (address, _):
        ada = Rater(browser, address, "Ada", viewport={"width": 390, "height": 800})
        first = ada.item
        ada.page.keyboard.press("r")  # nobody has seen it yet
        ada.page.wait_for_function("n => seen[n]?.gone", arg=first)
        assert (ada.item, stored(run)) == (first, [])
        assert ada.page.evaluate("n => seen[n]", first) == {"came": True, "gone": True}
        assert ada.page.is_hidden("#item")
        assert ada.page.evaluate(DELAYS) == [PAUSE, PAUSE + limit]  # a cross comes before
        ada.page.dblclick("#real")  # the second click is none
        ada.page.wait_for_function(
            "n => seen[n]?.gone", arg=order(panel(run, N, seconds=limit), "Ada")[1]
        )
        assert len(stored(run)) == 1
        assert ada.width == 390

        kept = (run / FILE).read_bytes()
        (run / FILE).write_bytes(b"scribble" * 100)
        second = ada.item
        ada.page.click("#generated")
        assert "That was not stored" in ada.message
        assert "damaged or altered" in ada.message
        assert ada.item == second
        (run / FILE).write_bytes(kept)
        assert ada.answer(True) == second
    assert [(item, said) for _, item, _, said in stored(run)] == [(first, False), (second, True)]
    assert all(a.seconds > limit for a in Answers.of(run).all()[0])


def test_files_and_what_other_pages_send_are_not_taken(run):
    def status(path, **headers):
        request = urllib.request.Request(address + path, data=b"text", headers=headers)
        try:
            return urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            return error.code

    with served(run) as (address, _):
        for path in ("/gradio_api/upload", "/results/gradio_api/upload/"):
            assert status(path, Origin=address) == 403
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            assert status("/gradio_api/run/predict", Origin=origin) == 403
        assert status("/gradio_api/run/predict", Origin=address) != 403
        assert status("/gradio_api/run/predict") != 403
