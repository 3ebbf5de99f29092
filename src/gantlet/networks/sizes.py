"""R3GAN in four sizes, from what two processor cores train to the paper's networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gantlet.errors import unknown
from gantlet.networks.inputs import image_shape
from gantlet.networks.r3gan import R3GAN
from gantlet.nn.resampling import plan
from gantlet.spec import DataSpec

__all__ = ["SIZES", "Scale", "sized", "widths"]

_LEAST = 16
"""Fewest channels of a layer: with the expansion of 2, two groups of 16."""


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
