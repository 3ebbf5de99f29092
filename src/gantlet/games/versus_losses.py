"""The losses of `versus`: pure functions of players and a turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.augment import realness
from gantlet.averages import running_mean
from gantlet.games.augmenting import Chance
from gantlet.games.base import Losses, Query, Stats, Turn
from gantlet.games.consistency import inconsistency, spread
from gantlet.games.seeing import Asked, Look, Sight, critique, in_full, look, packed
from gantlet.networks.base import Critique
from gantlet.objectives import Objective
from gantlet.penalties import (
    PENALTIES,
    around,
    between,
    clip_weights_,
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

__all__ = ["LeCamMeans", "Rules", "judge", "packed", "sample"]

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


def sample(players: nn.ModuleDict, query: Query, *, latent: int) -> Tensor:
    """x of shape (B, *spec.shape) from standard normal z and the labels asked for."""
    generated: Tensor = players["generator"](query.noise("z", (latent,)), query.y)
    return generated


def judge(players: nn.ModuleDict, batch: Batch, *, pack: int) -> Tensor:
    """The discriminator's logits on samples as they are, (B / pack,): large for real."""
    return critique(players["discriminator"](packed(batch.x, pack), batch.y)).logits


@dataclass(frozen=True)
class Rules:
    """The losses of one game, for its settings."""

    settings: Versus
    objective: Objective
    latent: int
    group: int
    sight: Sight
    centred: bool = True
    """Whether only differences of logits mean something: see `realness`."""

    def discriminator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the discriminator, penalties, class loss; (B / pack,)."""
        with torch.no_grad():
            fake = self._generate(players, turn).to(turn.real.x.dtype)
        real, genuine = self._real(players, turn)
        real, fake = self.sight.shown(real, turn, "real"), self.sight.shown(fake, turn, "fake")
        wanted: set[str] = {PENALTIES[name].at for name in self.settings.penalties}
        sloped = {at for at in wanted if self._probes(at, "gradient")}
        points = {"real": real, "fake": fake}
        points |= {at: self._points(at, real, fake, turn) for at in sorted(wanted - points.keys())}
        asked = {at: self.sight.critic(players, turn, at) for at in points}
        looks = {at: look(asked[at], x, at in wanted, at in sloped) for at, x in points.items()}
        on_real, on_fake = looks["real"].answer, looks["fake"].answer
        loss = self.objective.discriminator(on_real.logits, on_fake.logits)
        stats = {"real": on_real.logits, "fake": on_fake.logits}
        for name, weight in self.settings.penalties.items():
            stats[name] = self._penalty(name, looks, asked, turn)
            loss = loss + _number(weight, turn) * stats[name]
        if self.settings.lecam:
            loss = loss + self.settings.lecam * _lecam(players, on_real, on_fake)
        if self.settings.consistency:
            stats["consistency"] = self._inconsistency(players, turn, looks, wanted)
            loss = loss + stats["consistency"]
        loss = loss + self._class_loss(on_real, turn.real.y)
        stats |= self.sight.chances(players, genuine, like=on_real.logits)
        return Losses(loss, stats={name: term.detach() for name, term in stats.items()})

    def generator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the generator, feature matching, class loss; (B / pack,)."""
        made = self._generate(players, turn)
        on_fake = self.sight.critic(players, turn, "fake")(self.sight.shown(made, turn, "fake"))
        on_real = on_fake
        if self.objective.relative or self.settings.feature_matching:
            with torch.no_grad():
                real = self._real(players, turn)[0]
                real = self.sight.shown(real, turn, "real")
                on_real = self.sight.critic(players, turn, "real")(real)
        loss = self.objective.generator(on_real.logits, on_fake.logits)
        if self.settings.feature_matching:
            loss = loss + self.settings.feature_matching * self._feature_gap(on_real, on_fake)
        apart = self.settings.consistency
        if apart and apart.generator:
            near = self._generate_near(players, turn, apart.sigma)
            loss = loss - apart.generator * spread(made, near, self.settings.pack)
        loss = loss + self._class_loss(on_fake, turn.real.y)
        stats = {"fake": on_fake.logits.detach()}
        return Losses(loss, self._orthogonality(players["generator"]), stats)

    def pull(self, players: nn.ModuleDict, turn: Turn, *, distance: Distance) -> Losses:
        """The distance of each group of generated samples to its group of real ones; (B,)."""
        fake, real = self._generate(players, turn), turn.real.x
        directions = turn.noise("directions", (real[0].numel(),))
        groups = (_grouped(t, self.group) for t in (real, fake.to(real.dtype), directions))
        with in_full(real):
            return Losses(distance.function(*groups).repeat_interleave(self.group))

    def after(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Clip the critic's weights; move the means of its logits and adaptive probabilities."""
        if self.settings.clip_weights:
            clip_weights_(players["discriminator"].parameters(), self.settings.clip_weights)
        if self.settings.lecam:
            _means(players).take(stats["real"], stats["fake"])
        held = [player for player in players.values() if isinstance(player, Chance)]
        if held:
            fake = stats["fake"] if self.centred else None
            r = realness(stats["real"], fake, stats.get("genuine"))
            for player in held:
                player.follow(r, len(stats["real"]) * self.settings.pack)

    def _generate(self, players: nn.ModuleDict, turn: Turn) -> Tensor:
        return sample(players, Query(turn.noise, turn.real.y), latent=self.latent)

    def _real(self, players: nn.ModuleDict, turn: Turn) -> tuple[Tensor, Tensor | None]:
        return self.sight.real(players, turn, partial(self._generate, players))

    def _generate_near(self, players: nn.ModuleDict, turn: Turn, sigma: float) -> Tensor:
        """G(z + sigma eps) for the z, and all else, of `_generate`."""
        return self._generate(players, replace(turn, noise=turn.noise.near("z", sigma)))

    def _inconsistency(
        self, players: nn.ModuleDict, turn: Turn, looks: dict[str, Look], wanted: set[str]
    ) -> Tensor:
        settings, near = self.settings.consistency, None
        assert settings is not None  # asked for
        if settings.latent:
            with torch.no_grad():
                near = self._generate_near(players, turn, settings.sigma)
            near = self.sight.shown(near.to(turn.real.x.dtype), turn, "fake")
        return inconsistency(settings, self.sight, players, turn, looks, wanted, near)

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
        self, name: str, looks: dict[str, Look], asked: dict[str, Asked], turn: Turn
    ) -> Tensor:
        penalty = PENALTIES[name]
        at = looks[penalty.at]
        if at.gradient is not None and penalty.probe == "gradient":
            return penalty.measure(at.gradient)
        noise = turn.noise(f"penalty/{name}", tuple(turn.real.x.shape[1:]))
        moved = perturbed(at.x, packed(noise, self.settings.pack), _NOISE_SIGMA)
        answer = look(asked[penalty.at], moved, True, False).answer
        return penalty.measure(noise_slope(at.answer.logits, answer.logits, _NOISE_SIGMA))

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

    def _orthogonality(self, generator: nn.Module) -> Tensor | None:
        if not self.settings.orthogonality:
            return None
        weights = [w for w in generator.parameters() if w.dim() > 1]
        with in_full(weights[0]):
            return self.settings.orthogonality * orthogonality(weights)


def _number(setting: float | Schedule, turn: Turn) -> Tensor | float:
    return value(setting, turn.seen)


def _grouped(t: Tensor, size: int) -> Tensor:
    """Rows of consecutive samples together: (B, ...) -> (B / size, size, D)."""
    return t.flatten(1).reshape(len(t) // size, size, -1)


def _means(players: nn.ModuleDict) -> LeCamMeans:
    means = players["lecam"]
    assert isinstance(means, LeCamMeans)  # the game puts it there
    return means


def _lecam(players: nn.ModuleDict, real: Critique, fake: Critique) -> Tensor:
    means = _means(players)
    return lecam(real.logits, fake.logits, means.real, means.fake)


def _exact(t: Tensor) -> Tensor:
    """t in float32 or wider: sums over what autocast has left in bfloat16 would lose digits."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def _features(answer: Critique) -> Tensor:
    return answer.logits[:, None] if answer.features is None else answer.features
