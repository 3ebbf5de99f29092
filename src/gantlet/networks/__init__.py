"""Families of networks. One file a family, one line here."""

from __future__ import annotations

from collections.abc import Mapping

from gantlet.extensions import Table
from gantlet.networks.base import Blockwise, Critique, Network
from gantlet.networks.biggan import BigGAN
from gantlet.networks.dcgan import DCGAN
from gantlet.networks.fastgan import FastGAN
from gantlet.networks.mlp import MLP
from gantlet.networks.progressive import Progressive
from gantlet.networks.r3gan import R3GAN
from gantlet.networks.resnet import ResNet
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.networks.styles import NoisyGenerator, StyleGenerator
from gantlet.networks.table import TableMLP

__all__ = [
    "DCGAN",
    "MLP",
    "NETWORKS",
    "R3GAN",
    "BigGAN",
    "Blockwise",
    "Critique",
    "FastGAN",
    "Network",
    "NoisyGenerator",
    "Progressive",
    "ResNet",
    "StyleGAN2",
    "StyleGenerator",
    "TableMLP",
]

_NETWORKS: Mapping[str, type[Network]] = {
    "mlp": MLP,
    "dcgan": DCGAN,
    "resnet": ResNet,
    "biggan": BigGAN,
    "r3gan": R3GAN,
    "progressive": Progressive,
    "stylegan2": StyleGAN2,
    "fastgan": FastGAN,
    "table": TableMLP,
}


def _is_family(entry: object) -> bool:
    return isinstance(entry, type) and issubclass(entry, Network)


NETWORKS: Mapping[str, type[Network]] = Table(
    "networks", _NETWORKS, _is_family, "a class that extends gantlet.networks.Network"
)
"""Families by name."""
