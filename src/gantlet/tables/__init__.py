"""Tables: what their columns are, and columns as numbers that networks can learn, and back.

Needs pandas, of the extra `table`; importing this package loads neither pandas nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantlet.tables.transform import TableTransform
    from gantlet.tables.words import KINDS

__all__ = ["KINDS", "TableTransform"]

_HOMES = {"KINDS": "gantlet.tables.words", "TableTransform": "gantlet.tables.transform"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gantlet.tables' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
