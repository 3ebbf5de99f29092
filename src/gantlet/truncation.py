"""Less variety for more fidelity: what a truncation makes of players and their numbers."""

from __future__ import annotations

import math

from torch import nn

from gantlet.errors import UsageError
from gantlet.networks.styles import StyleGenerator, TruncatedGenerator
from gantlet.spec import DataSpec

__all__ = ["narrowed"]


def narrowed(
    players: nn.ModuleDict, truncation: float | None, spec: DataSpec
) -> tuple[nn.ModuleDict, float | None]:
    """Players, and the bound of their normal numbers, that give up variety for fidelity.

    A generator of styles (`StyleGenerator`) has each style w moved to mean + psi (w - mean), psi
    the truncation from 0 (all styles are the mean) to 1 (none is moved); its numbers keep their
    whole range. Any other has its numbers come from a normal truncated to [-t, t]
    (`gantlet.rng.truncated`), t the truncation, above 0. None: nothing is given up.

    Raises UsageError for a truncation out of its range, and for tables, whose rows draw their
    categories by such numbers too.

    Source: Karras et al. (2019), A Style-Based Generator Architecture for GANs, https://arxiv.org/abs/1812.04948

    Source: Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image
    Synthesis, https://arxiv.org/abs/1809.11096
    """
    if truncation is None:
        return players, None
    if spec.kind == "table":
        raise UsageError(
            "truncation",
            expected="none for rows of a table, whose shares it would change",
            received=str(truncation),
            remedy="Leave it away; --where (`sample_where`) says which rows to make.",
        )
    if any(isinstance(player, StyleGenerator) for player in players.values()):
        return _towards_mean(players, truncation), None
    if not (truncation > 0 and math.isfinite(truncation)):
        raise UsageError(
            "truncation",
            expected="a number above 0",
            received=str(truncation),
            remedy="0.5 is strong, 2 is weak; leave it away for the whole variety.",
        )
    return players, truncation


def _towards_mean(players: nn.ModuleDict, psi: float) -> nn.ModuleDict:
    if not 0 <= psi <= 1:
        raise UsageError(
            "truncation",
            expected="0 to 1: how far styles stay from their mean",
            received=str(psi),
            remedy="0.5 is strong, 0.7 is usual; leave it away for the whole variety.",
        )
    if psi == 1:  # nothing moves, not even by rounding
        return players
    return nn.ModuleDict(
        {
            name: TruncatedGenerator(player, psi) if isinstance(player, StyleGenerator) else player
            for name, player in players.items()
        }
    )
