"""Personal data: which columns hold it, told by their values or by their names.

A column of text is personal if nine in ten of 1,000 of its values, spread over the rows, look like
one of `PERSONAL` that its values alone tell (e-mail, IBAN, card, IP, URL); or if its name is that
of one of them and nine in ten look like it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PERSONAL", "Personal", "personal_type"]

_MOST, _LOOKED_AT = 0.9, 1_000


@dataclass(frozen=True, kw_only=True)
class Personal:
    """One kind of personal data."""

    line: str
    """What they are, in the plural."""
    fake: str
    """What Faker calls its made-up ones."""
    looks: Callable[[str], bool]
    """Whether a value may be one."""
    names: re.Pattern[str] | None
    """Of columns that hold them; none: the values alone tell."""


def _like(pattern: str) -> Callable[[str], bool]:
    whole = re.compile(pattern)
    return lambda text: whole.fullmatch(text.strip()) is not None


def _named(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words))


def _is_iban(text: str) -> bool:
    """ISO 13616: the number that its letters and digits spell is 1 modulo 97."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """12 to 19 digits with the check digit of Luhn (ISO/IEC 7812-1)."""
    plain = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[2-6]\d{11,18}", plain):
        return False
    doubled = [int(c) * (1 + i % 2) for i, c in enumerate(reversed(plain))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_ip(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text.strip())
    except ValueError:
        return False
    return True


_WORD = r"[^\W\d_][\w.'’-]*"
_is_name = _like(rf"{_WORD}(?:,? {_WORD}){{0,4}}")
_is_phone = _like(r"\+?[\d\s()./x-]{7,25}")

PERSONAL: Mapping[str, Personal] = {
    "email": Personal(
        line="e-mail addresses",
        fake="email",
        looks=_like(r"[^@\s]+@[^@\s]+\.\w{2,}"),
        names=None,
    ),
    "iban": Personal(line="bank accounts", fake="iban", looks=_is_iban, names=None),
    "card": Personal(line="payment cards", fake="credit_card_number", looks=_is_card, names=None),
    "ip": Personal(line="IP addresses", fake="ipv4", looks=_is_ip, names=None),
    "url": Personal(
        line="web addresses",
        fake="url",
        looks=_like(r"(?:https?://|www\.)[^\s/]+\.\S+"),
        names=None,
    ),
    "phone": Personal(
        line="telephone numbers",
        fake="phone_number",
        looks=_is_phone,
        names=_named("phone", "telephone", "tel", "mobile", "cell", "fax"),
    ),
    "ssn": Personal(
        line="numbers of social security",
        fake="ssn",
        looks=_like(r"[A-Z\d][A-Z\d .-]{6,14}"),
        names=_named("ssn", "social security", "social security number"),
    ),
    "first_name": Personal(
        line="first names",
        fake="first_name",
        looks=_is_name,
        names=_named("first name", "firstname", "given name", "forename"),
    ),
    "last_name": Personal(
        line="last names",
        fake="last_name",
        looks=_is_name,
        names=_named("last name", "lastname", "family name", "surname"),
    ),
    "name": Personal(
        line="names of persons",
        fake="name",
        looks=_like(rf"{_WORD}(?:,? {_WORD}){{1,4}}"),
        names=_named("name", "full name", "fullname", "(?:person|patient|customer|user)s? name"),
    ),
    "user": Personal(
        line="names of users",
        fake="user_name",
        looks=_like(r"\S{2,}"),
        names=_named("username", "user name", "login"),
    ),
    "address": Personal(
        line="postal addresses",
        fake="address",
        looks=_like(r"(?s)(?=.*\d)(?=.*[^\W\d_]).{6,}"),
        names=_named("address", "street", "street address", "postal address", "home address"),
    ),
}
"""Kinds of personal data, by what `data.columns` calls them; the first that fits is taken."""


def personal_type(name: Any, present: Any) -> str | None:
    """The key in `PERSONAL` of what a column of text holds, None where it holds none.

    Arguments:
        name: of the column; case, underscores and hyphens in it play no part.
        present: its values without the missing ones.
    """
    some = [str(value) for value in present.iloc[:: max(1, len(present) // _LOOKED_AT)]]
    told = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name))).lower().strip()
    for key, kind in PERSONAL.items():
        if kind.names is not None and not kind.names.fullmatch(told):
            continue
        if some and sum(map(kind.looks, some)) >= _MOST * len(some):
            return key
    return None
