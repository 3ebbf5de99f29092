"""StyleGAN2: styles and noise against a residual discriminator, non-saturating with R1."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.styles import PathLength
from gantlet.games.versus import Versus
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.spec import DataSpec

__all__ = ["stylegan2"]

_RATE = 5e-3


def stylegan2(spec: DataSpec) -> Config:
    """Styles, noise, style mixing and path lengths; non-saturating cross-entropy with R1.

    Narrow, so that two processor cores train it, and with twice the learning rates that its
    authors use at 256x256, for short runs. R1 is taken at every step. `network=stylegan2` is the
    network for 256x256, for a GPU.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    paths = PathLength()
    # Path lengths are one more step after every fourth: rates as if the two were one.
    share = paths.every / (paths.every + 1)
    generator = Optimiser(lr=_RATE * share, beta1=0.0, beta2=round(0.99**share, 4))
    discriminator = Optimiser(lr=_RATE, beta1=0.0, beta2=0.99)
    return Config(
        recipe="stylegan2",
        network=StyleGAN2(latent=128, style=128, mapping_layers=4, width=16, max_width=128),
        game=Versus(penalties={"r1": 0.5}, style_mixing=0.9, path_length=paths, group=4),
        optimisers={"generator": generator, "discriminator": discriminator},
        train=Train(batch=64, tick=10_000),
        stop=Stop(samples=200_000),
    )
