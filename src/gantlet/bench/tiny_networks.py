"""The tiny networks for stacked digits with which Unrolled GAN and PacGAN were compared.

Sources: Metz et al. (2017), Unrolled Generative Adversarial Networks, https://arxiv.org/abs/1611.02163
Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086 (table 3)
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.games.versus import Versus
from gantlet.nn.layers import Flatten, initialise
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.spec import DataSpec

__all__ = ["LATENT", "TinyDiscriminator", "TinyGenerator", "tiny_game"]

LATENT = 256
_GENERATOR, _DISCRIMINATOR = (64, 32, 16, 8), (4, 8, 16)
_GROUP = 32
_GAMMA = 0.1
_SLOPE = 0.3
"""Of leaky ReLU below zero."""


class TinyGenerator(nn.Module):
    """64 channels at 4x4, 32 at 7x7, 16 at 14x14, 8 at 28x28, batch norm, ReLU; tanh."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = _GENERATOR[0]
        layers: list[nn.Module] = [nn.Linear(LATENT, 16 * first), nn.Unflatten(1, (first, 4, 4))]
        for (a, b), extra in zip(pairwise(_GENERATOR), (0, 1, 1), strict=True):
            up = nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=extra)
            layers += [GroupedBatchNorm(a, _GROUP), nn.ReLU(), up]
        last = nn.Conv2d(_GENERATOR[-1], channels, 3, padding=1)
        norm = GroupedBatchNorm(_GENERATOR[-1], _GROUP)
        self.layers = nn.Sequential(*layers, norm, nn.ReLU(), last, nn.Tanh())

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z (B, LATENT) to x (B, C, 28, 28)."""
        x: Tensor = self.layers(z)
        return x


class TinyDiscriminator(nn.Module):
    """4, 8 and 16 channels at 14x14, 7x7 and 4x4, leaky ReLU 0.3; no norm, so R1 and R2 can be.

    Weights begin as N(0, g^2 / fan_in), g^2 = 2 / (1 + 0.3^2), biases as 0: what a norm would do,
    signals of equal size at each layer (He et al. 2015, https://arxiv.org/abs/1502.01852).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in pairwise((channels, *_DISCRIMINATOR)):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        self.layers = nn.Sequential(*layers, Flatten(), nn.Linear(16 * _DISCRIMINATOR[-1], 1))
        initialise(self, partial(nn.init.kaiming_normal_, a=_SLOPE))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """x (B, C, 28, 28) to logits (B, 1)."""
        logits: Tensor = self.layers(x)
        return logits


def tiny_game(spec: DataSpec) -> Game:
    """Relativistic pairing with R1 and R2 on the tiny networks; UsageError for other sizes."""
    if spec.kind != "image" or spec.shape[1:] != (28, 28):
        raise UsageError(
            "the tiny networks", expected="images of 28x28", received=f"shape {spec.shape}"
        )
    settings = Versus(pairing="pair", penalties={"r1": _GAMMA, "r2": _GAMMA}, group=_GROUP)
    channels = spec.shape[0]
    return settings.play(spec, TinyGenerator(channels), TinyDiscriminator(channels), latent=LATENT)
