"""Answers are stored at once, once, by any number of writers; damage is named."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from gantlet.errors import RunError, UsageError
from gantlet.judge import Answers, results


@pytest.fixture
def store(tmp_path):
    answers = Answers.of(tmp_path)
    answers.open_panel("p", {"run": "runs/x", "seen": 5, "real": "set aside"}, seed=3, n=4)
    return answers


def test_the_first_answer_counts(store):
    assert store.add("p", "Ada", "one", True, False, 1.25)
    assert not store.add("p", "Ada", "one", True, True, 2.0)
    assert store.add("p", "Bob", "one", True, True, 2.0)
    whole, altered = store.all()
    assert [(a.rater, a.said_generated, a.wrong) for a in whole] == [
        ("Ada", False, True),
        ("Bob", True, False),
    ]
    assert (whole[0].seconds, altered) == (1.25, 0)
    assert store.answered("p", "Ada") == {"one"}
    assert store.answered("other", "Ada") == set()


def test_raters_at_once_lose_nothing(store):
    def answer(i):
        return Answers(store.path).add("p", f"rater {i % 8}", f"item {i // 8}", True, False, 0.1)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(answer, range(80)))
    assert len(store.all()[0]) == 80


def test_an_answer_is_on_disk_when_add_returns(store):
    store.add("p", "Ada", "one", True, False, 1.0)
    with sqlite3.connect(store.path) as other:  # another connection, as another process has
        assert other.execute("SELECT rater, item FROM answers").fetchall() == [("Ada", "one")]


def changed(path, statement):
    database = sqlite3.connect(path)
    with database:
        database.execute(statement)
    database.close()


def test_answers_that_were_altered_are_left_out_and_told(store, tmp_path):
    for item in ("one", "two", "three"):
        store.add("p", "Ada", item, True, False, 1.0)
    changed(store.path, "UPDATE answers SET said_generated = 1 WHERE item = 'two'")
    whole, altered = store.all()
    assert ([a.item for a in whole], altered) == (["one", "three"], 1)
    (found,), notes = results(tmp_path)
    assert found.scores[0].answers == 2
    assert notes == [f"1 answer was altered in {store.path} since given, and left out."]


def test_answers_of_no_known_panel_are_told(store, tmp_path):
    store.add("p", "Ada", "one", True, False, 1.0)
    store.add("other", "Ada", "one", True, False, 1.0)
    (found,), notes = results(tmp_path)
    assert found.scores[0].answers == 1
    assert notes[0].startswith("1 answer was altered")


@pytest.mark.parametrize("change", ["seconds = 9", "about = '{}'", "about = 'no json'"])
def test_a_panel_that_was_altered_is_refused(store, tmp_path, change):
    store.add("p", "Ada", "one", True, False, 1.0)
    changed(store.path, f"UPDATE panels SET {change}")
    with pytest.raises(UsageError, match=r"what is told of the images was changed.*Restore"):
        results(tmp_path)


def test_values_of_other_types_are_altered_answers_too(store):
    store.add("p", "Ada", "one", True, False, 1.0)
    changed(store.path, "UPDATE answers SET item = x'00ff', seconds = 'soon'")
    assert store.all() == ([], 1)


def test_text_that_utf_8_cannot_hold_is_refused_and_the_file_is_not_blamed(store):
    store.add("p", "Ann", "a", True, True, 1.0)
    with pytest.raises(UsageError, match=r"UTF-8.*'Ann\\udc80'") as error:
        store.add("p", "Ann\udc80", "a", True, True, 1.0)
    assert "damaged" not in str(error.value)
    assert len(store.all()[0]) == 1


def test_reading_needs_no_lock(store):
    store.add("p", "Ada", "one", True, False, 1.0)
    writer = sqlite3.connect(store.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")  # another process is in the middle of a write
    try:
        assert len(store.all()[0]) == 1
        assert store.panels()["p"]["seed"] == 3
    finally:
        writer.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 999]
)
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path, content):
    store = Answers.of(tmp_path)
    store.path.write_bytes(content)
    with pytest.raises(UsageError, match=r"damaged or altered.*rename it to begin anew"):
        store.add("p", "Ada", "one", True, False, 1.0)
    assert store.path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    store = Answers.of(tmp_path)
    changed(store.path, "CREATE TABLE mine (x)")
    with pytest.raises(UsageError, match="not written by gantlet judge"):
        store.answered("p", "Ada")


def test_a_torn_file_is_refused(store):
    for i in range(200):
        store.add("p", "Ada", f"item {i}", True, False, 1.0)
    content = store.path.read_bytes()
    store.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="damaged or altered"):
        store.all()


def test_lost_tables_are_refused(store):
    changed(store.path, "DROP TABLE answers")
    with pytest.raises(UsageError, match="tables are missing"):
        store.all()


def test_a_newer_format_is_refused(store):
    changed(store.path, "PRAGMA user_version = 2")
    with pytest.raises(UsageError, match="expected format 1 or older, received format 2"):
        store.all()


def test_a_disk_that_refuses_is_no_damage(tmp_path):
    with pytest.raises(RunError, match="could not be read or written"):
        Answers(tmp_path / "gone" / "judge.sqlite").all()


def test_nothing_judged_yet_says_how_to_begin(tmp_path):
    with pytest.raises(UsageError, match="gantlet judge"):
        results(tmp_path)
