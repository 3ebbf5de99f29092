"""The losses of `versus`: pure functions of players and a turn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.averages import running_mean
from gantlet.games.base import Losses, Query, Stats, Turn
from gantlet.games.history import History
from gantlet.networks.base import Critique
from gantlet.nn.layers import filters
from gantlet.objectives import Objective
from gantlet.penalties import (
    PENALTIES,
    around,
    between,
    clip_weights_,
    input_gradient,
    lecam,
    noise_slope,
    orthogonality,
    perturbed,
)
from gantlet.schedules import Schedule, value
from gantlet.spec import Batch

if TYPE_CHECKING:
    from gantlet.distances import Distance
    from gantlet.games.versus import Versus

__all__ = ["SIDES", "LeCamMeans", "Rules", "judge", "packed", "sample"]

SIDES = ("generator", "discriminator")
"""The players that learn."""

_LECAM_DECAY = 0.99
_NOISE_SIGMA = 0.01


class LeCamMeans(nn.Module):
    """Running means of the critic's logits on real and generated samples."""

    real: Tensor
    fake: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def take(self, real: Tensor, fake: Tensor) -> None:
        """Move both means by the logits of one step."""
        for mean, new in ((self.real, real), (self.fake, fake)):
            mean.copy_(running_mean(mean, new.mean().to(mean), self.count, _LECAM_DECAY))
        self.count += 1


def packed(x: Tensor, m: int) -> Tensor:
    """m consecutive samples as one with m times the channels: (B, C, ...) -> (B / m, m C, ...)."""
    return x if m == 1 else x.unflatten(0, (-1, m)).flatten(1, 2)


def sample(players: nn.ModuleDict, query: Query, *, latent: int) -> Tensor:
    """x of shape (B, *spec.shape) from standard normal z and the labels asked for."""
    generated: Tensor = players["generator"](query.noise("z", (latent,)), query.y)
    return generated


def judge(players: nn.ModuleDict, batch: Batch, *, pack: int) -> Tensor:
    """The discriminator's logits on samples as they are, (B / pack,): large for real."""
    return _critique(players["discriminator"](packed(batch.x, pack), batch.y)).logits


def _critique(answer: Critique | Tensor) -> Critique:
    """A discriminator's answer; bare logits of shape (B,) or (B, 1) will do."""
    return answer if isinstance(answer, Critique) else Critique(answer.flatten())


@dataclass(frozen=True)
class _Look:
    """Some points, the critic's answer there, and the gradient there if it was asked for."""

    x: Tensor
    answer: Critique
    gradient: Tensor | None = None


