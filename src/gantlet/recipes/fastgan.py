"""Light networks for few images, with a critic that rebuilds what it sees; hinge."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.fastgan import FastGAN
from gantlet.spec import DataSpec

__all__ = ["fastgan"]


def fastgan(spec: DataSpec) -> Config:
    """Skip-layer excitation against a self-supervised critic, hinge; for few images.

    Narrow, so that two processor cores train it: with a GPU, set network.width=32, which at
    256x256 has about the paper's widths. The paper also has batches of 8, differentiable
    augmentation of all that the critic sees, and features of a pretrained network to compare
    rebuilt images in.

    Source: Liu et al. (2021), Towards Faster and Stabilized GAN Training, https://arxiv.org/abs/2101.04775
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)
    return Config(
        recipe="fastgan",
        network=FastGAN(width=16),
        game=Versus(objective="hinge", group=16),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=32, tick=20_000),
        stop=Stop(samples=200_000),
    )
