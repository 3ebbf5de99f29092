"""Generator against discriminator: any objective, penalties, critic steps; with labels or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval
from torch import nn

from gantlet.augment import Adaptive, Pipeline, pipeline
from gantlet.distances import DISTANCES
from gantlet.errors import UsageError, unknown
from gantlet.games import styles
from gantlet.games import versus_losses as losses
from gantlet.games.augmenting import Augment, Chance
from gantlet.games.base import Game, Phase
from gantlet.games.consistency import Consistency, Weight
from gantlet.games.history import History
from gantlet.games.seeing import Sight
from gantlet.games.standing import alone
from gantlet.games.styles import PathLength
from gantlet.networks.base import Network
from gantlet.networks.heads import AuxiliaryHead
from gantlet.networks.styles import StyleGenerator
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.nn.statistics import MinibatchDiscrimination, MinibatchStd
from gantlet.objectives import Objective, objective
from gantlet.penalties import PENALTIES
from gantlet.schedules import Schedule, check_bounds
from gantlet.spec import DataSpec

__all__ = ["Pull", "Versus"]

_COUPLING = (GroupedBatchNorm, MinibatchStd, MinibatchDiscrimination)
_ZEROED = ("minimax", "nonsaturating", "hinge")
"""Objectives whose critic is undecided where its logit is 0."""
_BATCH_NORMS = (GroupedBatchNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A first stage that pulls the generator to the data by a distance, before the play."""

    distance: str = "sliced-wasserstein"
    """euclidean, mahalanobis, sliced-wasserstein or mmd, between groups of real and generated."""
    samples: Annotated[int, Gt(0)] = 20_000
    """Real samples seen before the play begins."""


