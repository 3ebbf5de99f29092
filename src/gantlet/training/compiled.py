"""A phase's loss under torch.compile: one graph a stage, random numbers drawn outside."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gantlet.games.base import Losses, Turn
from gantlet.rng import Requests

__all__ = ["Compiled"]

_GRAPHS = 64
"""Of one loss, at most. A network that grows needs one for each stage and each fading in."""

Loss = Callable[[nn.ModuleDict, Turn], Losses]


class Compiled:
    """A loss called as before. Numbers that a compiled graph cannot draw are drawn before it.

    The loss runs once uncompiled, its answer dropped (it is pure), to learn which names it asks
    of `turn.noise`. From then on these are drawn beforehand, so that the first pass of a run and
    the first after a resume compute like every other. A name that is asked for only later (in
    another stage of a game) is drawn inside once: torch warns that the graph breaks there, and the
    numbers are the same.

    Arguments:
        loss: of a phase.
        backend: of torch.compile.
    """

    def __init__(self, loss: Loss, backend: str = "inductor") -> None:
        self._eager = loss
        self._graph: Loss = torch.compile(loss, backend=backend)
        self._requests: Requests | None = None

    def __call__(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """The losses of one turn."""
        if self._requests is None:
            with torch.no_grad():
                self._eager(players, turn)
        else:
            turn.noise.draw_all(self._requests)
        with torch._dynamo.config.patch(recompile_limit=_GRAPHS):
            losses = self._graph(players, turn)
        self._requests = {**(self._requests or {}), **turn.noise.requests}
        return losses
