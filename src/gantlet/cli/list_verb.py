"""`gantlet list`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gantlet.errors import unknown

__all__ = ["described", "list_"]

_NAMES = 26
"""Columns for names."""


def described(entry: Any) -> tuple[str, str]:
    """One line on an entry of a table, and its source: from its fields, or from its docstring."""
    if not inspect.isclass(entry) and not inspect.isfunction(entry):
        return entry.line, entry.source
    text = inspect.getdoc(entry) or ""
    _, *sources = (" ".join(part.split()) for part in text.split("Source: "))
    return text.splitlines()[0].rstrip("."), "; ".join(sources)


def _tables() -> Mapping[str, Mapping[str, Any]]:
    from gantlet.augment import AUGMENTATIONS
    from gantlet.bench import PROBLEMS
    from gantlet.distances import DISTANCES
    from gantlet.games import GAMES
    from gantlet.games.stabilisers import STABILISERS
    from gantlet.metrics.extractors import EXTRACTORS
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
        "stabilisers": STABILISERS,
        "augmentations": AUGMENTATIONS,
        "distances": DISTANCES,
        "extractors": EXTRACTORS,
        "problems": PROBLEMS,
    }


def list_(kind: str | None = None, /) -> None:
    """List recipes, networks, objectives, penalties; a line and the paper each.

    Parameters
    ----------
    kind
        One of recipes, games, networks, objectives, pairings, penalties, stabilisers,
        augmentations, distances, extractors (of evaluate), problems (of bench). Without it, all.
    """
    tables = _tables()
    if kind is not None and kind not in tables:
        raise unknown("kind", kind, tables)
    for title in [kind] if kind else list(tables):
        print(f"{title}:")
        for name, entry in tables[title].items():
            line, source = described(entry)
            print(f"  {name:<{_NAMES}} {line}")
            print(f"  {'':<{_NAMES}} {source}")
        print()
