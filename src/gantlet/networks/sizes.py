"""Networks in four sizes, from what two processor cores train to the papers' networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gantlet.errors import UsageError, unknown
from gantlet.networks.base import Network
from gantlet.networks.inputs import image_shape
from gantlet.networks.mlp import MLP
from gantlet.networks.r3gan import R3GAN
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.nn.resampling import plan
from gantlet.spec import DataSpec

__all__ = ["PUBLISHED", "SIZES", "Published", "Scale", "resized", "sized", "unsized", "widths"]

_LEAST = 16
"""Fewest channels of a layer of R3GAN: with the expansion of 2, two groups of 16."""
_LEAST_ELSEWHERE = 8
_HIDDEN = 1024
"""Units of a hidden layer of the largest multilayer perceptrons, which follow no paper."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How wide and deep networks of one size are."""

    width: int
    """Channels where the image is small."""
    full: int
    """Sides in pixels up to which layers have `width` channels; every doubling halves them."""
    blocks: int
    """Residual blocks at each size."""


SIZES: Mapping[str, Scale] = {
    "xs": Scale(width=96, full=8, blocks=1),
    "s": Scale(width=192, full=16, blocks=1),
    "m": Scale(width=384, full=32, blocks=2),
    "l": Scale(width=768, full=32, blocks=2),
}
"""By name. l has the paper's widths and blocks, which begin to narrow above 32 pixels; each size
before it has half the width."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """Widths of a family's published networks."""

    width: int
    """Most channels at the image's own size."""
    max_width: int
    """Most channels of a layer."""
    area: int | None = None
    """Channels there times the longer side in pixels, where larger images have fewer."""


PUBLISHED: Mapping[str, Published] = {
    "dcgan": Published(width=64, max_width=1024),
    "resnet": Published(width=64, max_width=1024),
    "biggan": Published(width=96, max_width=1536),
    "progressive": Published(width=512, max_width=512, area=16_384),
    "stylegan2": Published(width=512, max_width=512, area=16_384),
    "fastgan": Published(width=128, max_width=1024, area=8_192),
}
"""By the network's name: what size l has; each size before it has half of it.

Sources, in order: arXiv 1511.06434 (64x64), 1802.05957 (ImageNet at 128x128), 1809.11096 (at
128x128), 1710.10196, 2006.06676 (below 512 pixels), 2101.04775.
"""


def widths(size: str, spec: DataSpec) -> tuple[int, ...]:
    """Channels at each size of the plan for `spec`, from the smallest grid to the image."""
    if size not in SIZES:
        raise unknown("size of networks", size, SIZES)
    _, height, width = image_shape(spec, "r3gan", 4)
    scale = SIZES[size]
    return tuple(_channels(scale, max(grid)) for grid in plan(height, width))


def _channels(scale: Scale, side: int) -> int:
    halvings = (-(-side // scale.full) - 1).bit_length()
    return max(_LEAST, scale.width >> halvings)


def sized(size: str, spec: DataSpec, base: R3GAN | None = None) -> R3GAN:
    """R3GAN of size xs, s, m or l for data of `spec`.

    Arguments:
        size: a name of `SIZES`; UsageError for others.
        spec: images; UsageError for points.
        base: settings that the size leaves as they are; R3GAN's own if none are given.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    blocks = SIZES[size].blocks if size in SIZES else 1
    return replace(base or R3GAN(), width=widths(size, spec), blocks=blocks)


def resized(size: str, network: Network, spec: DataSpec) -> Network:
    """`network` with the widths that a size has for data of `spec`; other settings stay.

    R3GAN follows `sized`. The hidden layers of multilayer perceptrons have 128, 256, 512 or 1,024
    units each. Others have the widths of `PUBLISHED` in size l and half as many in each size
    before; StyleGAN2's latent and style vectors are the paper's at size l, else the recipe's.

    Raises UsageError for an unknown size, a family without sizes, or data that it cannot make.
    """
    if size not in SIZES:
        raise unknown("size of networks", size, SIZES)
    halvings = len(SIZES) - 1 - list(SIZES).index(size)
    if isinstance(network, R3GAN):
        return sized(size, spec, network)
    if isinstance(network, MLP):
        return replace(network, hidden=(_HIDDEN >> halvings,) * len(network.hidden))
    name = str(getattr(network, "name", type(network).__name__))
    if name not in PUBLISHED:
        raise unsized(size, name)
    width, most = _halved(PUBLISHED[name], halvings, max(image_shape(spec, name, 4)[1:]))
    changes: dict[str, Any] = {"width": width, "max_width": most}
    if isinstance(network, StyleGAN2) and size == "l":
        changes |= {"latent": most, "style": most}
    return replace(network, **changes)


def unsized(size: str, name: str) -> UsageError:
    """The error for a family without sizes."""
    return UsageError(
        f"size {size} of network {name}",
        expected=f"one of the networks {', '.join(sorted(['mlp', 'r3gan', *PUBLISHED]))}",
        remedy="Leave the size away, and set its widths by its own settings.",
    )


def _halved(published: Published, halvings: int, side: int) -> tuple[int, int]:
    """Channels at the image's size and in the widest layer, multiples of 8."""
    area = published.area
    width = published.width if area is None else min(published.width, area // side)
    return _whole(width >> halvings), _whole(published.max_width >> halvings)


def _whole(channels: int) -> int:
    return max(_LEAST_ELSEWHERE, channels // _LEAST_ELSEWHERE * _LEAST_ELSEWHERE)
