"""`gantlet list`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gantlet.errors import unknown

__all__ = ["described", "list_"]


def described(entry: Any) -> tuple[str, str]:
    """One line on an entry of a table, and its source: from its fields, or from its docstring."""
    if not inspect.isclass(entry) and not inspect.isfunction(entry):
        return entry.line, entry.source
    text = inspect.getdoc(entry) or ""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("Source: ")), None)
    source = "" if start is None else " ".join(line.strip() for line in lines[start:])
    return lines[0].rstrip("."), source.removeprefix("Source: ")


def _tables() -> Mapping[str, Mapping[str, Any]]:
    from gantlet.distances import DISTANCES
    from gantlet.games import GAMES
    from gantlet.networks import NETWORKS
    from gantlet.objectives import OBJECTIVES, PAIRINGS
    from gantlet.penalties import PENALTIES
    from gantlet.recipes import RECIPES

    return {
        "recipes": RECIPES,
        "games": GAMES,
        "networks": NETWORKS,
        "objectives": OBJECTIVES,
        "pairings": PAIRINGS,
        "penalties": PENALTIES,
        "distances": DISTANCES,
    }


def list_(kind: str | None = None, /) -> None:
    """List recipes, networks, objectives, penalties; a line and the paper each.

    Parameters
    ----------
    kind
        One of recipes, games, networks, objectives, pairings, penalties, distances. Without it,
        all.
    """
    tables = _tables()
    if kind is not None and kind not in tables:
        raise unknown("kind", kind, tables)
    for title in [kind] if kind else list(tables):
        print(f"{title}:")
        for name, entry in tables[title].items():
            line, source = described(entry)
            print(f"  {name:<18} {line}")
            print(f"  {'':<18} {source}")
        print()
