"""Games: who plays whom. One file a structure, one line here."""

from __future__ import annotations

from collections.abc import Mapping

from gantlet.games.base import Game, Losses, Phase, Query, Stats, Turn
from gantlet.games.versus import Pull, Versus

__all__ = ["GAMES", "Game", "Losses", "Phase", "Pull", "Query", "Stats", "Turn", "Versus"]

GAMES: Mapping[str, type[Versus]] = {
    "versus": Versus,
}
