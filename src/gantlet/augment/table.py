"""Augmentations by name, and the policies that the papers made of them. One line here each."""

from __future__ import annotations

from collections.abc import Mapping

from gantlet.augment import colours, geometry, pixels
from gantlet.augment.base import Change, Warp
from gantlet.extensions import Table

__all__ = ["AUGMENTATIONS", "POLICIES"]

_KARRAS = (
    "Karras et al. (2020), Training Generative Adversarial Networks with Limited Data, "
    "https://arxiv.org/abs/2006.06676"
)
_ZHAO = (
    "Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training, "
    "https://arxiv.org/abs/2006.10738"
)

_AUGMENTATIONS: Mapping[str, Change | Warp] = {
    "xflip": Change(
        line="mirrored left to right, or not", source=_KARRAS, numbers=1, change=pixels.xflip
    ),
    "rotate90": Change(
        line="turned by quarters, by halves where the sides differ",
        source=_KARRAS,
        numbers=1,
        change=pixels.rotate90,
    ),
    "xint": Change(
        line="moved by whole pixels, up to an eighth of the side, with reflections",
        source=_KARRAS,
        numbers=2,
        change=pixels.xint,
    ),
    "scale": Warp(
        line="enlarged or shrunk, by 2^(0.2 r) for normal r",
        source=_KARRAS,
        numbers=1,
        law="normal",
        inverse=geometry.scale,
    ),
    "rotate": Warp(
        line="turned by any angle",
        source=_KARRAS,
        numbers=1,
        chance=geometry.one_of_two,
        inverse=geometry.rotate,
    ),
    "aniso": Warp(
        line="stretched along one side and shrunk along the other, by 2^(0.2 r) for normal r",
        source=_KARRAS,
        numbers=1,
        law="normal",
        inverse=geometry.aniso,
    ),
    "xfrac": Warp(
        line="moved by any distance, normal with an eighth of the side",
        source=_KARRAS,
        numbers=2,
        law="normal",
        inverse=geometry.xfrac,
    ),
    "brightness": Change(
        line="a normal number of deviation 0.2 added",
        source=_KARRAS,
        numbers=1,
        law="normal",
        change=colours.brightness,
    ),
    "contrast": Change(
        line="multiplied by 2^(r / 2) for normal r",
        source=_KARRAS,
        numbers=1,
        law="normal",
        change=colours.contrast,
    ),
    "lumaflip": Change(
        line="the grey of each pixel negated with its colour kept, or not",
        source=_KARRAS,
        numbers=1,
        channels=3,
        change=colours.lumaflip,
    ),
    "hue": Change(
        line="colours turned about the axis of greys by any angle",
        source=_KARRAS,
        numbers=1,
        channels=3,
        change=colours.hue,
    ),
    "saturation": Change(
        line="colours moved from the grey of their pixel by 2^r for normal r",
        source=_KARRAS,
        numbers=1,
        law="normal",
        channels=3,
        change=colours.saturation,
    ),
    "color-brightness": Change(
        line="a number from -0.5 to 0.5 added",
        source=_ZHAO,
        numbers=1,
        change=colours.color_brightness,
    ),
    "color-saturation": Change(
        line="colours multiplied by 0 to 2 about the grey of their pixel",
        source=_ZHAO,
        numbers=1,
        channels=3,
        change=colours.color_saturation,
    ),
    "color-contrast": Change(
        line="multiplied by 0.5 to 1.5 about the mean of the image",
        source=_ZHAO,
        numbers=1,
        change=colours.color_contrast,
    ),
    "translation": Change(
        line="moved by whole pixels, up to an eighth of the side, with zeros",
        source=_ZHAO,
        numbers=2,
        change=pixels.translation,
    ),
    "cutout": Change(
        line="a rectangle of half of each side set to zero",
        source=_ZHAO,
        numbers=2,
        change=pixels.cutout,
    ),
}

AUGMENTATIONS: Mapping[str, Change | Warp] = Table(
    "augmentations",
    _AUGMENTATIONS,
    lambda entry: isinstance(entry, Change | Warp),
    "a gantlet.augment.Change or gantlet.augment.Warp",
)
"""Augmentations of images, by name."""

_BLITS = ("xflip", "rotate90", "xint")
_WARPS = ("scale", "rotate", "aniso", "rotate", "xfrac")

POLICIES: Mapping[str, tuple[str, ...]] = {
    "diffaugment": (
        *("color-brightness", "color-saturation", "color-contrast", "translation", "cutout"),
    ),
    "b": _BLITS,
    "bg": (*_BLITS, *_WARPS),
    "bgc": (
        *(*_BLITS, *_WARPS),
        *("brightness", "contrast", "lumaflip", "hue", "saturation"),
    ),
}
"""Augmentations in the order of the papers: DiffAugment's, and ADA's pixel blitting (b), general
geometry (g) and colours (c)."""
