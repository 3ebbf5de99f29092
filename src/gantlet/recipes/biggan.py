"""BigGAN, narrow enough for two processor cores."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.biggan import BigGAN
from gantlet.spec import DataSpec

__all__ = ["biggan"]


def biggan(spec: DataSpec) -> Config:
    """Class-conditional batch norm fed by parts of z, attention, spectral norm; hinge.

    Two discriminator steps for each of the generator, orthogonal regularisation of weight 1e-4
    and a discriminator that learns four times as fast, as in the paper. The paper's rates, 5e-5
    and 2e-4, are for batches of 2,048 and days; eight times as much was best of what was tried
    for batches of 64 and minutes (docs/recipes.md).

    Source: Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image
    Synthesis, https://arxiv.org/abs/1809.11096
    """
    return Config(
        recipe="biggan",
        network=BigGAN(),
        game=Versus(objective="hinge", critic_steps=2, orthogonality=1e-4),
        optimisers={
            "generator": Optimiser(lr=4e-4, beta1=0.0, beta2=0.999),
            "discriminator": Optimiser(lr=1.6e-3, beta1=0.0, beta2=0.999),
        },
        train=Train(batch=64),
        stop=Stop(samples=250_000),
    )
