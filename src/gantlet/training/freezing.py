"""FreezeD: the first blocks of a discriminator keep the weights that they begin with."""

from __future__ import annotations

from torch import nn

from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.networks.base import Blockwise

__all__ = ["frozen_blocks"]

_PLAYER = "discriminator"


def frozen_blocks(game: Game, count: int) -> nn.ModuleList:
    """The modules of the first `count` blocks of the discriminator, from the image inward.

    Neither their weights nor the state of their spectral norms moves in training; gradients pass
    through them. What the first layers know of images in general is kept, so that a discriminator
    that was trained on many images is not undone by few.

    Raises:
        UsageError: the discriminator has no blocks, or fewer.

    Source: Mo et al. (2020), Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs,
    https://arxiv.org/abs/2002.10964
    """
    if not count:
        return nn.ModuleList()
    critic = dict(game.players.items()).get(_PLAYER)
    if not isinstance(critic, Blockwise):
        kind = type(critic)
        raise UsageError(
            "setting train.freeze_discriminator",
            expected="a discriminator of blocks that see the image from the first step on, as "
            "dcgan, resnet, biggan, r3gan, stylegan2 and fastgan have",
            received=f"{kind.__module__}.{kind.__qualname__}" if critic else "none",
            remedy="Choose such a network, or set train.freeze_discriminator=0.",
        )
    blocks = critic.in_blocks()
    if count > len(blocks):
        raise UsageError(
            "setting train.freeze_discriminator",
            expected=f"at most {len(blocks)}, the blocks of this discriminator",
            received=str(count),
        )
    return nn.ModuleList(module for block in blocks[:count] for module in block)
