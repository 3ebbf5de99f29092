"""StyleGAN2: styles and noise against a residual discriminator, non-saturating with R1."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.spec import DataSpec

__all__ = ["stylegan2"]

_RATES = {"generator": 4e-3, "discriminator": 5e-3}


def stylegan2(spec: DataSpec) -> Config:
    """Styles and noise; non-saturating cross-entropy with R1 at every step.

    Narrow, so that two processor cores train it, and with about twice the learning rates that its
    authors use at 256x256, for short runs. As in their settings for CIFAR-10 (arXiv 2006.06676),
    two mapping layers, no style mixing, no path lengths, and the deviation of 32 samples. Latents
    and styles of 16 numbers: of 128, short runs make one picture a class (decision 32).
    `network=stylegan2` is the network for 256x256, for a GPU.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    return Config(
        recipe="stylegan2",
        network=StyleGAN2(latent=16, style=16, mapping_layers=2, width=16, max_width=128),
        game=Versus(penalties={"r1": 0.5}, group=32),
        optimisers={side: Optimiser(lr=r, beta1=0.0, beta2=0.99) for side, r in _RATES.items()},
        train=Train(batch=64, tick=10_000),
        stop=Stop(samples=200_000),
    )
