"""The default for images: relativistic pairing with R1 and R2 on normalisation-free networks."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.r3gan import R3GAN
from gantlet.spec import DataSpec

__all__ = ["r3gan"]


def r3gan(spec: DataSpec) -> Config:
    """Relativistic pairing, R1 and R2 every step, residual networks without normalisation.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    adam = Optimiser(lr=5e-4, beta1=0.0, beta2=0.99)
    return Config(
        recipe="r3gan",
        network=R3GAN(),
        game=Versus(pairing="pair", penalties={"r1": 0.5, "r2": 0.5}),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=64),
        stop=Stop(samples=300_000),
    )