@dataclass(frozen=True, kw_only=True)
class Versus:
    """The minimax game of a generator and a discriminator.

    Source: Goodfellow et al. (2014), Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
    """

    name: Literal["versus"] = "versus"
    """The game: see `gantlet list games`."""
    objective: str = "nonsaturating"
    """minimax, nonsaturating, leastsquares, wasserstein or hinge."""
    pairing: str = "none"
    """none; pair: each real against a fake; average: each against the mean of the other side."""
    penalties: Mapping[str, Weight | Schedule] = field(default_factory=dict)
    """Weights of the critic's penalties, by name: see `gantlet list penalties`."""
    smoothing: Annotated[float, Interval(ge=0, lt=0.5)] = 0.0
    """One-sided label smoothing: the target of real samples is 1 - smoothing."""
    instance_noise: Weight | Schedule = 0.0
    """Standard deviation of noise added to all that the discriminator sees (x in [-1, 1])."""
    critic_steps: Annotated[int, Ge(1)] = 1
    """Discriminator steps for each generator step."""
    clip_weights: Annotated[float, Gt(0)] | None = None
    """Bound on the critic's weights after each of its steps (Wasserstein GAN)."""
    adversarial: Weight = 1.0
    """Weight of the objective in the generator's loss."""
    feature_matching: Weight = 0.0
    """Weight of the squared distance of mean features in the generator's loss; alone there, as in
    the paper (arXiv 1606.03498), with `adversarial` 0."""
    auxiliary: Weight = 1.0
    """Weight of the class loss where the discriminator has an auxiliary classifier, which learns
    from real samples alone (that of AC-GAN, arXiv 1610.09585, from generated ones as well)."""
    reconstruction: Weight = 1.0
    """Weight of the mean absolute error with which a discriminator with decoders rebuilds real
    samples (arXiv 2101.04775)."""
    lecam: Weight = 0.0
    """Weight of the LeCam regulariser (arXiv 2104.03310)."""
    orthogonality: Weight = 0.0
    """Weight of the orthogonality of the generator's weights (arXiv 1809.11096)."""
    style_mixing: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """Share of generated samples in training whose later layers have the style of another z."""
    path_length: PathLength | None = None
    """Steps of the generator's styles that are equally long in the image (arXiv 1912.04958)."""
    historical_averaging: Weight = 0.0
    """Weight of the squared distance of each player's weights to the mean of what they were after
    its past steps (arXiv 1606.03498)."""
    pack: Annotated[int, Ge(1)] = 1
    """Samples that the discriminator judges together (PacGAN, arXiv 1712.04086)."""
    group: Annotated[int, Ge(1)] = 32
    """Samples that share batch statistics, wherever a part of the game couples samples."""
    pull: Pull | None = None
    """A first stage by a distance."""
    augment: Augment | None = None
    """Random changes of all that the discriminator sees, {policy, p}; {}: ADA."""
    apa: Annotated[float, Interval(ge=0, lt=1)] | Adaptive = 0.0
    """Share of real samples replaced by generated ones (arXiv 2111.06849); {}: adaptive, as p of
    augment."""
    consistency: Consistency | None = None
    """Weights of the discriminator's blindness to small changes; {}: CR."""

    def __post_init__(self) -> None:
        check_bounds("instance_noise", self.instance_noise)
        for name, weight in self.penalties.items():
            check_bounds(f"penalties.{name}", weight)

    def build(self, spec: DataSpec, network: Network) -> Game:
        """The game for data of `spec`, with networks of one family."""
        generator = network.generator(spec, group=self.group)
        discriminator = network.discriminator(spec, group=self.group, pack=self.pack)
        view = network.view(spec)
        game = self.play(spec, generator, discriminator, latent=network.latent, view=view)
        return replace(game, concurrent=True)  # the project's own networks keep nothing

    def play(
        self,
        spec: DataSpec,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        goal: Objective | None = None,
        view: nn.Module | None = None,
    ) -> Game:
        """The game of two given networks.

        Arguments:
            spec: the data.
            generator: G(z, y) -> x, with z of shape (B, latent), y of shape (B,) or None; a
                `NoisyGenerator` (gantlet.networks) is called as G(z, y, noise).
            discriminator: D(x, y) -> Critique, or logits of shape (B,) or (B, 1).
            latent: length of z.
            goal: an objective of one's own instead of the named one.
            view: what real samples go through before the discriminator sees them, x -> x.
        """
        self._check(discriminator)
        self._check_conditions(spec, discriminator)
        self._check_styles(generator)
        players = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        if view is not None:
            players["view"] = view
        if self.lecam:
            players["lecam"] = losses.LeCamMeans()
        if self.path_length:
            players["path"] = styles.PathMean(self.path_length.decay)
        if self.historical_averaging:
            past = {name: History(players[name].parameters()) for name in losses.SIDES}
            players["history"] = nn.ModuleDict(past)
        for name, rule in self._adaptive().items():
            players[name] = Chance(rule)
        group = self.group if self._couples(players) else 1
        named = objective(
            self.objective,
            pairing=self.pairing,
            group=max(1, group // self.pack),
            smoothing=self.smoothing,
        )
        rules = losses.Rules(
            settings=self,
            objective=goal or named,
            latent=latent,
            group=group,
            sight=self._sight(spec),
            centred=goal is not None or self.pairing != "none" or self.objective not in _ZEROED,
        )
        return Game(
            players=players,
            phases=self._phases(rules, players, labelled=bool(spec.condition_size)),
            sample=partial(losses.sample, latent=latent),
            judge=partial(losses.judge, pack=self.pack),
            group=group,
            about=f"{self._chosen()} {'' if goal is None else goal.line}",
        )

    def _chosen(self) -> dict[str, Any]:
        """The settings that are not as they are by default."""
        plain, mine = vars(type(self)()), vars(self)
        return {name: value for name, value in mine.items() if value != plain[name]}

    def _phases(
        self, rules: losses.Rules, players: nn.ModuleDict, *, labelled: bool
    ) -> Sequence[Phase]:
        styled = isinstance(players["generator"], StyleGenerator)
        critic = Phase(
            name="discriminator",
            trains=("discriminator",),
            loss=rules.discriminator,
            after=rules.after_discriminator if self._has_state() else None,
            alone=alone(rules, players, labelled=labelled),
        )
        maker = Phase(
            name="generator",
            trains=("generator",),
            loss=rules.generator,
            after=rules.after_generator if self.historical_averaging or styled else None,
            every=self.critic_steps,
        )
        play = (critic, maker, *self._lazy(rules))
        if self.pull is None:
            return play
        if self.pull.distance not in DISTANCES:
            raise unknown("distance", self.pull.distance, DISTANCES)
        towards = partial(rules.pull, distance=DISTANCES[self.pull.distance])
        first = Phase(name="pull", trains=("generator",), loss=towards, stop=self.pull.samples)
        return (first, *(replace(phase, start=self.pull.samples) for phase in play))

    def _lazy(self, rules: losses.Rules) -> Iterator[Phase]:
        """The generator's phase of path lengths, if it is asked for."""
        if self.path_length:
            yield Phase(
                name="path-length",
                trains=("generator",),
                loss=rules.path_length,
                after=rules.after_path_length,
                every=self.critic_steps * self.path_length.every,
            )

    def _has_state(self) -> bool:
        return bool(
            self.clip_weights or self.lecam or self.historical_averaging or self._adaptive()
        )

    def _adaptive(self) -> Mapping[str, Adaptive]:
        """The rules of adaptive probabilities, by the player that holds each."""
        chances = {"augment": self.augment and self.augment.p, "apa": self.apa}
        return {name: rule for name, rule in chances.items() if isinstance(rule, Adaptive)}

    def _sight(self, spec: DataSpec) -> Sight:
        changes = small_changes = None
        if self.augment:
            changes = _changes(spec, self.augment.policy, "game.augment")
        if self.consistency and (self.consistency.real or self.consistency.fake):
            small_changes = _changes(spec, self.consistency.policy, "game.consistency")
        return Sight(self, changes, small_changes)

    def _couples(self, players: nn.ModuleDict) -> bool:
        """Whether any part of the game lets samples of a batch see one another."""
        return self.couples or any(isinstance(m, _COUPLING) for m in players.modules())

    @property
    def couples(self) -> bool:
        """Whether the game lets samples of a group see one another, whatever its networks do."""
        return bool(
            self.pack > 1 or self.pairing == "average" or self.feature_matching or self.pull
        )

    def _check(self, discriminator: nn.Module) -> None:
        for name in self.penalties:
            if name not in PENALTIES:
                raise unknown("penalty", name, PENALTIES)
        normed = any(isinstance(m, _BATCH_NORMS) for m in discriminator.modules())
        slopes = [name for name in self.penalties if PENALTIES[name].probe != "logit"]
        if normed and slopes:
            raise UsageError(
                f"penalty {slopes[0]!r} on a discriminator with batch norm",
                expected="a discriminator in which samples do not see one another",
                received="batch norm, which makes the gradient of one sample depend on the others "
                "(arXiv 1704.00028, section 4)",
                remedy="Set network.discriminator_norm=none or spectral, or drop the penalty.",
            )
        if not self.adversarial and not self.feature_matching:
            raise UsageError(
                "setting game.adversarial",
                expected="a weight above 0: nothing else teaches the generator",
                received="0",
                remedy="Give it one, or set game.feature_matching=1 as well.",
            )
        if self.group % self.pack:
            raise UsageError(
                "setting game.group",
                expected=f"a multiple of game.pack = {self.pack}",
                received=str(self.group),
                remedy=f"For example game.group={self.pack * max(1, self.group // self.pack)}.",
            )

    def _check_conditions(self, spec: DataSpec, discriminator: nn.Module) -> None:
        classifies = any(isinstance(m, AuxiliaryHead) for m in discriminator.modules())
        if spec.conditions and classifies and self.auxiliary:
            raise UsageError(
                "a discriminator with an auxiliary classifier",
                expected="data with classes",
                received=f"conditions, such as {spec.conditions[0].name}",
                remedy="Set network.discriminator_condition=projection or concat.",
            )

    def _check_styles(self, generator: nn.Module) -> None:
        wanted = {"style_mixing": self.style_mixing, "path_length": self.path_length}
        asked = next((name for name, value in wanted.items() if value), None)
        if asked and not isinstance(generator, StyleGenerator):
            raise UsageError(
                f"setting game.{asked}",
                expected="a generator of styles, which maps z to w and w to the image",
                received=f"{type(generator).__module__}.{type(generator).__qualname__}",
                remedy="Use the network stylegan2, or drop the setting.",
            )

    @classmethod
    def tiny(cls) -> Versus:
        """Small groups, for tests with small batches."""
        return cls(group=4)


def _changes(spec: DataSpec, policy: str | Sequence[str], setting: str) -> Pipeline:
    """The augmentations of a policy for the data; UsageError where these are no images."""
    if spec.kind != "image":
        raise UsageError(
            f"setting {setting}",
            expected="images: its changes are those of images",
            received=spec.kind,
            remedy=f"Set {setting}=null.",
        )
    return pipeline(policy, spec.shape[0])
