"""Check a game of one's own before it trains: each fault as one clear error."""

from __future__ import annotations

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.games.base import Game, Losses, Phase, Query, Turn
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec

__all__ = ["check_game"]


def check_game(game: Game, spec: DataSpec, *, batch: int | None = None) -> None:
    """Play each phase once on made-up data and see that it keeps the rules of a game.

    Arguments:
        game: the game; its weights and buffers are left as they were.
        spec: the data it is for.
        batch: samples to try with; four groups of the game if none is given.

    Raises:
        UsageError: a player that is not there, phases of one name, a loss of the wrong shape or
            without finite numbers, a loss that changes a buffer or gives a player no gradient,
            samples of another shape than the data.
    """
    n = batch or 4 * game.group
    _check_names(game)
    dtype = next(game.players.parameters()).dtype
    turn = Turn(
        real=_made_up(spec, n, dtype),
        noise=Noise(0, "check", 0, n, dtype=dtype),
        seen=torch.tensor(0.0),
    )
    for phase in game.phases:
        _check_phase(game, phase, turn)
    _check_sample(game, spec, turn)


def _made_up(spec: DataSpec, n: int, dtype: torch.dtype) -> Batch:
    noise = Noise(0, "check/real", 0, n, dtype=dtype)
    y = torch.arange(n) % len(spec.classes) if spec.classes else None
    return Batch(2 * noise.uniform("x", spec.shape) - 1, y)


def _check_names(game: Game) -> None:
    names = [phase.name for phase in game.phases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two phases are named {twice[0]!r}",
            expected="a name for each phase: it names the phase's stream of data and noise",
        )
    wanted = {name: f"phase {p.name!r} trains" for p in game.phases for name in p.trains}
    wanted |= dict.fromkeys(game.bundled, "the game bundles")
    for name, who in wanted.items():
        if name not in game.players:
            there = ", ".join(game.players)
            raise UsageError(f"{who} a player {name!r}", expected=f"one of {there}")


def _check_phase(game: Game, phase: Phase, turn: Turn) -> None:
    trained = {name: list(game.players[name].parameters()) for name in phase.trains}
    before = {name: buffer.clone() for name, buffer in game.players.named_buffers()}
    losses = phase.loss(game.players, turn)
    _check_losses(phase, losses, turn)
    for name, buffer in game.players.named_buffers():
        if not torch.equal(before[name], buffer):
            raise UsageError(
                f"the loss of phase {phase.name!r} changed buffer {name}",
                expected="a pure loss",
                remedy="Return what is needed in Losses.stats and change buffers in Phase.after. "
                "In place of nn.BatchNorm2d use gantlet.nn.norms.GroupedBatchNorm.",
            )
    weights = [w for part in trained.values() for w in part if w.requires_grad]
    total = losses.per_sample.mean()
    total = total if losses.per_step is None else total + losses.per_step
    gradients = torch.autograd.grad(total, weights, allow_unused=True) if weights else ()
    if all(gradient is None for gradient in gradients):
        raise UsageError(
            f"the loss of phase {phase.name!r} gives {', '.join(phase.trains)} no gradient",
            expected="a loss that depends on the weights it trains",
            remedy="Look for .detach() or torch.no_grad() on the way.",
        )


def _check_losses(phase: Phase, losses: Losses, turn: Turn) -> None:
    n, loss = len(turn.real), losses.per_sample
    if loss.dim() != 1 or n % len(loss):
        raise UsageError(
            f"the loss of phase {phase.name!r}",
            expected=f"per_sample of shape ({n},), or ({n} / m,) for packs of m",
            received=f"shape {tuple(loss.shape)}",
        )
    if not torch.isfinite(loss).all():
        raise UsageError(f"the loss of phase {phase.name!r}", expected="finite numbers")
    attached = [name for name, stat in losses.stats.items() if stat.requires_grad]
    if attached:
        raise UsageError(
            f"stats[{attached[0]!r}] of phase {phase.name!r}",
            expected="a detached tensor",
            remedy="Add .detach().",
        )


@torch.no_grad()
def _check_sample(game: Game, spec: DataSpec, turn: Turn) -> None:
    made: Tensor = game.sample(game.players, Query(turn.noise, turn.real.y))
    wanted = (len(turn.real), *spec.shape)
    if tuple(made.shape) != wanted:
        raise UsageError(
            "samples of the game", expected=f"shape {wanted}", received=str(tuple(made.shape))
        )
