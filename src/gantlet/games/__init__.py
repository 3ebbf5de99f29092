"""Games: who plays whom. One file a structure, one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass

from gantlet.extensions import Table
from gantlet.games.augmenting import Augment
from gantlet.games.base import Game, Losses, Phase, Query, Stats, Turn
from gantlet.games.consistency import Consistency
from gantlet.games.versus import Pull, Versus

__all__ = [
    "GAMES",
    "Augment",
    "Consistency",
    "Game",
    "Losses",
    "Phase",
    "Pull",
    "Query",
    "Stats",
    "Turn",
    "Versus",
]

_GAMES: Mapping[str, type[Versus]] = {
    "versus": Versus,
}


def _is_structure(entry: object) -> bool:
    has_build = callable(getattr(entry, "build", None))
    return isinstance(entry, type) and is_dataclass(entry) and has_build


GAMES: Mapping[str, type[Versus]] = Table(
    "games", _GAMES, _is_structure, "a dataclass whose build(spec, network) gives a Game"
)
"""Structures of play by name."""
