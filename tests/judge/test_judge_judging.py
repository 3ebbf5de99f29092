"""What becomes of an answer, whatever the page sends."""

import json

import pytest

from gantlet.judge import Answers, Item, Panel
from gantlet.judge.judging import EARLY, LONGEST_NAME, Judging, Ticket, named

ITEMS = [Item(f"{i:012x}", i < 3, b"png") for i in range(6)]


@pytest.fixture
def judging(tmp_path):
    panel = Panel(items=ITEMS, about={"run": "x"}, size=(8, 8))
    return Judging(panel, Answers.of(tmp_path))


def test_a_ticket_survives_the_page(judging):
    ticket = judging.ticket("Ada <b>", ITEMS[0])
    assert Ticket.read(str(ticket)) == ticket


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"rater": "Ada", "item": "", "panel": "", "since": "NaN"}',
        "\x00",
        "[" * 100_000,
        '{"rater": "Ada", "item": "", "panel": "", "since": ' + "9" * 401 + "}",
    ],
)
def test_what_is_no_ticket_is_none(text):
    assert Ticket.read(text) is None


def test_every_image_is_asked_once_and_then_none(judging):
    asked = []
    for i in range(6):
        item, done = judging.next("Ada")
        assert done == i
        assert judging.take(judging.ticket("Ada", item), True) == ""
        asked.append(item.name)
    assert sorted(asked) == sorted(item.name for item in ITEMS)
    assert judging.next("Ada") == (None, 6)
    assert judging.next("Bob")[1] == 0
    own, every = judging.scores("Ada")
    assert own.errors.value == every.errors.value == 0.5
    assert (own.fooled.value, own.doubted.value) == (0, 1)


def test_pages_of_other_images_and_forged_ones_change_nothing(judging):
    good = json.loads(str(judging.ticket("Ada", ITEMS[0])))
    for change in ({"panel": "0"}, {"item": "none"}, {"rater": "  "}):
        ticket = Ticket.read(json.dumps(good | change))
        assert "not counted" in judging.take(ticket, True)
    assert judging.scores("Ada") is None


def test_time_runs_from_the_image_and_nothing_counts_before_it(judging):
    item, _ = judging.next("Ada")
    assert judging.take(judging.ticket("Ada", item, pause=60.0), True) == EARLY
    assert judging.take(judging.ticket("Bob", item, pause=-5.0), True) == ""
    (answer,) = judging.answers.all()[0]
    assert answer.rater == "Bob"
    assert 5 <= answer.seconds < 300


def test_answers_go_on_where_the_file_was_moved_away(judging):
    first, _ = judging.next("Ada")
    page = judging.ticket("Ada", first)
    judging.answers.path.unlink()
    assert judging.take(page, True) == ""
    assert list(judging.answers.panels()) == [judging.panel.key]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ada \t Byron ", "Ada Byron"),
        ("\x1b[31mEVE\x1b]0;own\x07", "[31mEVE]0;own"),
        ("\u202eeve\u200b", "eve"),
        ("\u200b", ""),
        ("e\u0301", "é"),
        ("All  Raters", ""),
        (" \n", ""),
        ("x" * 99, "x" * LONGEST_NAME),
        ("A\ud800da", "Ada"),
    ],
)
def test_names(text, name):
    assert named(text) == name
