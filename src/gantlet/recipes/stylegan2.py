"""StyleGAN2: styles and noise against a residual discriminator, non-saturating with R1."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.styles import PathLength
from gantlet.games.versus import Versus
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.spec import DataSpec

__all__ = ["stylegan2"]


def stylegan2(spec: DataSpec) -> Config:
    """Styles, noise and path lengths; non-saturating cross-entropy with R1 every step.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    paths = PathLength()
    # A step of path lengths follows every fourth: rates as if the two were one.
    share = paths.every / (paths.every + 1)
    generator = Optimiser(lr=2e-3 * share, beta1=0.0, beta2=0.99**share)
    return Config(
        recipe="stylegan2",
        network=StyleGAN2(latent=128, style=128, mapping_layers=4, width=16, max_width=128),
        game=Versus(penalties={"r1": 0.5}, style_mixing=0.9, path_length=paths, group=4),
        optimisers={"generator": generator, "discriminator": Optimiser(lr=2e-3)},
        train=Train(batch=64, tick=10_000),
        stop=Stop(samples=200_000),
    )
