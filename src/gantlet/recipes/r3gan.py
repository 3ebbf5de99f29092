"""The default for images: relativistic pairing with R1 and R2 on normalisation-free networks."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.inputs import image_shape
from gantlet.networks.r3gan import R3GAN
from gantlet.nn.resampling import plan
from gantlet.spec import DataSpec

__all__ = ["r3gan"]

_SMALL = 16
"""Sides up to which images count as small: a second of training sees a thousand."""


def r3gan(spec: DataSpec) -> Config:
    """Relativistic pairing, R1 and R2 every step, residual networks without normalisation.

    Narrow, one block a size and batches of 16 (64 for small images, whose steps are cheap), so
    that two processor cores train it; with a GPU take --size-model, which widens it and its batch.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    small = max(image_shape(spec, "r3gan", 4)[1:]) <= _SMALL
    gamma, batch = (0.2, 64) if small else (0.5, 16)
    adam = Optimiser(lr=5e-4, beta1=0.0, beta2=0.99)
    return Config(
        recipe="r3gan",
        network=R3GAN(width=_widths(spec), blocks=1),
        game=Versus(pairing="pair", penalties={"r1": gamma, "r2": gamma}, group=min(32, batch)),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=batch, tick=10_000),
        stop=Stop(samples=100_000 if small else 200_000),
    )


def _widths(spec: DataSpec) -> int | tuple[int, ...]:
    """Channels for each size: few at the image's own, where they cost most."""
    sizes = len(plan(*spec.shape[1:]))
    return 64 if sizes < 3 else (*[96] * (sizes - 2), 48, 16)
