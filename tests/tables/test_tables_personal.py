"""Personal data in tables: found by its look or its name, and never given again."""

import json

import numpy as np
import pandas as pd
import pytest

from gantlet.data import DataSettings, open_data
from gantlet.data.doctor import examine
from gantlet.errors import UsageError
from gantlet.tables import TableTransform
from gantlet.tables.personal import PERSONAL, personal_type
from gantlet.tables.personal_column import PersonalColumn

N = 40
HELD = {
    "contact": ("email", [f"anna.{i}@firma-{i % 7}.de" for i in range(N)]),
    "account": ("iban", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"] * (N // 2)),
    "paid with": ("card", ["4111 1111 1111 1111", "5500005555555559"] * (N // 2)),
    "host": ("ip", [f"10.0.{i}.{i}" for i in range(N - 1)] + ["fe80::1"]),
    "site": ("url", [f"https://firma{i}.de/team" for i in range(N)]),
    "Mobile": ("phone", [f"+49 (0)170 / 55512{i}" for i in range(N)]),
    "SSN": ("ssn", [f"123-45-67{i:02d}" for i in range(N)]),
    "firstName": ("first_name", ["Zoë", "Jean-Luc"] * (N // 2)),
    "last_name": ("last_name", ["O’Neil", "von der Leyen"] * (N // 2)),
    "full_name": ("name", ["Ada Lovelace", "Müller, Hans"] * (N // 2)),
    "user-name": ("user", ["ada_99", "hans.m"] * (N // 2)),
    "street": ("address", ["Hauptstr. 5, 89073 Ulm", "12 High Street"] * (N // 2)),
}
PEOPLE = pd.DataFrame({name: cells for name, (_, cells) in HELD.items()})


@pytest.mark.parametrize("name", HELD)
def test_personal_data_are_found(name):
    what, cells = HELD[name]
    assert personal_type(name, pd.Series(cells)) == what
    few_others = pd.Series([*cells[: N - 3], "unknown 1?", "n.n. 1?", "- 1?"])
    assert personal_type(name, few_others) == what


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("name", ["Ulm", "Bonn"]),  # one word: no person's name
        ("town", ["Bad Homburg", "New York"]),
        ("street", ["north", "south"]),
        ("phone", ["yes", "no"]),
        ("number", ["4111111111111112", "4111111111111113"]),  # wrong check digits
        ("code", ["DE88370400440532013000", "GB83WEST12345698765432"]),
        ("version", ["1.2.3", "10.4"]),
        ("hotline", ["+49 170 555", "+49 170 556"]),
        ("email_consent", ["yes@home", "no"]),
    ],
)
def test_other_data_are_not(name, cells):
    assert personal_type(name, pd.Series(cells * 10)) is None


def test_every_kind_is_made_up_as_its_own_kind():
    """What Faker makes is what is looked for, so that a masked table is masked again."""
    assert {what for what, _ in HELD.values()} == set(PERSONAL)
    transform = TableTransform().fit(PEOPLE)
    assert {column.kind for column in transform.columns_} == {"personal"}
    made = transform.inverse_transform(np.zeros((N, 0), np.float32))
    for name, (what, cells) in HELD.items():
        assert np.mean([PERSONAL[what].looks(value) for value in made[name]]) >= 0.9, name
        assert made[name].dtype == PEOPLE[name].dtype
        assert not made[name].isin(cells).any()


def test_a_row_depends_on_its_seed_and_its_place_alone():
    transform = TableTransform().fit(PEOPLE)
    rows = np.zeros((N, 0), np.float32)
    whole = transform.inverse_transform(rows, seed=3)
    part = transform.inverse_transform(rows[:10], first=5, seed=3)
    pd.testing.assert_frame_equal(part, whole[5:15].reset_index(drop=True))
    assert not (transform.inverse_transform(rows, seed=4)["contact"] == whole["contact"]).any()
    assert whole["contact"].is_unique  # as the table's are
    assert whole["contact"].str.contains(r"@example\.(?:com|net|org)$").all()


def test_nothing_of_the_values_is_stored():
    stored = json.dumps(TableTransform().fit(PEOPLE).to_json(), ensure_ascii=False)
    for _, cells in HELD.values():
        assert not any(value in stored for value in set(cells))
    back = TableTransform.from_json(json.loads(stored))
    assert isinstance(back.columns_[0], PersonalColumn)


def test_missing_values_stay_data_and_categories_are_masked_too():
    cells = PEOPLE["contact"].where(np.arange(N) % 4 > 0)
    table = pd.DataFrame({"contact": cells, "again": cells.astype("category")})
    transform = TableTransform().fit(table)
    rows = transform.transform(table)
    made = transform.inverse_transform(rows)
    for name in table:
        assert made[name].isna().equals(table[name].isna())
        assert not made[name].dropna().isin(cells).any()


def test_what_is_declared_is_masked_and_masking_can_be_declined():
    table = pd.DataFrame({"who": ["Ada", "Hans"] * 20, "contact": ["a@b.de", "c@d.de"] * 20})
    declared = {"who": "first_name", "contact": "categorical"}
    transform = TableTransform(declared, locale="ja_JP").fit(table)
    assert [column.kind for column in transform.columns_] == ["personal", "categorical"]
    made = transform.inverse_transform(np.zeros((5, 1), np.float32))
    assert not made["who"].str.isascii().any()
    assert made["contact"].isin(["a@b.de", "c@d.de"]).all()


@pytest.mark.parametrize(
    ("columns", "locale", "told"),
    [
        ({"x": "email"}, "en_US", "column 'x' as email: expected text, received int64"),
        ({"who": "first_name"}, "xx_YY", "data.locale: expected a locale"),
        ({"who": "nickname"}, "en_US", "unknown kind of column 'who'"),
        ({"who": "personal"}, "en_US", "unknown kind of column 'who'"),
    ],
)
def test_bad_declarations_are_refused(columns, locale, told):
    table = pd.DataFrame({"x": range(40), "who": ["Ada", "Hans"] * 20})
    with pytest.raises(UsageError) as caught:
        TableTransform(columns, locale=locale).fit(table)
    assert told in str(caught.value)


def test_without_faker_the_extra_is_named(monkeypatch):
    from gantlet.tables import personal_column

    personal_column._maker.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "faker", None)
    with pytest.raises(UsageError, match=r"gantlet\[table\]"):
        TableTransform().fit(PEOPLE)


def test_the_doctor_says_what_is_masked():
    table = PEOPLE.assign(age=np.arange(N) % 9)
    found = examine(table, DataSettings(locale="de_DE"))
    assert "contact: personal: e-mail addresses; generated rows have made-up ones" in found.columns
    data = open_data(table, DataSettings(columns={"age": "categorical"}))
    assert "12 personal" in data.notes[-1]
