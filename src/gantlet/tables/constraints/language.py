"""Constraints as a person writes them: `end >= start`, `total = net + tax`, `city by zip`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gantlet.errors import UsageError
from gantlet.tables.choice_column import ChoiceColumn
from gantlet.tables.column import Column
from gantlet.tables.constraints.alternatives import Alternatives
from gantlet.tables.constraints.amounts import amounts
from gantlet.tables.constraints.base import Constraint, refused
from gantlet.tables.constraints.combination import Combination
from gantlet.tables.constraints.inequality import Inequality
from gantlet.tables.constraints.predicate import Predicate
from gantlet.tables.constraints.reading import Reader, formless, quoted
from gantlet.tables.constraints.total import Total
from gantlet.tables.number_column import NumberColumn

__all__ = ["parsed"]

_CALL = re.compile(r"\s*(combination|exactly_one|at_most_one|python)\s*\((.*)\)\s*", re.DOTALL)
_ORDER = ("<=", ">=", "<", ">")


def parsed(text: str, columns: Sequence[Column]) -> tuple[Constraint, ...]:
    """The constraints of a text; several where it chains comparisons.

    Arguments:
        text: one of `gantlet.tables.constraints.reading.FORMS`, names of columns with blanks or
            signs in them in quotes.
        columns: of the table.

    Raises:
        UsageError: a text of no form, an unknown column, a column of another kind.
    """
    reader = Reader(text, columns)
    call = _CALL.fullmatch(text)
    if call is not None and call[1] == "python":
        return (Predicate(text=reader.text, name=call[2].strip()),)
    if call is not None:
        return (_called(reader, call[1], call[2]),)
    operands, signs = reader.taken_apart(text)
    if signs and all(sign in _ORDER for sign in signs):
        return _chain(reader, operands, signs)
    if signs and signs[0] in ("=", "==") and set(signs[1:]) <= {"+", "-"}:
        return (_total(reader, operands, signs[1:]),)
    if signs.count("by") == 1 and set(signs) <= {"by", ","}:
        return (_dependence(reader, operands, signs.index("by") + 1),)
    raise formless(text)


def _called(reader: Reader, form: str, inside: str) -> Constraint:
    operands, signs = reader.taken_apart(inside)
    if set(signs) != {","}:
        raise formless(reader.text)
    columns = reader.columns(operands)
    if form == "combination":
        return Combination(text=reader.text, columns=_countable(reader, columns))
    for column in columns:
        if not isinstance(column, ChoiceColumn | NumberColumn):
            raise refused(reader.text, column, "a column that is learned")
    return Alternatives(text=reader.text, columns=columns, may_be_none=form == "at_most_one")


def _dependence(reader: Reader, operands: Sequence[str | Column], middle: int) -> Constraint:
    columns = _countable(reader, reader.columns(operands))
    by = tuple(column.name for column in columns[middle:])
    return Combination(text=reader.text, columns=columns, by=by)


def _countable(reader: Reader, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns of which combinations can be counted and stored."""
    for column in columns:
        if not (
            isinstance(column, ChoiceColumn)
            or (isinstance(column, NumberColumn) and column.clock is None)
        ):
            raise refused(reader.text, column, "a column of choices or of numbers")
    return columns


def _total(reader: Reader, operands: Sequence[str | Column], signs: Sequence[str]) -> Constraint:
    columns = reader.columns(operands)
    total, *terms = amounts(columns, reader.text)
    weights = [1, *(1 if sign == "+" else -1 for sign in signs)]
    moments = sum(
        weight * (term.dimension == "datetime")
        for weight, term in zip(weights, terms, strict=True)
    )
    if moments != (total.dimension == "datetime"):
        raise UsageError(
            f"constraint {reader.text!r}",
            expected="a time as a time and durations, or a duration as the difference of times",
            received=", ".join(f"{column.name}: {column.kind}" for column in columns),
        )
    return Total(text=reader.text, total=total, terms=tuple(zip(weights, terms, strict=True)))


def _chain(
    reader: Reader, operands: Sequence[str | Column], signs: Sequence[str]
) -> tuple[Constraint, ...]:
    pairs = zip(operands, signs, operands[1:], strict=False)
    return tuple(_inequality(reader, *pair) for pair in pairs)


def _is_number(operand: str | Column) -> bool:
    try:
        float(str(operand))
    except ValueError:
        return False
    return True


def _inequality(reader: Reader, left: str | Column, sign: str, right: str | Column) -> Constraint:
    low, high = (left, right) if sign.startswith("<") else (right, left)
    sides = [side for side in (low, high) if isinstance(side, Column)]
    if not sides:
        words = [side for side in (left, right) if not _is_number(side)]
        reader.columns(words[:1] or [left])  # raises: names the column that is not there
    strict = not sign.endswith("=")
    found = amounts(reader.columns(sides), reader.text)
    names = [quoted(side) if isinstance(side, Column) else side for side in (low, high)]
    text = f" {'<' if strict else '<='} ".join(names)
    if len(found) == 2:
        if found[0].dimension != found[1].dimension:
            raise refused(reader.text, found[1].column, f"a {found[0].dimension} beside another")
        return Inequality(text=text, low=found[0], high=found[1], strict=strict)
    side = found[0]
    if isinstance(low, Column):
        value = side.constant(str(high), reader.text)[0].item()
        return Inequality(text=text, low=side, high=None, value=value, strict=strict)
    value = side.constant(str(low), reader.text)[0].item()
    return Inequality(text=text, low=None, high=side, value=value, strict=strict)
