"""Networks that grow from a small grid to the image's size; Wasserstein with gradient penalty."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.inputs import image_shape
from gantlet.networks.progressive import Progressive
from gantlet.nn.resampling import plan
from gantlet.spec import DataSpec

__all__ = ["progressive"]

_STEADY, _FADE = 20_000, 10_000
_AFTER = 100_000
"""Samples at the full size."""


def progressive(spec: DataSpec) -> Config:
    """Generator and critic grow together, a size at a time; Wasserstein, gradient penalty of 10.

    Stages are short and the first ones narrow for images below 1024x1024, so that two processor
    cores train them. The paper has network.latent=512, network.steady=800000, network.fade=800000
    and 16 channels at 1024x1024, so that 256x256 has network.width=64.

    Source: Karras et al. (2018), Progressive Growing of GANs, https://arxiv.org/abs/1710.10196
    """
    _, height, width = image_shape(spec, "progressive", 4)
    grown_at = (len(plan(height, width)) - 1) * (_STEADY + _FADE)
    adam = Optimiser(lr=1e-3, beta1=0.0, beta2=0.99)
    return Config(
        recipe="progressive",
        network=Progressive(latent=128, steady=_STEADY, fade=_FADE),
        game=Versus(objective="wasserstein", penalties={"gp": 10.0, "drift": 1e-3}, group=4),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=32, tick=20_000),
        stop=Stop(samples=grown_at + _AFTER),
    )
