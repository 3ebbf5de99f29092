"""Rows of a database: what a query gives is data like any other, and no password is told."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gantlet.cli.words import sorted_out
from gantlet.data import DataSettings, open_data, tables
from gantlet.data.doctor import examine
from gantlet.errors import UsageError
from gantlet.planning import data_settings, plan, where
from gantlet.tables import TableTransform, sql
from tests.tables_for import rows

N = 300
ALL = "select * from people order by rowid"


@pytest.fixture(scope="module")
def frame():
    made = rows(N).assign(member=lambda t: t["member"].astype("Int64"))
    made["town"] = np.where(np.arange(N) % 7 == 0, None, "Ulm: at #1")
    made["count"] = [None, *range(N - 1)]
    return made.drop(columns="born")


@pytest.fixture(scope="module")
def url(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("sql") / "people.db"
    with sqlite3.connect(path) as connection:
        frame.to_sql("people", connection, index=False)
        connection.execute("create table notes (a text)")
        connection.execute("create table mixed (a)")
        connection.executemany("insert into mixed values (?)", [(1,), ("x",), (2,)])
    connection.close()
    return f"sqlite:///{path}"


def queried(query):
    return DataSettings(query=query)


def test_a_query_gives_the_rows_of_the_table(url, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "_ROWS", 70)  # five parts, with missing values in some
    data = open_data(url, queried(ALL), cache=tmp_path)
    assert (len(data), data.name) == (N, "people")
    back = TableTransform.from_json(data.spec.table).inverse_transform(data.raw)
    assert list(back.columns) == list(frame.columns)
    assert back["colour"].tolist() == frame["colour"].tolist()
    assert back["town"].fillna("").tolist() == frame["town"].fillna("").tolist()
    assert back["member"].isna().tolist() == frame["member"].isna().tolist()
    monkeypatch.undo()
    assert open_data(url, queried(ALL)).fingerprint == data.fingerprint
    some = open_data(url, queried("select age, town from people where town = 'Ulm: at #1';"))
    assert len(some) == N - len(range(0, N, 7))


def test_a_query_is_taken_to_the_letter():
    setting = "data.query=select '#1: \"x\"' as a from t where b=1"
    assert data_settings([setting]).query == "select '#1: \"x\"' as a from t where b=1"
    words = ["postgresql://me@host/db?sslmode=require", setting]
    assert sorted_out(words, "DATA") == ([words[0]], [setting])


def test_a_run_is_told_by_its_query_and_its_rows(url):
    """What decides whether the same command goes on: configuration and content."""
    first, again = (plan(url, settings={"data.query": ALL}) for _ in range(2))
    assert first.identity == again.identity
    assert (first.config.data.query, first.source) == (ALL, url)
    other = plan(url, settings={"data.query": "select * from people order by age, rowid"})
    differing = [key for key in first.identity if first.identity[key] != other.identity[key]]
    assert "data_fingerprint" in differing
    assert len(differing) > 1


def test_the_doctor_shows_the_columns_and_asks_once(url, monkeypatch):
    asked, ask = [], tables.open_query
    monkeypatch.setattr(tables, "open_query", lambda *given: asked.append(given) or ask(*given))
    found = examine(url, queried(ALL))
    assert len(asked) == 1
    assert (found.kind, found.count, found.source) == ("table", N, url)
    assert found.columns[0].startswith("age: integer")


def test_no_password_is_stored_or_told(tmp_path):
    secret = "postgresql+nodriver://me:p:a@ss@host:5432/db?password=p4ss&x=1"
    assert sql.shown_url(secret) == "postgresql+nodriver://me@host:5432/db?password=***&x=1"
    assert where(secret) == sql.shown_url(secret)
    with pytest.raises(UsageError) as caught:
        open_data(secret, queried("select 1"))
    assert "a@ss" not in str(caught.value)
    assert "p4ss" not in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://me:hidden@host",
        "postgresql://me:hid?den/hidden@host/db",
        "mysql://me@host/db?passwd=hidden&x=1",
        "postgresql://me@host/db?sslpassword=hidden",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DODBC%3BUID%3Dme%3BPWD%3Dhidden",
    ],
)
def test_no_form_of_a_password_is_recorded_or_part_of_a_name(secret):
    for told in (sql.shown_url(secret), where(secret), sql.name_of(secret)):
        assert "hid" not in told


def test_a_file_of_sqlite_is_recorded_from_the_root(url, tmp_path, monkeypatch):
    """So that a run can be evaluated from any folder."""
    path = Path(url.removeprefix("sqlite:///"))
    monkeypatch.chdir(path.parent)
    assert where("sqlite:///people.db?timeout=9") == f"sqlite:///{path}?timeout=9"
    assert where("sqlite+pysqlite:///./people.db") == f"sqlite+pysqlite:///{path}"
    assert where(url) == url
    assert where("sqlite://") == "sqlite://"
    assert where("sqlite:///:memory:") == "sqlite:///:memory:"
    assert where("sqlite:///file:people.db?uri=true") == "sqlite:///file:people.db?uri=true"
    source = where("sqlite:///people.db")
    monkeypatch.chdir(tmp_path)
    assert len(open_data(source, queried(ALL))) == N


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (None, "Tables are mixed, notes, people"),
        ("drop table people", "a query that reads rows"),
        ("select * from persons", "no such table: persons"),
        ("select from people", "syntax error"),
        ("select * from notes", "expected rows, received none"),
        ("select age, age from people", "two columns of data.query are named 'age'"),
        ("select a from mixed", "values of one type in each column"),
        ("select 1 as a", "at least 2 rows"),
    ],
)
def test_what_a_database_refuses_is_told(url, query, told):
    with pytest.raises(UsageError, match=r"people\.db|'people'") as caught:
        open_data(url, queried(query))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("sqlite:///nowhere.db", "no 'nowhere.db'"),
        ("postgresql+psycopg://me:hidden@host/db", "psycopg"),
        ("nodialect://me:hidden@host/db", "nodialect"),
        ("sqlite:///x.db:port@h://", "no 'x.db"),
        ("postgresql://me:hidden@host:port/db", "URL of SQLAlchemy"),
    ],
)
def test_a_database_that_cannot_be_reached_is_told(bad, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=told) as caught:
        plan(bad, settings=["data.query=select * from t"])
    assert "hidden" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_without_sqlalchemy_the_extra_is_named(url, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with pytest.raises(UsageError, match=r"gantlet\[table\]"):
        open_data(url, queried(ALL))


def test_nothing_is_written_to_the_database(url):
    before = pd.read_sql_query("select count(*) as n from people", url)["n"][0]
    with pytest.raises(UsageError):
        open_data(url, queried("with x as (select 1) delete from people"))
    assert pd.read_sql_query("select count(*) as n from people", url)["n"][0] == before
