"""The five classic systems and their first successors: settings as their papers give them."""

from __future__ import annotations

from dataclasses import replace

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.base import Network
from gantlet.networks.dcgan import DCGAN
from gantlet.networks.mlp import MLP
from gantlet.networks.resnet import ResNet
from gantlet.spec import DataSpec

__all__ = [
    "dcgan",
    "lsgan",
    "minimax",
    "mlp",
    "mlp_leaky",
    "resnet",
    "sngan",
    "wgan",
    "wgan_gp",
]

_MLP_SAMPLES = 2_000_000
_MLP_TICK = 200_000
"""A tick should not take longer than the steps since the last."""
_CONV_SAMPLES = 400_000
_RESNET_SAMPLES = 250_000
_NARROW = ResNet(width=32, max_width=128)
"""The papers' widths need a GPU."""


def _config(
    recipe: str,
    network: Network,
    game: Versus,
    generator: Optimiser,
    *,
    discriminator: Optimiser | None = None,
    batch: int = 128,
    samples: int = _CONV_SAMPLES,
    tick: int = 20_000,
) -> Config:
    return Config(
        recipe=recipe,
        network=network,
        game=game,
        optimisers={"generator": generator, "discriminator": discriminator or generator},
        train=Train(batch=batch, tick=tick),
        stop=Stop(samples=samples),
    )


def minimax(spec: DataSpec) -> Config:
    """The game as first written: the generator minimises log(1 - D(G(z))), which saturates.

    Source: Goodfellow et al. (2014), Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
    """
    adam = Optimiser(lr=1e-4, beta1=0.5, beta2=0.999)
    return _config(
        "minimax", MLP(), Versus(objective="minimax"), adam, samples=_MLP_SAMPLES, tick=_MLP_TICK
    )


def mlp(spec: DataSpec) -> Config:
    """Three hidden layers of 256 on each side, non-saturating cross-entropy.

    Source: Goodfellow et al. (2014), Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)
    return _config("mlp", MLP(), Versus(), adam, samples=_MLP_SAMPLES, tick=_MLP_TICK)


def mlp_leaky(spec: DataSpec) -> Config:
    """Two hidden layers of 128 with leaky ReLU, which lets gradients through everywhere.

    Source: Radford et al. (2016), Unsupervised Representation Learning with DCGANs, https://arxiv.org/abs/1511.06434
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)
    network = MLP(hidden=(128, 128), activation="leaky_relu")
    return _config("mlp-leaky", network, Versus(), adam, samples=_MLP_SAMPLES, tick=_MLP_TICK)


def dcgan(spec: DataSpec) -> Config:
    """Transposed convolutions with batch norm against strided convolutions.

    Source: Radford et al. (2016), Unsupervised Representation Learning with DCGANs, https://arxiv.org/abs/1511.06434
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)
    return _config("dcgan", DCGAN(), Versus(), adam)


def lsgan(spec: DataSpec) -> Config:
    """DCGAN's networks with least squares, which moves samples that pass for real, too.

    Source: Mao et al. (2017), Least Squares Generative Adversarial Networks, https://arxiv.org/abs/1611.04076
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)
    return _config("lsgan", DCGAN(), Versus(objective="leastsquares"), adam)


def wgan(spec: DataSpec) -> Config:
    """Wasserstein distance, its critic kept Lipschitz by clipping weights; five critic steps.

    Source: Arjovsky et al. (2017), Wasserstein GAN, https://arxiv.org/abs/1701.07875
    """
    game = Versus(objective="wasserstein", critic_steps=5, clip_weights=0.01)
    rmsprop = Optimiser(name="rmsprop", lr=5e-5, beta1=0.0, beta2=0.99)
    return _config("wgan", DCGAN(), game, rmsprop, batch=64)


def wgan_gp(spec: DataSpec) -> Config:
    """Wasserstein distance with a gradient penalty of weight 10; five critic steps.

    The rate is the paper's for CIFAR-10; batches are half as large, for twice the steps.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, https://arxiv.org/abs/1704.00028
    """
    game = Versus(objective="wasserstein", critic_steps=5, penalties={"gp": 10.0}, group=16)
    adam = Optimiser(lr=2e-4, beta1=0.0, beta2=0.9)
    network = DCGAN(discriminator_norm="none")
    return _config("wgan-gp", network, game, adam, batch=32)


def resnet(spec: DataSpec) -> Config:
    """Residual generator (ReLU) and residual critic (leaky ReLU), non-saturating cross-entropy.

    Source: He et al. (2016), Deep Residual Learning for Image Recognition, https://arxiv.org/abs/1512.03385
    """
    adam = Optimiser(lr=2e-4, beta1=0.0, beta2=0.9)
    return _config("resnet", _NARROW, Versus(), adam, batch=64, samples=_RESNET_SAMPLES)


def sngan(spec: DataSpec) -> Config:
    """Residual networks, the critic's layers divided by their largest singular value; hinge.

    Source: Miyato et al. (2018), Spectral Normalization for GANs, https://arxiv.org/abs/1802.05957
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.999)  # setting C of the paper's table 1
    network = replace(_NARROW, discriminator_norm="spectral", pooling="sum")
    game = Versus(objective="hinge")
    return _config("sngan", network, game, adam, batch=64, samples=_RESNET_SAMPLES)
