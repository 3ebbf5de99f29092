"""The default for points: relativistic pairing with R1 and R2 on multilayer perceptrons."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train
from gantlet.games.versus import Versus
from gantlet.networks.mlp import MLP
from gantlet.schedules import Schedule
from gantlet.spec import DataSpec

__all__ = ["points"]

_SAMPLES = 3_456_000
_STEADY = _SAMPLES * 3 // 10
"""Samples before the learning rates begin to fall."""
_GAMMA = 2e-3
"""Modes of standard deviation 0.01 in [-1, 1] need a critic with slopes that more would forbid."""


def points(spec: DataSpec) -> Config:
    """R3GAN's objective and penalties on multilayer perceptrons, for points in few dimensions.

    A weak penalty, ReLUs and a discriminator that learns four times as fast as the generator let
    it see modes that are narrow beside the range of the data. Noise of the gradients makes modes
    narrower than they are: hence large batches, and rates that fall to a hundredth. One latent
    dimension more than the data have leaves room beside the modes for what lies between them.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    return Config(
        recipe="points",
        network=MLP(latent=min(spec.size + 1, 256), hidden=(128, 128, 128, 128)),
        game=Versus(pairing="pair", penalties={"r1": _GAMMA, "r2": _GAMMA}),
        optimisers={"generator": _adam(1e-3), "discriminator": _adam(4e-3)},
        # In bfloat16 a point at 1 moves by steps of 0.004, a third of a narrow mode.
        train=Train(batch=512, tick=345_600, precision="float32"),
        stop=Stop(samples=_SAMPLES),
    )


def _adam(lr: float) -> Optimiser:
    fall = Schedule(start=lr, end=lr / 100, samples=_SAMPLES - _STEADY, delay=_STEADY)
    return Optimiser(lr=fall, beta1=0.0, beta2=0.99)
