"""What a column can be, and what a person may say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

__all__ = ["FEWEST", "KINDS", "Declared", "Kind", "Scalar"]

Kind: TypeAlias = Literal[
    "integer",
    "real",
    "boolean",
    "categorical",
    "ordinal",
    "datetime",
    "duration",
    "identifier",
    "personal",
    "text",
    "constant",
    "missing",
]
"""integer, real: numbers. boolean, categorical, ordinal: choices. datetime, duration: times.
identifier: unique values, made afresh. personal: data of persons, masked. text: free text, which
is not made up. constant: one value. missing: nothing but missing values."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Declared: TypeAlias = Mapping[str, "str | tuple[str, ...]"]
"""Kinds by column, where they are not to be detected; a list is the order of an ordinal."""

Scalar: TypeAlias = "str | int | float | bool"

FEWEST = 5
"""Rows that must share a value for it to be stored, unless it is declared public."""
