"""Check a game of one's own before it trains: each fault as one clear error."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.games.base import Game, Losses, Phase, Query, Stats, Turn
from gantlet.labels import labels_in_turn
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec

__all__ = ["check_game"]


def check_game(game: Game, spec: DataSpec, *, batch: int | None = None) -> None:
    """Play each phase once on made-up data and see that it keeps the rules of a game.

    Arguments:
        game: the game; its weights and buffers are left as they were.
        spec: the data it is for.
        batch: samples to try with, whole groups of the game; some groups if none is given.

    Raises:
        UsageError: a player that is not there, phases of one name or never played, a loss or
            stats of the wrong shape or without finite numbers, a loss that changes a buffer, draws
            numbers of its own, couples samples beyond a group or gives a player no gradient,
            state that `after` replaces instead of changing it, samples of another shape than the
            data.
    """
    n = batch or max(4, 2 * game.group)
    _check_names(game)
    with torch.random.fork_rng():
        turn = _made_up(game, spec, n)
        for phase in game.phases:
            _check_phase(game, phase, turn)
        with torch.no_grad():
            _check_judge(game, turn)
            _check_sample(game, spec, turn)


def _made_up(game: Game, spec: DataSpec, n: int) -> Turn:
    """A turn of n samples of the data's shape, where the players are."""
    like = next(game.players.parameters(), torch.empty(()))
    real, noise = (
        Noise(0, stream, 0, n, device=like.device, dtype=like.dtype)
        for stream in ("check/real", "check")
    )
    y = labels_in_turn(spec, n)
    y = None if y is None else y.to(like.device)
    seen = torch.zeros((), device=like.device)
    return Turn(Batch(2 * real.uniform("x", spec.shape) - 1, y), noise, seen)


def _check_names(game: Game) -> None:
    names = [phase.name for phase in game.phases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two phases are named {twice[0]!r}",
            expected="a name for each phase: it names the phase's stream of data and noise",
        )
    never = [phase for phase in game.phases if phase.every < 1]
    if never:
        raise UsageError(
            f"every of phase {never[0].name!r}",
            expected="a whole number of at least 1: the phase is played on passes it divides",
            received=str(never[0].every),
        )
    wanted = {name: f"phase {p.name!r} trains" for p in game.phases for name in p.trains}
    wanted |= dict.fromkeys(game.bundled, "the game bundles")
    for name, who in wanted.items():
        if name not in game.players:
            there = ", ".join(game.players)
            raise UsageError(f"{who} a player {name!r}", expected=f"one of {there}")


def _check_phase(game: Game, phase: Phase, turn: Turn) -> None:
    losses = _pure(game, phase, turn)
    _check_losses(phase, losses, turn)
    _check_repeats(game, phase, turn, losses.per_sample.detach())
    weights = [w for name in phase.trains for w in game.players[name].parameters()]
    weights = [w for w in weights if w.requires_grad]
    total = losses.per_sample.mean()
    total = total if losses.per_step is None else total + losses.per_step
    moved = weights and total.requires_grad
    gradients = torch.autograd.grad(total, weights, allow_unused=True) if moved else ()
    if all(gradient is None for gradient in gradients):
        raise UsageError(
            f"the loss of phase {phase.name!r} gives {', '.join(phase.trains)} no gradient",
            expected="a loss that depends on the weights it trains",
            remedy="Look for .detach() or torch.no_grad() on the way.",
        )
    _check_after(game, phase, losses.stats)


def _pure(game: Game, phase: Phase, turn: Turn) -> Losses:
    """The losses, with every buffer as it was; an error where the loss has changed one."""
    before = {name: buffer.clone() for name, buffer in game.players.named_buffers()}
    losses = phase.loss(game.players, turn)
    changed = ""
    for name, buffer in game.players.named_buffers():
        if not torch.equal(before[name], buffer):
            changed = changed or name
            buffer.copy_(before[name])
    if changed:
        raise UsageError(
            f"the loss of phase {phase.name!r} changed buffer {changed}",
            expected="a pure loss",
            remedy="Return what is needed in Losses.stats and change buffers in Phase.after. "
            "In place of nn.BatchNorm2d use gantlet.nn.norms.GroupedBatchNorm.",
        )
    return losses


