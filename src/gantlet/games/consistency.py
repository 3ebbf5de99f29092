"""Consistency regularisation: settings of `versus` that make the critic blind to small changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantlet.games.base import Turn
from gantlet.games.seeing import Look, Sight, exact, look
from gantlet.networks.base import Critique

__all__ = ["Consistency", "Weight", "inconsistency", "spread"]

Weight = Annotated[float, Ge(0)]
"""A number of at least 0 that a term of a loss is multiplied by."""


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """Squared changes of the logit under augmentations M of x and small changes of z.

    With w the weights below and z' = z + sigma eps, the discriminator's loss grows by

        w_real (D(x) - D(M(x)))^2 + w_fake (D(G(z)) - D(M(G(z))))^2
        + w_latent (D(G(z)) - D(G(z')))^2

    and the generator's by -w_generator times the mean squared difference of a number of G(z) and
    G(z'). CR is `real` alone; bCR has `real` and `fake`, 10 in the paper; zCR has `latent` 5 and
    `generator` 0.5. Where `game.augment` is on, x is what it shows the critic. Unlike there, the
    critic becomes blind to M, which may then leak into what is generated.

    Source: Zhang et al. (2020), Consistency Regularization for Generative Adversarial Networks,
    https://arxiv.org/abs/1910.12027; Zhao et al. (2021), Improved Consistency Regularization for
    GANs, https://arxiv.org/abs/2002.04724
    """

    real: Weight = 10.0
    """w_real, on real samples (CR)."""
    fake: Weight = 0.0
    """w_fake, on generated samples (with `real`: bCR)."""
    latent: Weight = 0.0
    """w_latent, on generated samples whose latents lie close together (zCR)."""
    generator: Weight = 0.0
    """w_generator: pulls such samples apart (zCR)."""
    sigma: Annotated[float, Gt(0)] = 0.03
    """Standard deviation of the change of z."""
    policy: str | tuple[str, ...] = "translation"
    """M, always applied: augmentations that leave a sample as real as it is."""


def inconsistency(
    settings: Consistency,
    sight: Sight,
    players: nn.ModuleDict,
    turn: Turn,
    looks: Mapping[str, Look],
    in_full: Collection[str],
    near: Tensor | None,
) -> Tensor:
    """The weighted terms of the discriminator, (B / pack,): see `Consistency`.

    Arguments:
        sight: how the critic is asked.
        looks: what it has answered on "real" and "fake".
        in_full: those of them where it answered in full precision; it is asked again as it was.
        near: G(z') as it is shown to the critic, where `latent` is not 0.
    """
    total = torch.zeros_like(looks["real"].answer.logits)
    for at, weight in (("real", settings.real), ("fake", settings.fake)):
        if weight:
            asked = sight.critic(players, turn, at, sight.small_view(turn, at))
            other = look(asked, looks[at].x, at in in_full, False).answer
            total = total + weight * _gap(looks[at].answer, other)
    if near is not None:
        asked = sight.critic(players, turn, "fake")
        other = look(asked, near, "fake" in in_full, False).answer
        total = total + settings.latent * _gap(looks["fake"].answer, other)
    return total


def spread(made: Tensor, near: Tensor, pack: int) -> Tensor:
    """The mean squared difference of a number of two sets of samples, (B, ...) -> (B / pack,)."""
    squares = (exact(made) - exact(near)).square().flatten(1).mean(1)
    return squares.reshape(-1, pack).mean(1)


def _gap(one: Critique, other: Critique) -> Tensor:
    return (exact(one.logits) - exact(other.logits)).square()
