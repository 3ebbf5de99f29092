"""The losses of `versus`: pure functions of players and a turn."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.augment import realness
from gantlet.averages import running_mean
from gantlet.games import styles
from gantlet.games.augmenting import Chance
from gantlet.games.base import Losses, Query, Stats, Turn
from gantlet.games.consistency import inconsistency, spread
from gantlet.games.history import History
from gantlet.games.seeing import Asked, Look, Sight, critique, exact, in_full, look, packed, viewed
from gantlet.networks.base import Critique, SelfSupervised
from gantlet.networks.styles import NoisyGenerator, StyleGenerator
from gantlet.nn.layers import filters
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

__all__ = ["SIDES", "LeCamMeans", "Rules", "judge", "sample"]

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


def sample(players: nn.ModuleDict, query: Query, *, latent: int) -> Tensor:
    """x of shape (B, *spec.shape) from standard normal z, what else G draws, and the labels."""
    generator, z = players["generator"], query.noise("z", (latent,))
    more = isinstance(generator, NoisyGenerator) and styles.drawn(generator, query.noise)
    generated: Tensor = generator(z, query.y, more) if more else generator(z, query.y)
    return generated


def judge(players: nn.ModuleDict, batch: Batch, *, pack: int) -> Tensor:
    """The discriminator's logits on samples as they are, (B / pack,): large for real."""
    x = packed(viewed(players, batch.x), pack)
    return critique(players["discriminator"](x, batch.y)).logits


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
        closely = self._closely("latent")
        with torch.no_grad(), self._precision(turn, closely):
            fake = self.generated(players, turn).to(turn.real.x.dtype)
        real, genuine = self._real(players, turn)
        real, fake = self.sight.shown(real, turn, "real"), self.sight.shown(fake, turn, "fake")
        sloped, noised = self._places("gradient"), self._places("noise")
        points = {"real": real, "fake": fake}
        exact = sloped | noised | ({"fake"} if closely else set())
        further = (exact | self._places("logit")) - points.keys()
        points |= {at: self._points(at, real, fake, turn) for at in sorted(further)}
        asked = {at: self.sight.critic(players, turn, at) for at in points}
        looks = {at: look(asked[at], x, at in exact, at in sloped) for at, x in points.items()}
        on_real, on_fake = looks["real"].answer, looks["fake"].answer
        loss = self.objective.discriminator(on_real.logits, on_fake.logits)
        stats = {"real": on_real.logits, "fake": on_fake.logits}
        for name, weight in self.settings.penalties.items():
            stats[name] = self._penalty(name, looks, asked, turn)
            loss = loss + _number(weight, turn) * stats[name]
        if self.settings.lecam:
            loss = loss + self.settings.lecam * _lecam(players, on_real, on_fake)
        if self.settings.consistency:
            stats["consistency"] = self._inconsistency(players, turn, looks, exact)
            loss = loss + stats["consistency"]
        critic = players["discriminator"]
        if isinstance(critic, SelfSupervised) and self.settings.reconstruction:
            seen = self.sight.view(players, turn, "real")(real)
            rebuilt = self._reconstruction(critic, on_real, seen, turn)
            stats["reconstruction"] = _of_genuine(rebuilt, genuine)
            loss = loss + self.settings.reconstruction * stats["reconstruction"]
        loss = loss + self._class_loss(on_real, turn.real.y, genuine)
        stats |= self.sight.chances(players, genuine, like=on_real.logits)
        weights = self._of_weights(players, "discriminator")
        return Losses(loss, weights, {name: term.detach() for name, term in stats.items()})

    def generator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the generator, feature matching, class loss; (B / pack,)."""
        apart, closely = self.settings.consistency, self._closely("generator")
        with self._precision(turn, closely):
            made, stats = self._made(players, turn)
        on_fake = self.sight.critic(players, turn, "fake")(self.sight.shown(made, turn, "fake"))
        on_real = on_fake
        if self.objective.relative or self.settings.feature_matching:
            with torch.no_grad():
                real = self.sight.shown(self._real(players, turn)[0], turn, "real")
                on_real = self.sight.critic(players, turn, "real")(real)
        objective = self.objective.generator(on_real.logits, on_fake.logits)
        loss = self.settings.adversarial * objective
        if self.settings.feature_matching:
            loss = loss + self.settings.feature_matching * self._feature_gap(on_real, on_fake)
        if apart and closely:
            near = self._generate_near(players, turn, apart.sigma)
            loss = loss - apart.generator * spread(made, near, self.settings.pack)
        loss = loss + self._class_loss(on_fake, turn.real.y)
        stats = {"fake": on_fake.logits.detach(), **stats}
        return Losses(loss, self._of_weights(players, "generator"), stats)

    def path_length(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """The penalty of `PathLength`, in full precision; (B,)."""
        generator, chosen = players["generator"], self.settings
        assert isinstance(generator, StyleGenerator)  # the game has checked both
        assert chosen.path_length is not None
        with in_full(turn.real.x):
            w = styles.styled(generator, turn, self.latent, chosen.style_mixing)[1]
            return styles.path_losses(generator, w, turn, chosen.path_length, _path(players))

    def pull(self, players: nn.ModuleDict, turn: Turn, *, distance: Distance) -> Losses:
        """The distance of each group of generated samples to its group of real ones; (B,)."""
        fake, real = self.generated(players, turn), viewed(players, turn.real.x)
        directions = turn.noise("directions", (real[0].numel(),))
        groups = (_grouped(t, self.group) for t in (real, fake.to(real.dtype), directions))
        with in_full(real):
            return Losses(distance.function(*groups).repeat_interleave(self.group))

    def after_discriminator(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Clip the critic's weights; move the means of its logits and weights, and chances."""
        if self.settings.clip_weights:
            learning = (w for w in players["discriminator"].parameters() if w.requires_grad)
            clip_weights_(learning, self.settings.clip_weights)
        if self.settings.lecam:
            _means(players).take(stats["real"], stats["fake"])
        held = [player for player in players.values() if isinstance(player, Chance)]
        if held:
            fake = stats["fake"] if self.centred else None
            r = realness(stats["real"], fake, stats.get("genuine"))
            for player in held:
                player.follow(r, len(stats["real"]) * self.settings.pack)
        self._remember(players, "discriminator")

    def after_generator(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Move the running means of the generator's styles and of its weights."""
        if isinstance(players["generator"], StyleGenerator):
            styles.follow(players, stats)
        self._remember(players, "generator")

    def _remember(self, players: nn.ModuleDict, side: str) -> None:
        if self.settings.historical_averaging:
            _history(players, side).take(players[side].parameters())

    def after_path_length(self, players: nn.ModuleDict, stats: Stats) -> None:
        """Move the running mean of path lengths."""
        _path(players).take(stats["length"])

    def generated(self, players: nn.ModuleDict, turn: Turn) -> Tensor:
        """G(z) for the turn's noise and labels."""
        return self._made(players, turn)[0]

    def _made(self, players: nn.ModuleDict, turn: Turn) -> tuple[Tensor, Stats]:
        """Generated samples, and the styles behind them where the generator has any."""
        generator = players["generator"]
        if not isinstance(generator, StyleGenerator):
            return sample(players, Query(turn.noise, turn.real.y), latent=self.latent), {}
        w, mixed = styles.styled(generator, turn, self.latent, self.settings.style_mixing)
        x = generator.synthesise(mixed, styles.drawn(generator, turn.noise))
        return x, {"styles": w.detach()}

    def _real(self, players: nn.ModuleDict, turn: Turn) -> tuple[Tensor, Tensor | None]:
        return self.sight.real(players, turn, partial(self.generated, players))

    def _generate_near(self, players: nn.ModuleDict, turn: Turn, sigma: float) -> Tensor:
        """G(z + sigma eps) for the z, and all else, of `generated`; in full precision."""
        with in_full(turn.real.x):
            return self.generated(players, replace(turn, noise=turn.noise.near("z", sigma)))

    def _closely(self, term: str) -> bool:
        """Whether samples of nearby latents are compared, which bfloat16 is too coarse for."""
        return bool(getattr(self.settings.consistency, term, 0.0))

    def _precision(self, turn: Turn, closely: bool) -> AbstractContextManager[None]:
        return in_full(turn.real.x) if closely else nullcontext()

    def _inconsistency(
        self, players: nn.ModuleDict, turn: Turn, looks: dict[str, Look], exact: set[str]
    ) -> Tensor:
        settings, near = self.settings.consistency, None
        assert settings is not None  # asked for
        if settings.latent:
            with torch.no_grad():
                near = self._generate_near(players, turn, settings.sigma)
            near = self.sight.shown(near.to(turn.real.x.dtype), turn, "fake")
        return inconsistency(settings, self.sight, players, turn, looks, exact, near)

    def _points(self, place: str, real: Tensor, fake: Tensor, turn: Turn) -> Tensor:
        t = turn.noise.uniform(f"{place}/t", (1,) * (real.dim() - 1))[:: self.settings.pack]
        if place == "between":
            return between(real, fake, t)
        noise = turn.noise(f"{place}/noise", tuple(turn.real.x.shape[1:]))
        return around(real, packed(noise, self.settings.pack), t)

    def _places(self, probe: str) -> set[str]:
        """Points at which a probe is asked for."""
        chosen = (PENALTIES[name] for name in self.settings.penalties)
        return {penalty.at for penalty in chosen if penalty.probe == probe}

    def _penalty(
        self, name: str, looks: dict[str, Look], asked: dict[str, Asked], turn: Turn
    ) -> Tensor:
        penalty = PENALTIES[name]
        at = looks[penalty.at]
        if penalty.probe == "logit":
            return penalty.measure(exact(at.answer.logits))
        if at.gradient is not None and penalty.probe == "gradient":
            return penalty.measure(at.gradient)
        noise = turn.noise(f"penalty/{name}", tuple(turn.real.x.shape[1:]))
        moved = perturbed(at.x, packed(noise, self.settings.pack), _NOISE_SIGMA)
        answer = look(asked[penalty.at], moved, True, False).answer
        return penalty.measure(noise_slope(at.answer.logits, answer.logits, _NOISE_SIGMA))

    def _class_loss(
        self, answer: Critique, y: Tensor | None, genuine: Tensor | None = None
    ) -> Tensor | float:
        if answer.classes is None or y is None or not self.settings.auxiliary:
            return 0.0
        loss = F.cross_entropy(exact(answer.classes), y, reduction="none")
        return self.settings.auxiliary * _of_genuine(loss, genuine)

    def _reconstruction(
        self, critic: SelfSupervised, answer: Critique, x: Tensor, turn: Turn
    ) -> Tensor:
        """The sum over what was rebuilt of mean |made - wanted|, (B / pack,)."""
        place = turn.noise.uniform("reconstruction/place", (2,))[:: self.settings.pack]
        pairs = critic.rebuilt(answer.maps or (), x, place)
        errors = [(exact(made) - wanted).abs().flatten(1).mean(1) for made, wanted in pairs]
        return torch.stack(errors).sum(0)

    def _feature_gap(self, real: Critique, fake: Critique) -> Tensor:
        """Squared distance of mean features of each group (arXiv 1606.03498, section 3.1)."""
        packs = self.group // self.settings.pack
        means = (_grouped(exact(_features(answer)), packs).mean(1) for answer in (real, fake))
        return torch.sub(*means).square().sum(1).repeat_interleave(packs)

    def _of_weights(self, players: nn.ModuleDict, side: str) -> Tensor | None:
        """Terms of a player's weights alone: orthogonality, distance to their past."""
        settings, player = self.settings, players[side]
        terms: list[Tensor] = []
        if settings.orthogonality and side == "generator":
            with in_full(next(player.parameters())):
                terms.append(settings.orthogonality * orthogonality(filters(player)))
        if settings.historical_averaging:
            past = _history(players, side).distance(player.parameters())
            terms.append(settings.historical_averaging * past)
        return torch.stack(terms).sum() if terms else None


def _of_genuine(loss: Tensor, genuine: Tensor | None) -> Tensor:
    """A loss, nothing of it where APA has put a generated sample in."""
    return loss if genuine is None else genuine * loss


def _number(setting: float | Schedule, turn: Turn) -> Tensor | float:
    return value(setting, turn.seen)


def _grouped(t: Tensor, size: int) -> Tensor:
    """Rows of consecutive samples together: (B, ...) -> (B / size, size, D)."""
    return t.flatten(1).reshape(len(t) // size, size, -1)


def _means(players: nn.ModuleDict) -> LeCamMeans:
    means = players["lecam"]
    assert isinstance(means, LeCamMeans)  # the game puts it there
    return means


def _path(players: nn.ModuleDict) -> styles.PathMean:
    path = players["path"]
    assert isinstance(path, styles.PathMean)  # the game puts it there
    return path


def _history(players: nn.ModuleDict, side: str) -> History:
    past = players["history"]
    assert isinstance(past, nn.ModuleDict)  # the game puts it there
    history = past[side]
    assert isinstance(history, History)
    return history


def _lecam(players: nn.ModuleDict, real: Critique, fake: Critique) -> Tensor:
    means = _means(players)
    return lecam(real.logits, fake.logits, means.real, means.fake)


def _features(answer: Critique) -> Tensor:
    return answer.logits[:, None] if answer.features is None else answer.features
