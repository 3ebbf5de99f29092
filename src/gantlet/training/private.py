"""Private steps: rows drawn by Poisson sampling, gradients cut row by row, noise from a secret."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gantlet import __version__, dist
from gantlet.config import Config, identity
from gantlet.data.feed import Feed
from gantlet.errors import RunError
from gantlet.games.base import Phase, Turn
from gantlet.privacy.gradients import clipped_sum, gaussian
from gantlet.privacy.secret import secret_seed
from gantlet.privacy.settings import Privacy
from gantlet.rng import Noise, chosen, generator
from gantlet.spec import Batch
from gantlet.training.machine import Machine

__all__ = ["PrivateSteps"]


class PrivateSteps:
    r"""Gradients of phases in which each real row stands alone, with noise (DP-SGD).

    \tilde g = (sum_{i in S} g_i min(1, C / |g_i|) + sigma C n) / B: each of the N rows is in S
    with probability q = B / N by itself, B is the batch, n is standard normal. S may have any
    number of rows, none too; it is not padded and not cut. Other phases see blanks for real rows.

    S and n are functions of (secret, settings, data, kind of device, precision; phase, step), so
    that a run goes on exactly.

    Arguments:
        feed: training data.
        config: settings, with `privacy` resolved.
        machine: where to compute.
        group: samples that the generator sees together.

    Source: Abadi et al. (2016), Deep Learning with Differential Privacy, https://arxiv.org/abs/1607.00133
    """

    def __init__(
        self, feed: Feed, config: Config, privacy: Privacy, machine: Machine, group: int
    ) -> None:
        assert privacy.sigma is not None  # resolved
        self._feed, self._machine, self._group = feed, machine, group
        self._clip, self._sigma, self._steps = privacy.clip, privacy.sigma, privacy.steps
        self._batch, self._seed = config.train.batch, config.train.seed
        self._q = min(1.0, self._batch / len(feed))
        # Other versions, devices and precisions compute other gradients, which the same noise
        # would not hide. Threads differ among processes, which must agree on the noise.
        kind = machine.device.partition(":")[0]
        computing = [__version__, torch.__version__, kind, machine.precision]
        self._secret = secret_seed("steps", computing, identity(config), feed.digest)

    def play(self, phase: Phase, players: nn.ModuleDict, position: int) -> None:
        """Leave a private gradient with the weights of the player that a phase trains."""
        if self._steps is not None and position >= self._steps:
            raise RunError(
                f"step {position + 1:,} of a private run",
                remedy=f"Its budget is spent after {self._steps:,}. Begin another run.",
            )
        total = self.summed(phase, players, position)
        dist.all_reduce_(list(total.values()))
        draws = generator(self._secret, phase.name, "noise", position)
        noise = gaussian(total, self._sigma * self._clip, draws)
        weights = dict(players[phase.trains[0]].named_parameters())
        for name, gradient in total.items():
            weights[name].grad = (gradient + noise[name]) / self._batch

    def summed(self, phase: Phase, players: nn.ModuleDict, position: int) -> dict[str, Tensor]:
        """This rank's part of the sum of cut gradients, by the name of the weight."""
        assert phase.alone is not None  # only such phases are asked for
        name = phase.trains[0]
        player, term = players[name], phase.alone.term
        weights = {n: w for n, w in player.named_parameters() if w.requires_grad}
        places = chosen(self._secret, phase.name, position, len(self._feed), self._q)
        first, last = self._share(len(places))
        if first == last:  # chance drew no row for this rank
            return {n: torch.zeros_like(w) for n, w in weights.items()}
        turn = self._turn(phase.name, position, first, last)
        mine = places[first:last]
        beside = phase.alone.beside(players, turn)[: len(mine)]

        def loss(held: dict[str, Tensor], x: Tensor, other: Tensor) -> Tensor:
            return term(partial(_called, player, held), x, other)

        return clipped_sum(loss, weights, self._feed.take(mine.numpy()).x, beside, clip=self._clip)

    def blank(self, count: int) -> Batch:
        """What stands for real rows where none may be seen."""
        shape = (count, *self._feed.spec.shape)
        return Batch(torch.zeros(shape, device=self._machine.device, dtype=self._machine.dtype))

    def _share(self, count: int) -> tuple[int, int]:
        """This rank's rows of those drawn, from whole groups."""
        groups = -(-count // self._group)
        ends = [(dist.rank() + i) * groups // dist.world() * self._group for i in (0, 1)]
        return min(ends[0], count), min(ends[1], count)

    def _turn(self, phase: str, position: int, first: int, last: int) -> Turn:
        """Numbers for what stands beside some of the rows drawn, of whole groups."""
        count = -(-(last - first) // self._group) * self._group
        stride = -(-len(self._feed) // self._group) * self._group
        noise = Noise(
            self._seed,
            phase,
            position * stride + first,
            count,
            device=self._machine.device,
            dtype=self._machine.dtype,
        )
        seen = torch.tensor(float(position * self._batch), device=self._machine.device)
        return Turn(real=self.blank(count), noise=noise, seen=seen)


def _called(player: nn.Module, held: Mapping[str, Tensor], x: Tensor) -> Any:
    return functional_call(player, dict(held), (x,))