@torch.no_grad()
def _check_after(game: Game, phase: Phase, stats: Stats) -> None:
    """`after` changes tensors in place: a recorded phase knows them by where they lie."""
    if phase.after is None:
        return
    held = {name: (tensor, tensor.clone()) for name, tensor in _state(game)}
    phase.after(game.players, stats)
    now, replaced = dict(_state(game)), ""
    for name, (tensor, value) in held.items():
        if now.get(name) is not tensor:
            replaced = replaced or name
            owner, _, last = name.rpartition(".")
            setattr(game.players.get_submodule(owner), last, tensor)
        tensor.copy_(value)
    if replaced:
        raise UsageError(
            f"after of phase {phase.name!r} replaced {replaced} by another tensor",
            expected="a tensor that is changed in place",
            remedy="Write buffer.copy_(new), not player.buffer = new: a recorded phase "
            "(train.cuda_graphs) reads the tensor that was there.",
        )


def _state(game: Game) -> Iterator[tuple[str, Tensor]]:
    yield from game.players.named_parameters()
    yield from game.players.named_buffers()


@torch.no_grad()
def _check_repeats(game: Game, phase: Phase, turn: Turn, loss: Tensor) -> None:
    """The same turn gives the same loss, and its first group alone the first part of it."""
    if not torch.allclose(loss, phase.loss(game.players, turn).per_sample, 1e-3, 1e-5):
        raise UsageError(
            f"the loss of phase {phase.name!r} differs when it is asked again",
            expected="a pure loss, random in turn.noise alone",
            remedy="In place of torch.randn, dropout and the like, draw from turn.noise: only "
            "then does a run that was stopped go on exactly.",
        )
    part = phase.loss(game.players, _first(turn, max(2, game.group))).per_sample
    if not torch.allclose(loss[: len(part)], part, 1e-3, 1e-5):
        raise UsageError(
            f"in the loss of phase {phase.name!r} samples see others beyond their group",
            expected=f"groups of {game.group} consecutive samples that do not see one another",
            remedy="Set Game.group, and keep means over a batch within groups: only then do "
            "micro-batches and several processes train the same.",
        )


def _first(turn: Turn, count: int) -> Turn:
    """The first samples of a turn."""
    noise, x, y = turn.noise, turn.real.x, turn.real.y
    fewer = Noise(
        noise.seed, noise.stream, noise.start, count, device=noise.device, dtype=noise.dtype
    )
    return Turn(Batch(x[:count], None if y is None else y[:count]), fewer, turn.seen)


def _check_losses(phase: Phase, losses: Losses, turn: Turn) -> None:
    n, loss = len(turn.real), losses.per_sample
    if loss.dim() != 1 or not len(loss) or n % len(loss):
        raise UsageError(
            f"the loss of phase {phase.name!r}",
            expected=f"per_sample of shape ({n},), or ({n} / m,) for packs of m",
            received=f"shape {tuple(loss.shape)}",
        )
    if not torch.isfinite(loss).all():
        raise UsageError(f"the loss of phase {phase.name!r}", expected="finite numbers")
    scalars = [name for name, stat in losses.stats.items() if not stat.dim()]
    if scalars:
        raise UsageError(
            f"stats[{scalars[0]!r}] of phase {phase.name!r}",
            expected="a number for each sample, shape (B, ...)",
            received="a scalar",
            remedy="Return the numbers before their mean is taken; the log shows means.",
        )
    void = [name for name, stat in losses.stats.items() if not _is_sound(stat)]
    if void:
        raise UsageError(
            f"stats[{void[0]!r}] of phase {phase.name!r}",
            expected="finite numbers, one for each sample at least",
            received="others" if losses.stats[void[0]].numel() else "none",
        )
    attached = [name for name, stat in losses.stats.items() if stat.requires_grad]
    if attached:
        raise UsageError(
            f"stats[{attached[0]!r}] of phase {phase.name!r}",
            expected="a detached tensor",
            remedy="Add .detach().",
        )


def _is_sound(stat: Tensor) -> bool:
    """Whether there are numbers, and all are finite."""
    return bool(stat.numel()) and bool(torch.isfinite(stat).all())


def _check_judge(game: Game, turn: Turn) -> None:
    if game.judge is None:
        return
    scores = game.judge(game.players, turn.real)
    if scores.dim() != 1 or not len(scores) or len(turn.real) % len(scores):
        raise UsageError(
            "scores of the game's judge",
            expected=f"shape ({len(turn.real)},), or ({len(turn.real)} / m,) for packs of m",
            received=f"shape {tuple(scores.shape)}",
        )


def _check_sample(game: Game, spec: DataSpec, turn: Turn) -> None:
    made: Tensor = game.sample(game.players, Query(turn.noise, turn.real.y))
    wanted = (len(turn.real), *spec.shape)
    if tuple(made.shape) != wanted:
        raise UsageError(
            "samples of the game", expected=f"shape {wanted}", received=str(tuple(made.shape))
        )
