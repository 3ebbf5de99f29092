"""The losses of `versus`: pure functions of players and a turn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.averages import running_mean
from gantlet.games import styles
from gantlet.games.base import Losses, Query, Stats, Turn
from gantlet.games.history import History
from gantlet.networks.base import Critique, SelfSupervised
from gantlet.networks.styles import NoisyGenerator, StyleGenerator
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
    """x of shape (B, *spec.shape) from standard normal z, what else G draws, and the labels."""
    generator, z = players["generator"], query.noise("z", (latent,))
    more = isinstance(generator, NoisyGenerator) and styles.drawn(generator, query.noise)
    generated: Tensor = generator(z, query.y, more) if more else generator(z, query.y)
    return generated


def judge(players: nn.ModuleDict, batch: Batch, *, pack: int) -> Tensor:
    """The discriminator's logits on samples as they are, (B / pack,): large for real."""
    x = packed(_viewed(players, batch.x), pack)
    return _critique(players["discriminator"](x, batch.y)).logits


def _viewed(players: nn.ModuleDict, real: Tensor) -> Tensor:
    """Real samples as the discriminator is to see them at this point of training."""
    return players["view"](real) if "view" in players else real


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
        real = self._shown(_viewed(players, turn.real.x), turn, "real")
        fake = self._shown(fake, turn, "fake")
        y, critic = turn.real.y, players["discriminator"]
        sloped, noised = self._places("gradient"), self._places("noise")
        points, exact = {"real": real, "fake": fake}, sloped | noised
        further = (exact | self._places("logit")) - points.keys()
        points |= {at: self._points(at, real, fake, turn) for at in sorted(further)}
        looks = {at: _look(critic, x, y, at in exact, at in sloped) for at, x in points.items()}
        on_real, on_fake = looks["real"].answer, looks["fake"].answer
        loss = self.objective.discriminator(on_real.logits, on_fake.logits)
        stats = {"real": on_real.logits, "fake": on_fake.logits}
        for name, weight in self.settings.penalties.items():
            term = self._penalty(name, looks, critic, turn)
            loss = loss + _number(weight, turn) * term
            stats[name] = term
        if self.settings.lecam:
            loss = loss + self.settings.lecam * _lecam(players, on_real, on_fake)
        if isinstance(critic, SelfSupervised) and self.settings.reconstruction:
            stats["reconstruction"] = term = self._reconstruction(critic, on_real, real, turn)
            loss = loss + self.settings.reconstruction * term
        loss = loss + self._class_loss(on_real, y)
        weights = self._of_weights(players, "discriminator")
        return Losses(loss, weights, {name: term.detach() for name, term in stats.items()})

    def generator(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """Objective of the generator, feature matching, class loss; (B / pack,)."""
        critic, y = players["discriminator"], turn.real.y
        made, stats = self._made(players, turn)
        fake = self._shown(made, turn, "fake")
        on_fake = _critique(critic(fake, y))
        on_real = on_fake
        if self.objective.relative or self.settings.feature_matching:
            with torch.no_grad():
                real = self._shown(_viewed(players, turn.real.x), turn, "real")
                on_real = _critique(critic(real, y))
        loss = self.objective.generator(on_real.logits, on_fake.logits)
        if self.settings.feature_matching:
            loss = loss + self.settings.feature_matching * self._feature_gap(on_real, on_fake)
        loss = loss + self._class_loss(on_fake, y)
        stats = {"fake": on_fake.logits.detach(), **stats}
        return Losses(loss, self._of_weights(players, "generator"), stats)

    def path_length(self, players: nn.ModuleDict, turn: Turn) -> Losses:
        """The penalty of `PathLength`, in full precision; (B,)."""
        generator, chosen = players["generator"], self.settings
        assert isinstance(generator, StyleGenerator)  # the game has checked both
        assert chosen.path_length is not None
        with _in_full(turn.real.x):
            w = styles.styled(generator, turn, self.latent, chosen.style_mixing)[1]
            return styles.path_losses(generator, w, turn, chosen.path_length, _path(players))

    def pull(self, players: nn.ModuleDict, turn: Turn, *, distance: Distance) -> Losses:
        """The distance of each group of generated samples to its group of real ones; (B,)."""
        fake, real = self._generate(players, turn), _viewed(players, turn.real.x)
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

    def _generate(self, players: nn.ModuleDict, turn: Turn) -> Tensor:
        return self._made(players, turn)[0]

    def _made(self, players: nn.ModuleDict, turn: Turn) -> tuple[Tensor, Stats]:
        """Generated samples, and the styles behind them where the generator has any."""
        generator = players["generator"]
        if not isinstance(generator, StyleGenerator):
            return sample(players, Query(turn.noise, turn.real.y), latent=self.latent), {}
        w, mixed = styles.styled(generator, turn, self.latent, self.settings.style_mixing)
        x = generator.synthesise(mixed, styles.drawn(generator, turn.noise))
        return x, {"styles": w.detach()}

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

    def _places(self, probe: str) -> set[str]:
        """Points at which a probe is asked for."""
        chosen = (PENALTIES[name] for name in self.settings.penalties)
        return {penalty.at for penalty in chosen if penalty.probe == probe}

    def _penalty(
        self, name: str, looks: dict[str, _Look], critic: nn.Module, turn: Turn
    ) -> Tensor:
        penalty = PENALTIES[name]
        look = looks[penalty.at]
        if penalty.probe == "logit":
            return penalty.measure(_exact(look.answer.logits))
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

    def _reconstruction(
        self, critic: SelfSupervised, answer: Critique, x: Tensor, turn: Turn
    ) -> Tensor:
        """The sum over what was rebuilt of mean |made - wanted|, (B / pack,)."""
        place = turn.noise.uniform("reconstruction/place", (2,))[:: self.settings.pack]
        pairs = critic.rebuilt(answer.maps or (), x, place)
        errors = [(_exact(made) - wanted).abs().flatten(1).mean(1) for made, wanted in pairs]
        return torch.stack(errors).sum(0)

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


def _exact(t: Tensor) -> Tensor:
    """t in float32 or wider: sums over what autocast has left in bfloat16 would lose digits."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def _features(answer: Critique) -> Tensor:
    return answer.logits[:, None] if answer.features is None else answer.features
