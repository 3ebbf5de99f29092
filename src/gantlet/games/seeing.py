"""What the critic of `versus` is shown, and how it is asked about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantlet.augment import Pipeline
from gantlet.games.augmenting import Chance, chance
from gantlet.games.base import Turn
from gantlet.networks.base import Critique
from gantlet.penalties import input_gradient
from gantlet.schedules import value

if TYPE_CHECKING:
    from gantlet.games.versus import Versus

__all__ = [
    "Asked",
    "Look",
    "Sight",
    "View",
    "critique",
    "exact",
    "in_full",
    "look",
    "packed",
    "viewed",
]

Asked = Callable[[Tensor], Critique]
"""A critic for given labels and given changes of what it sees."""
View = Callable[[Tensor], Tensor]
"""Such changes: from samples (or packs) to as many, of the same shape."""


def packed(x: Tensor, m: int) -> Tensor:
    """m consecutive samples as one with m times the channels: (B, C, ...) -> (B / m, m C, ...)."""
    return x if m == 1 else x.unflatten(0, (-1, m)).flatten(1, 2)


def _unpacked(x: Tensor, m: int) -> Tensor:
    """The inverse of `packed`."""
    return x if m == 1 else x.unflatten(1, (m, -1)).flatten(0, 1)


def exact(t: Tensor) -> Tensor:
    """t in float32 or wider: sums over what autocast has left in bfloat16 would lose digits."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def viewed(players: nn.ModuleDict, real: Tensor) -> Tensor:
    """Real samples as the discriminator is to see them at this point of training."""
    return players["view"](real) if "view" in players else real


def critique(answer: Critique | Tensor) -> Critique:
    """A discriminator's answer; bare logits of shape (B,) or (B, 1) will do."""
    return answer if isinstance(answer, Critique) else Critique(answer.flatten())


@dataclass(frozen=True)
class Look:
    """Some points, the critic's answer there, and the gradient there if it was asked for."""

    x: Tensor
    answer: Critique
    gradient: Tensor | None = None


def look(asked: Asked, x: Tensor, penalised: bool, sloped: bool) -> Look:
    """Ask the critic at x; penalised points in full precision, with the gradient if `sloped`."""
    if not penalised:
        return Look(x, asked(x))
    with in_full(x):
        if not sloped:
            return Look(x, asked(x))
        gradient, answer = input_gradient(asked, x)
    return Look(x, answer, gradient)


def in_full(like: Tensor) -> AbstractContextManager[None]:
    """The precision of the tensors themselves, whatever autocast is at work."""
    return torch.autocast(like.device.type, enabled=False)


@dataclass(frozen=True)
class Sight:
    """What stands between samples and the critic of one game, for its settings."""

    settings: Versus
    changes: Pipeline | None = None
    """What `game.augment` does to all that the critic sees."""
    small_changes: Pipeline | None = None
    """Those to which `game.consistency` makes the critic blind."""

    def real(
        self, players: nn.ModuleDict, turn: Turn, generate: Callable[[Turn], Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """What goes for real, (B, ...), and with APA which of it is: (B / pack,) of 1 and 0.

        With probability p a sample (a pack) is replaced by one generated from a latent of its own
        and the label of the sample it replaces.

        Source: Jiang et al. (2021), Deceive D: Adaptive Pseudo Augmentation for GAN Training with
        Limited Data, https://arxiv.org/abs/2111.06849
        """
        real, pack = viewed(players, turn.real.x), self.settings.pack
        if not self.settings.apa:
            return real, None
        with torch.no_grad():
            pseudo = generate(replace(turn, noise=turn.noise.under("apa"))).to(real.dtype)
        u = turn.noise.uniform("apa", ())[::pack]
        genuine = u >= chance(self.settings.apa, players, "apa")
        kept = genuine.repeat_interleave(pack).reshape(-1, *[1] * (real.dim() - 1))
        return torch.where(kept, real, pseudo), genuine.to(u.dtype)

    def shown(self, x: Tensor, turn: Turn, side: str) -> Tensor:
        """x with instance noise (arXiv 1610.04490), in packs; augmentation is the critic's."""
        if self.settings.instance_noise:
            spread = value(self.settings.instance_noise, turn.seen)
            x = x + spread * turn.noise(f"instance/{side}", tuple(x.shape[1:]))
        return packed(x, self.settings.pack)

    def view(self, players: nn.ModuleDict, turn: Turn, at: str) -> View:
        """T of `game.augment` for (packed) points of one place; the same in all of a turn.

        A penalty that compares two answers therefore compares them under equal changes.
        """
        if self.changes is None or self.settings.augment is None:
            return _as_it_is
        p = chance(self.settings.augment.p, players, "augment")
        return self._changed(self.changes, turn, f"augment/{at}", p)

    def small_view(self, turn: Turn, at: str) -> View:
        """M of `game.consistency`, in the same way."""
        assert self.small_changes is not None  # asked for by a weight
        return self._changed(self.small_changes, turn, f"consistency/{at}", 1.0)

    def critic(
        self, players: nn.ModuleDict, turn: Turn, at: str, more: View | None = None
    ) -> Asked:
        """The discriminator on points of one place: D(T(x)), with `more` D(M(T(x)))."""
        discriminator, y = players["discriminator"], turn.real.y
        first, second = self.view(players, turn, at), more or _as_it_is
        return lambda x: critique(discriminator(second(first(x)), y))

    def chances(
        self, players: nn.ModuleDict, genuine: Tensor | None, like: Tensor
    ) -> dict[str, Tensor]:
        """For stats: adaptive probabilities, and which real samples are genuine; each (B,)."""
        found = {} if genuine is None else {"genuine": genuine}
        for name, player in players.items():
            if isinstance(player, Chance):
                found[f"{name}_p"] = player.p.expand(len(like))
        return found

    def _changed(self, line: Pipeline, turn: Turn, name: str, p: Tensor | float) -> View:
        """Augments each sample of (packed) x, by the random numbers of a name."""
        pack = self.settings.pack
        uniform = turn.noise.uniform(name, (line.uniform,))
        normal = turn.noise(f"{name}/normal", (line.normal,)) if line.normal else uniform[:, :0]
        return lambda x: packed(line(_unpacked(x, pack), uniform, normal, p), pack)


def _as_it_is(x: Tensor) -> Tensor:
    return x
