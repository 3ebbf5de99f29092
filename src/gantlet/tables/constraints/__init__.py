"""Constraints on the rows of tables: what they say, and how generated rows meet them."""

from __future__ import annotations

from gantlet.tables.constraints.base import Constraint
from gantlet.tables.constraints.design import Design, Said
from gantlet.tables.constraints.reading import FORMS

__all__ = ["FORMS", "Constraint", "Design", "Said"]
