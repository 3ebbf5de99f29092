"""The text of a constraint taken apart: columns, values, and the signs between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gantlet.errors import UsageError, unknown
from gantlet.tables.column import Column

__all__ = ["FORMS", "Reader", "formless", "quoted"]

FORMS = {
    "end >= start": "one column not below another; also <=, < and >",
    "0 <= age <= 120": "a range; columns and values in any order",
    "total = net + tax": "one column the sum of others, up to rounding; also -",
    "city by zip": "a column follows from another; lists of columns too",
    "combination(make, model)": "only the combinations that the table has",
    "exactly_one(rent, price)": "one of the columns is set, the others are missing",
    "at_most_one(rent, price)": "the same, or none is set",
}
"""What can be written, and what it says."""

_SIGN = re.compile(r"\s*(<=|>=|==|<|>|=|\+|-|,|by\b)", re.IGNORECASE)
_END = re.compile(r"[\s<>=+\-,]|$")
_PLAIN = re.compile(r"[^\W\d][\w.-]*")
_BARE = re.compile(r"[^\s<>=+,()'\"]+")


class Reader:
    """Reads one text.

    Arguments:
        text: all of it, for errors.
        columns: of the table.
    """

    def __init__(self, text: str, columns: Sequence[Column]) -> None:
        self.text = text.strip()
        self._columns = sorted(columns, key=lambda column: -len(str(column.name)))

    def taken_apart(self, part: str) -> tuple[list[str | Column], list[str]]:
        """Operands, columns or plain text, and the signs between them, one less.

        Raises UsageError where operands and signs do not take turns.
        """
        operands, signs, place = list[str | Column](), list[str](), 0
        while True:
            operand, place = self._operand(part, place)
            operands.append(operand)
            if not part[place:].strip():
                return operands, signs
            sign = _SIGN.match(part, place)
            if sign is None:
                raise formless(self.text)
            signs.append(sign[1].lower())
            place = sign.end()

    def columns(self, operands: Sequence[str | Column]) -> tuple[Column, ...]:
        """Operands that are columns, each once; UsageError for others."""
        found = list[Column]()
        for operand in operands:
            if not isinstance(operand, Column):
                error = unknown("column", operand, [str(one.name) for one in self._columns])
                raise UsageError(
                    f"constraint {self.text!r}: {error.what}",
                    expected=error.expected,
                    remedy=error.remedy,
                )
            if operand in found:
                raise UsageError(
                    f"constraint {self.text!r}",
                    expected="columns that differ",
                    received=f"{operand.name!r} twice",
                )
            found.append(operand)
        return tuple(found)

    def _operand(self, part: str, place: int) -> tuple[str | Column, int]:
        place += len(part[place:]) - len(part[place:].lstrip())
        for column in self._columns:
            name = str(column.name)
            for told in (name, f"'{name}'", f'"{name}"'):
                end = place + len(told)
                if part.startswith(told, place) and _END.match(part[end:]):
                    return column, end
        quote = part[place : place + 1]
        if quote in ("'", '"') and quote in part[place + 1 :]:
            end = part.index(quote, place + 1)
            return part[place + 1 : end], end + 1
        bare = _BARE.match(part, place)
        if bare is None:
            raise formless(self.text)
        return bare[0], bare.end()


def quoted(column: Column) -> str:
    """The name of a column as the text of a constraint has it."""
    name = str(column.name)
    if _PLAIN.fullmatch(name) and name.lower() != "by":
        return name
    return f'"{name}"' if "'" in name else f"'{name}'"


def formless(text: str) -> UsageError:
    """The error for a text that is no constraint."""
    return UsageError(
        f"constraint {text!r}",
        expected=f"such as {'; '.join(FORMS)}",
        remedy="Put quotes around names with blanks or signs in them, as in 'net price' <= price",
    )
