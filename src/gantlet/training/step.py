"""One pass over the phases of a game: the only place where weights move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gantlet import dist
from gantlet.averages import ema_, half_life, half_life_beta
from gantlet.config import Config
from gantlet.data.feed import Feed
from gantlet.errors import RunError, UsageError, is_out_of_memory
from gantlet.games.base import Game, Losses, Phase, Turn
from gantlet.nn.norms import Stepped
from gantlet.nn.stages import Staged
from gantlet.rng import Noise
from gantlet.training import optimisers
from gantlet.training.compiled import Compiled
from gantlet.training.freezing import frozen_blocks
from gantlet.training.graphs import Answer, Replayed, Work, recorder
from gantlet.training.machine import Machine
from gantlet.training.memory import exhausted, finer
from gantlet.training.private import PrivateSteps
from gantlet.training.workers import Workers, workers_for

__all__ = ["Meters", "Stepper", "share_of"]

_GRADIENT_NORM_EVERY = 16


class Meters:
    """Sums since the last tick, kept on the device; the log shows their means."""

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, number: Tensor) -> None:
        """Count one value, a scalar tensor; nothing waits for the device."""
        number = number.to(torch.float32)
        self._sums[name] = self._sums[name] + number if name in self._sums else number
        self._counts[name] = self._counts.get(name, 0) + 1

    def state(self) -> dict[str, tuple[float, int]]:
        """Sum and count of each name."""
        sums = torch.stack(list(self._sums.values())).tolist() if self._sums else []
        return {n: (total, self._counts[n]) for n, total in zip(self._sums, sums, strict=True)}

    def load_state(self, state: Mapping[str, Sequence[float]]) -> None:
        """The inverse of `state`."""
        self._sums = {
            name: torch.tensor(total, device=self._device) for name, (total, _) in state.items()
        }
        self._counts = {name: int(count) for name, (_, count) in state.items()}

    def means(self) -> dict[str, float]:
        """The mean of each name."""
        return {name: total / count for name, (total, count) in self.state().items()}

    def clear(self) -> None:
        """Start anew."""
        self._sums.clear()
        self._counts.clear()


def share_of(batch: int, micro_batches: int, group: int) -> int:
    """Samples in one micro-batch of one rank; raises UsageError where groups would be cut."""
    parts = micro_batches * dist.world()
    if batch % (parts * group):
        raise UsageError(
            "setting train.batch",
            expected=f"a multiple of {parts * group}: {parts} part(s) (micro-batches times "
            f"processes) of whole groups of game.group = {group}",
            received=str(batch),
            remedy=f"For example train.batch={max(1, batch // (parts * group)) * parts * group}; "
            "or a smaller game.group.",
        )
    return batch // parts


class Stepper:
    """Plays passes of a game: losses, gradients, clipping, optimisers, `after`, averages.

    Arguments:
        game: with its players on the machine's device.
        averaged: copies of the bundled players, which follow them by an exponential average.
        feed: training data.
        config, machine: settings.
    """

    def __init__(
        self, game: Game, averaged: nn.ModuleDict, feed: Feed, config: Config, machine: Machine
    ) -> None:
        self.game, self.averaged, self.feed = game, averaged, feed
        self.config, self.machine = config, machine
        self._workers, self._feeding = Workers(1, machine.threads), Lock()
        self.optimisers = _optimisers(game, config)
        self.gentleness = 1.0
        self._private = (
            PrivateSteps(feed, config, config.privacy, machine, game.group)
            if config.privacy
            else None
        )
        self.meters = Meters(machine.device)
        frozen = frozen_blocks(game, config.train.freeze_discriminator)
        self._kept = [w for w in frozen.parameters() if w.requires_grad]
        still = {id(part) for part in (*self._kept, *frozen.modules())}
        self._weights = {
            name: [w for w in player.parameters() if w.requires_grad and id(w) not in still]
            for name, player in self._learners()
        }
        self._others = {phase.name: [*_others(game, phase), *self._kept] for phase in game.phases}
        self._stepped = {
            name: [m for m in player.modules() if isinstance(m, Stepped) and id(m) not in still]
            for name, player in self._learners()
        }
        modules = (*game.players.modules(), *averaged.modules())
        self._staged = [m for m in modules if isinstance(m, Staged)]
        self._losses = {
            phase.name: Compiled(phase.loss) if config.train.compile else phase.loss
            for phase in game.phases
        }
        self._record = recorder() if config.train.cuda_graphs else None
        self.divide(config.train.micro_batches)

    def divide(self, micro_batches: int) -> None:
        """Work through a rank's share of each batch in so many parts from now on.

        Raises UsageError where groups of samples would be cut.
        """
        train = replace(self.config.train, micro_batches=micro_batches)
        whole = share_of(train.batch, micro_batches, self.game.group) * micro_batches
        workers = workers_for(self.game, train, self.machine, whole)
        self._workers.close()
        self._workers = Workers(workers, self.machine.threads)
        self.micro_batches, self._parts = micro_batches, micro_batches * workers
        self.share = whole // self._parts
        self._works = {phase.name: self._working(phase) for phase in self.game.phases}

    def _working(self, phase: Phase) -> Work:
        """What computes a phase's answer to a turn; it does not hold the stepper."""
        loss = partial(self._losses[phase.name], self.game.players)
        parts = self._parts * dist.world()
        work = partial(_worked, loss, self._moved(phase), parts, self.machine)
        if self._record is None:
            return work
        return Replayed(work, self._staged, self._record, keeps=self._parts > 1)

    def _learners(self) -> Iterator[tuple[str, nn.Module]]:
        return ((name, self.game.players[name]) for name in self.optimisers)

    def play(self, position: int) -> None:
        """Play pass number `position`, from 0."""
        batch = self.config.train.batch
        seen = position * batch
        for module in self._staged:
            module.reach(seen)
        for phase in self.game.phases:
            if phase.is_due(position, seen):
                self._play(phase, position, seen)
        self._average(seen + batch)

    def is_finite(self) -> bool:
        """Whether all that was measured since the last tick, and every weight, is finite."""
        sums = [torch.tensor([total for total, _ in self.meters.state().values()])]
        weights = [w.detach() for weights in self._weights.values() for w in weights]
        return all(bool(torch.isfinite(t).all()) for t in [*sums, *weights])

    def _play(self, phase: Phase, position: int, seen: int) -> None:
        stats, gradients = self._gradients(phase, position, seen)
        if position // phase.every % _GRADIENT_NORM_EVERY == 0:
            self.meters.add(f"{phase.name}/gradient", nn.utils.get_total_norm(gradients))
        for name in phase.trains:
            self._step(name, seen)
        if phase.after is not None:
            with torch.no_grad(), _frozen(self._kept):
                phase.after(self.game.players, stats)

    def _gradients(
        self, phase: Phase, position: int, seen: int
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """What the phase leaves with its weights, of the whole batch on every rank; stats."""
        if self._private and phase.alone:
            self._private.play(phase, self.game.players, position)
            return {}, self._held(phase)
        with _frozen(self._others[phase.name]):
            stats = self._backward(phase, position, seen)
        held = self._held(phase)
        dist.all_reduce_(held)
        return stats, held

    def _held(self, phase: Phase) -> list[Tensor]:
        """Gradients that are with the weights that a phase trains."""
        return [w.grad for w in self._moved(phase) if w.grad is not None]

    def _moved(self, phase: Phase) -> list[nn.Parameter]:
        """The weights that a phase trains."""
        return [w for name in phase.trains for w in self._weights[name]]

    def _backward(self, phase: Phase, position: int, seen: int) -> dict[str, Tensor]:
        """Gradients of the whole batch's mean loss, summed over micro-batches; gathered stats.

        A loss is pure: where memory runs out, nothing but gradients has changed, and the phase is
        repeated in smaller parts, with the same random numbers, if `train.fit_memory` allows it.
        """
        weights = self._moved(phase)
        while (answers := self._answers(phase, weights, position, seen)) is None:
            for weight in weights:
                weight.grad = None
            self._divide_further(phase)
        stats = {name: dist.gather(torch.cat([a[name] for a in answers])) for name in answers[0]}
        for name, numbers in stats.items():
            held = numbers if numbers.is_floating_point() else numbers.float()
            self.meters.add(f"{phase.name}/{name}", held.mean())
        return stats

    def _answers(
        self, phase: Phase, weights: Sequence[nn.Parameter], position: int, seen: int
    ) -> list[dict[str, Tensor]] | None:
        """Stats of each part, its gradients added; None where memory ran out on any rank."""

        def work(part: int) -> Answer:
            return self._works[phase.name](self._turn(phase.name, position, seen, part))

        answers, failed = [], False
        try:
            for gradients, answer in self._workers.map(work, range(self._parts)):
                _accumulate(weights, gradients)
                answers.append(answer)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if not self.config.train.fit_memory:
                raise self._exhausted(phase) from error
            failed = True
        failed = self.config.train.fit_memory and dist.any_rank(failed)
        return None if failed else answers

    def _divide_further(self, phase: Phase) -> None:
        parts = finer(self.config.train.batch, self.micro_batches, self.game.group)
        if parts is None:
            raise self._exhausted(phase)
        self.divide(parts)

    def _exhausted(self, phase: Phase) -> RunError:
        batch, pack = self.config.train.batch, getattr(self.config.game, "pack", 1)
        return exhausted(phase.name, batch, self.micro_batches, self.game.group, pack)

    def _turn(self, phase: str, position: int, seen: int, part: int) -> Turn:
        train, device = self.config.train, self.machine.device
        offset = (dist.rank() * self._parts + part) * self.share
        start = position * train.batch + offset
        noise = Noise(
            train.seed, phase, start, self.share, device=device, dtype=self.machine.dtype
        )
        if self._private:
            real = self._private.blank(self.share)
        else:
            with self._feeding:
                real = self.feed.batch(phase, start, self.share)
        return Turn(real=real, noise=noise, seen=torch.tensor(float(seen), device=device))

    def _step(self, name: str, seen: int) -> None:
        settings, optimiser = self.config.optimisers[name], self.optimisers[name]
        optimisers.clip_(self._weights[name], settings.clip_norm, settings.clip_value)
        optimisers.set_rates(optimiser, settings, seen, self.gentleness)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        for module in self._stepped[name]:
            module.advance()

    def _average(self, seen: int) -> None:
        train = self.config.train
        span = half_life(seen, train.ema_half_life, train.ema_ramp)
        beta = half_life_beta(train.batch, span)
        for name, copy in self.averaged.items():
            live = self.game.players[name]
            ema_(list(copy.parameters()), list(live.parameters()), beta)
            for mine, theirs in zip(copy.buffers(), live.buffers(), strict=True):
                mine.copy_(theirs)


def _worked(
    loss: Callable[[Turn], Losses],
    weights: Sequence[nn.Parameter],
    parts: int,
    machine: Machine,
    turn: Turn,
) -> Answer:
    """Gradients of one part of a phase, of so many in all, and its stats."""
    with machine.autocast():
        losses = loss(turn)
    mean = losses.per_sample.mean()
    total = mean if losses.per_step is None else mean + losses.per_step
    gradients = torch.autograd.grad(total / parts, weights, allow_unused=True)
    return gradients, {"loss": losses.per_sample.detach(), **losses.stats}


def _accumulate(weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    """Add gradients to those that the weights have, in the weights' memory layout.

    Autograd gives one tensor for both weights of a sum: each has memory of its own here.
    """
    taken = set[int]()
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is None:
            continue
        place = gradient.untyped_storage().data_ptr()
        if weight.grad is not None:
            weight.grad += gradient
        elif gradient.stride() == weight.stride() and place not in taken:
            weight.grad = gradient
        else:
            weight.grad = torch.empty_like(weight, requires_grad=False).copy_(gradient)
        taken.add(place)


def _others(game: Game, phase: Phase) -> Sequence[nn.Parameter]:
    """Weights that a phase must leave alone and that could move: those of all other players."""
    trained = {id(w) for name in phase.trains for w in game.players[name].parameters()}
    return [w for w in game.players.parameters() if w.requires_grad and id(w) not in trained]


@contextmanager
def _frozen(weights: Sequence[nn.Parameter]) -> Iterator[None]:
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def _optimisers(game: Game, config: Config) -> Mapping[str, Optimizer]:
    learners = dict.fromkeys(name for phase in game.phases for name in phase.trains)
    missing = [name for name in learners if name not in config.optimisers]
    if missing:
        raise UsageError(
            f"player {missing[0]!r} learns but has no optimiser",
            expected=f"an entry under optimisers for each of {', '.join(learners)}",
            remedy=f"Add optimisers.{missing[0]} with a name and a learning rate.",
        )
    return {
        name: optimisers.build(config.optimisers[name], game.players[name]) for name in learners
    }