@dataclass(frozen=True)
class Rules:
    """The losses of one game, for its settings."""

    settings: Versus
    objective: Objective
    latent: int
    group: int

    def discriminator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the discriminator, penalties, class loss; (B / pack,)."""
        with torch.no_grad():
            fake = self._generate(players, turn).to(turn.real.x.dtype)
        real, fake = self._shown(turn.real.x, turn, "real"), self._shown(fake, turn, "fake")
        y, critic = turn.real.y, players["discriminator"]
        wanted = {PENALTIES[name].at for name in self.settings.penalties}
        sloped = {at for at in wanted if self._probes(at, "gradient")}
        points = {"real": real, "fake": fake}
        points |= {at: self._points(at, real, fake, turn) for at in sorted(wanted - points.keys())}
        looks = {at: _look(critic, x, y, at in wanted, at in sloped) for at, x in points.items()}
        on_real, on_fake = looks["real"].answer, looks["fake"].answer
        loss = self.objective.discriminator(on_real.logits, on_fake.logits)
        stats = {"real": on_real.logits, "fake": on_fake.logits}
        for name, weight in self.settings.penalties.items():
            term = self._penalty(name, looks, critic, turn)
            loss = loss + _number(weight, turn) * term
            stats[name] = term
        if self.settings.lecam:
            loss = loss + self.settings.lecam * _lecam(players, on_real, on_fake)
        loss = loss + self._class_loss(on_real, y)
        weights = self._of_weights(players, "discriminator")
        return Losses(loss, weights, {name: term.detach() for name, term in stats.items()})

    def generator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the generator, feature matching, class loss; (B / pack,)."""
        critic, y = players["discriminator"], turn.real.y
        fake = self._shown(self._generate(players, turn), turn, "fake")
        on_fake = _critique(critic(fake, y))
        on_real = on_fake
        if self.objective.relative or self.settings.feature_matching:
            with torch.no_grad():
                on_real = _critique(critic(self._shown(turn.real.x, turn, "real"), y))
        loss = self.objective.generator(on_real.logits, on_fake.logits)
        if self.settings.feature_matching:
            loss = loss + self.settings.feature_matching * self._feature_gap(on_real, on_fake)
        loss = loss + self._class_loss(on_fake, y)
        stats = {"fake": on_fake.logits.detach()}
        return Losses(loss, self._of_weights(players, "generator"), stats)

    def pull(self, players: nn.ModuleDict, turn: Turn, *, distance: Distance) -> Losses:
        """The distance of each group of generated samples to its group of real ones; (B,)."""
        fake, real = self._generate(players, turn), turn.real.x
        directions = turn.noise("directions", (real[0].numel(),))
        groups = (_grouped(t, self.group) for t in (real, fake.to(real.dtype), directions))
        with _in_full(real):
            return Losses(distance.function(*groups).repeat_interleave(self.group))

    def after_discriminator(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Clip the critic's weights; move the running means of its logits and weights."""
        if self.settings.clip_weights:
            clip_weights_(players["discriminator"].parameters(), self.settings.clip_weights)
        if self.settings.lecam:
            _means(players).take(stats["real"], stats["fake"])
        self._remember(players, "discriminator")

    def after_generator(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Move the running mean of the generator's weights."""
        self._remember(players, "generator")

    def _remember(self, players: nn.ModuleDict, side: str) -> None:
        if self.settings.historical_averaging:
            _history(players, side).take(players[side].parameters())

    def _generate(self, players: nn.ModuleDict, turn: Turn) -> Tensor:
        return sample(players, Query(turn.noise, turn.real.y), latent=self.latent)

    def _shown(self, x: Tensor, turn: Turn, side: str) -> Tensor:
        """x as the discriminator sees it: with instance noise (arXiv 1610.04490), in packs."""
        if self.settings.instance_noise:
            spread = _number(self.settings.instance_noise, turn)
            x = x + spread * turn.noise(f"instance/{side}", tuple(x.shape[1:]))
        return packed(x, self.settings.pack)

    def _points(self, place: str, real: Tensor, fake: Tensor, turn: Turn) -> Tensor:
        t = turn.noise.uniform(f"{place}/t", (1,) * (real.dim() - 1))[:: self.settings.pack]
        if place == "between":
            return between(real, fake, t)
        noise = turn.noise(f"{place}/noise", tuple(turn.real.x.shape[1:]))
        return around(real, packed(noise, self.settings.pack), t)

    def _probes(self, at: str, probe: str) -> bool:
        chosen = (PENALTIES[name] for name in self.settings.penalties)
        return any(penalty.at == at and penalty.probe == probe for penalty in chosen)

    def _penalty(
        self, name: str, looks: dict[str, _Look], critic: nn.Module, turn: Turn
    ) -> Tensor:
        penalty = PENALTIES[name]
        look = looks[penalty.at]
        if look.gradient is not None and penalty.probe == "gradient":
            return penalty.measure(look.gradient)
        noise = turn.noise(f"penalty/{name}", tuple(turn.real.x.shape[1:]))
        moved = perturbed(look.x, packed(noise, self.settings.pack), _NOISE_SIGMA)
        answer = _look(critic, moved, turn.real.y, True, False).answer
        return penalty.measure(noise_slope(look.answer.logits, answer.logits, _NOISE_SIGMA))

    def _class_loss(self, answer: Critique, y: Tensor | None) -> Tensor | float:
        if answer.classes is None or y is None or not self.settings.auxiliary:
            return 0.0
        return self.settings.auxiliary * F.cross_entropy(
            _exact(answer.classes), y, reduction="none"
        )

    def _feature_gap(self, real: Critique, fake: Critique) -> Tensor:
        """Squared distance of mean features of each group (arXiv 1606.03498, section 3.1)."""
        packs = self.group // self.settings.pack
        means = (_grouped(_exact(_features(answer)), packs).mean(1) for answer in (real, fake))
        return torch.sub(*means).square().sum(1).repeat_interleave(packs)

    def _of_weights(self, players: nn.ModuleDict, side: str) -> Tensor | None:
        """Terms of a player's weights alone: orthogonality, distance to their past."""
        settings, player = self.settings, players[side]
        terms: list[Tensor] = []
        if settings.orthogonality and side == "generator":
            with _in_full(filters(player)[0]):
                terms.append(settings.orthogonality * orthogonality(filters(player)))
        if settings.historical_averaging:
            past = _history(players, side).distance(player.parameters())
            terms.append(settings.historical_averaging * past)
        return torch.stack(terms).sum() if terms else None


def _look(critic: nn.Module, x: Tensor, y: Tensor | None, penalised: bool, sloped: bool) -> _Look:
    """Ask the critic at x; penalised points in full precision, with the gradient if `sloped`."""

    def asked(points: Tensor) -> Critique:
        return _critique(critic(points, y))

    if not penalised:
        return _Look(x, asked(x))
    with _in_full(x):
        if not sloped:
            return _Look(x, asked(x))
        gradient, answer = input_gradient(asked, x)
    return _Look(x, answer, gradient)


def _in_full(like: Tensor) -> AbstractContextManager[None]:
    """The precision of the tensors themselves, whatever autocast is at work."""
    return torch.autocast(like.device.type, enabled=False)


def _number(setting: float | Schedule, turn: Turn) -> Tensor | float:
    return value(setting, turn.seen)


def _grouped(t: Tensor, size: int) -> Tensor:
    """Rows of consecutive samples together: (B, ...) -> (B / size, size, D)."""
    return t.flatten(1).reshape(len(t) // size, size, -1)


def _means(players: nn.ModuleDict) -> LeCamMeans:
    means = players["lecam"]
    assert isinstance(means, LeCamMeans)  # the game puts it there
    return means


def _history(players: nn.ModuleDict, side: str) -> History:
    past = players["history"]
    assert isinstance(past, nn.ModuleDict)  # the game puts it there
    history = past[side]
    assert isinstance(history, History)
    return history


def _lecam(players: nn.ModuleDict, real: Critique, fake: Critique) -> Tensor:
    means = _means(players)
    return lecam(real.logits, fake.logits, means.real, means.fake)


def _exact(t: Tensor) -> Tensor:
    """t in float32 or wider: sums over what autocast has left in bfloat16 would lose digits."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def _features(answer: Critique) -> Tensor:
    return answer.logits[:, None] if answer.features is None else answer.features
