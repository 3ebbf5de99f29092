"""The page in a real browser, from the first click to the result."""

import json
import os
import re
import shutil
import signal
from contextlib import contextmanager

import pytest

from gantlet.judge import Answers, order, panel
from tests.cli.door import gantlet, started

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
N = 8


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: .ci/run installs it")
        pytest.skip("no chromium on this machine: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@contextmanager
def served(run, *words, port=0):
    """The address of `gantlet judge RUN`; interrupted at the end, which must be in order."""
    process = started("judge", run, "-n", N, "--port", port, *words, cwd=run)
    try:
        line = ""
        while "Open " not in line:
            line = process.stderr.readline()
            assert line or process.poll() is None, process.communicate()
        yield re.search(r"http://\S+", line).group(), process
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, process.communicate()
    finally:
        process.kill()
        process.communicate()


class Rater:
    """A person before a page."""

    def __init__(self, browser, address, name, **options):
        self.requests = []
        self.page = browser.new_context(**options).new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
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
    def result(self):
        return " ".join(self.page.wait_for_selector("#result").inner_text().split())


def stored(run):
    return [(a.rater, a.item, a.generated, a.said_generated) for a in Answers.of(run).all()[0]]


def test_two_raters_at_once_from_click_to_result(run, browser):
    found = panel(run, N)
    with served(run) as (address, _):
        ada, bob = (Rater(browser, address, name) for name in ("Ada", " Bob  "))
        for i in range(N):  # Ada knows all, Bob takes all for real
            truth = found.by_name[ada.item].generated
            key = ("g" if truth else "r") if i == 2 else None
            assert ada.answer(truth, key) == order(found, "Ada")[i]
            assert bob.answer(False) == order(found, "Bob")[i]
        assert "Wrong answers 0 % [0, 32] 27 % [11, 52]" in ada.result  # Bob has one left
        assert "Wrong answers 50 % [22, 78] 25 % [10, 49]" in bob.result
        assert "Generated images taken for real 100 % [51, 100] 50 % [22, 78]" in bob.result
        foreign = [u for u in ada.requests if not u.startswith((address, "data:", "blob:"))]
        assert foreign == []
    known = {(r, i): said for r, i, _, said in stored(run)}
    assert known == {
        **{("Ada", item.name): item.generated for item in found.items},
        **{("Bob", item.name): False for item in found.items},
    }
    printed = json.loads(gantlet("judge", run, "--results", "--json").out)
    (scores,) = [one["scores"] for one in printed]
    assert [(s["rater"], s["errors"]["value"]) for s in scores] == [
        ("all raters", 0.25),
        ("Ada", 0),
        ("Bob", 0.5),
    ]
    told = gantlet("judge", run, "--results").out
    assert "25.0 [10.2, 49.5]" in told
    assert "images set aside" in told


def test_a_page_left_open_across_a_restart_goes_on_where_it_was(run, browser):
    with served(run) as (address, _):
        ada = Rater(browser, address, "Ada")
        first = ada.answer(True)
        second = ada.item
        port = int(address.rpartition(":")[2])
    with served(run, port=port):
        ada.page.wait_for_timeout(500)
        assert ada.answer(True) == second
        again = Rater(browser, address, "Ada")  # the same name in another window
        third = again.item
        assert third == order(panel(run, N), "Ada")[2]
        again.answer(False)
        ada.answer(True)  # the older window shows what is answered by now: the first counts
        message = ada.page.wait_for_selector("#message p").inner_text()
        assert "the first answer counts" in message
    assert [(item, said) for _, item, _, said in stored(run)] == [
        (first, True),
        (second, True),
        (third, False),
    ]


def test_an_open_page_of_other_images_is_told_and_not_counted(run, browser):
    with served(run) as (address, _):
        ada = Rater(browser, address, "Ada")
        _ = ada.item
        port = int(address.rpartition(":")[2])
    with served(run, "--seed", 1, port=port):
        ada.page.wait_for_timeout(500)
        ada.answer(True)
        assert "of other images" in ada.page.wait_for_selector("#message p").inner_text()
        ada.answer(True)
    assert len(stored(run)) == 1


def test_a_limit_hides_the_image_and_an_answer_still_counts(run, browser):
    with served(run, "--seconds", 3) as (address, _):
        ada = Rater(browser, address, "Ada", viewport={"width": 390, "height": 800})
        image = ada.page.wait_for_selector("#item")
        assert image.is_visible()
        ada.page.wait_for_selector("#item", state="hidden", timeout=10_000)
        ada.answer(False)
        assert ada.page.wait_for_selector("#item").is_visible()  # the next one is shown anew
        width = ada.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
    assert len(stored(run)) == 1


def test_nameless_raters_are_asked(run, browser):
    with served(run) as (address, _):
        rater = Rater(browser, address, "  ")
        assert "give a name" in rater.page.wait_for_selector("#message p").inner_text()
    assert stored(run) == []


def test_a_port_that_is_taken_is_told(run):
    with served(run) as (address, _):
        answer = gantlet("judge", run, "-n", N, "--port", address.rpartition(":")[2])
    assert answer.code == 2
    assert "nothing listens at" in answer.err
    assert "--port" in answer.err


def test_a_damaged_file_of_answers_is_told_before_anything_is_served(run):
    (run / "judge.sqlite").write_bytes(b"scribble" * 100)
    process = started("judge", run, "-n", N, "--port", 0, cwd=run)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    assert "damaged or altered" in err
    assert "Traceback" not in err
