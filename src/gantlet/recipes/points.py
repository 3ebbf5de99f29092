"""The default for points: relativistic pairing with R1 and R2 on small multilayer perceptrons."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.mlp import MLP
from gantlet.spec import DataSpec

__all__ = ["points"]


def points(spec: DataSpec) -> Config:
    """R3GAN's objective and penalties on multilayer perceptrons, for points in few dimensions.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    adam = Optimiser(lr=2e-4, beta1=0.0, beta2=0.99)
    return Config(
        recipe="points",
        network=MLP(latent=64, hidden=(256, 256), activation="leaky_relu"),
        game=Versus(pairing="pair", penalties={"r1": 1.0, "r2": 1.0}),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=256, tick=100_000),
        stop=Stop(samples=2_000_000),
    )
