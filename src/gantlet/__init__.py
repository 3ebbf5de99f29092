"""Gantlet trains generative adversarial networks on a person's own data.

The names below are resolved when they are first used, so that `import gantlet` loads no torch.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantlet.evaluation import compare, evaluate
    from gantlet.games import Game, Losses, Phase, Query, Turn, Versus
    from gantlet.games.check import check_game
    from gantlet.run import load, train
    from gantlet.sweeping import sweep
    from gantlet.synthesis import TableSynthesizer
    from gantlet.training.callback import Callback

__version__ = "0.1.0.dev0"

__all__ = [
    "Callback",
    "Game",
    "Losses",
    "Phase",
    "Query",
    "TableSynthesizer",
    "Turn",
    "Versus",
    "__version__",
    "check_game",
    "compare",
    "evaluate",
    "load",
    "sweep",
    "train",
]

_HOMES = {
    "Callback": "gantlet.training.callback",
    "Game": "gantlet.games",
    "Losses": "gantlet.games",
    "Phase": "gantlet.games",
    "Query": "gantlet.games",
    "TableSynthesizer": "gantlet.synthesis",
    "Turn": "gantlet.games",
    "Versus": "gantlet.games",
    "check_game": "gantlet.games.check",
    "compare": "gantlet.evaluation",
    "evaluate": "gantlet.evaluation",
    "load": "gantlet.run",
    "sweep": "gantlet.sweeping",
    "train": "gantlet.run",
}

_PACKAGES = ("judge", "latents")
"""Reached by their name, as in `gantlet.latents.interpolate(bundle)`."""

# Threads that spin at barriers beside a busy process run many times slower than ones that sleep.
# The OpenMP runtime reads this once, when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"gantlet.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'gantlet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
