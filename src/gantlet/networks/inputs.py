"""What the families share: which data they can make, and what stands before their first layer."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gantlet.errors import UsageError
from gantlet.nn.conditioning import LabelConcat, LabelMap, Unlabelled
from gantlet.nn.tables import Table
from gantlet.spec import DataSpec

__all__ = ["Condition", "check_pack", "image_input", "image_shape", "rows", "vector_input"]

Condition = Literal["concat", "projection", "auxiliary"]
"""Ways to tell a discriminator the class: a map beside x, a dot product, a classifier."""


def image_shape(spec: DataSpec, family: str, smallest: int) -> tuple[int, int, int]:
    """(C, H, W) of images with a side of at least `smallest` pixels; UsageError for others."""
    if spec.kind != "image":
        raise UsageError(
            f"network {family} on {spec.kind} of shape {spec.shape}",
            expected="images of shape (C, H, W)",
            received=spec.kind,
            remedy="Use the recipe table, which makes rows."
            if spec.kind == "table"
            else "Use the recipe mlp (--recipe mlp), which makes points, too.",
        )
    channels, height, width = spec.shape
    if max(height, width) < smallest:
        raise UsageError(
            f"network {family}",
            expected=f"images with a side of at least {smallest} pixels",
            received=f"a height of {height} and a width of {width}",
            remedy="Use the recipe mlp (--recipe mlp), which makes images of any size, or larger "
            "images (--size, data.size).",
        )
    return channels, height, width


def check_pack(spec: DataSpec, pack: int) -> None:
    """UsageError if samples with labels are to be packed."""
    if pack > 1 and spec.condition_size:
        what = f"{len(spec.classes)} classes" if spec.classes else "conditions"
        raise UsageError(
            f"packs of samples with {'classes' if spec.classes else 'conditions'}",
            expected="pack=1: a pack has no single label",
            received=f"pack={pack} and {what}",
            remedy="Set pack=1, or train without labels.",
        )


def rows(group: int, pack: int) -> int:
    """Packs in a group of samples: how many rows of the discriminator's batch go together."""
    if group % pack:
        raise UsageError(
            "discriminator that couples samples",
            expected=f"a group that is a multiple of pack={pack}",
            received=f"group={group}",
            remedy="Change the group or the pack.",
        )
    return group // pack


def vector_input(classes: int, features: int) -> nn.Module:
    """Called as module(v, y): v, with the vector of y behind it if there are classes at all."""
    return LabelConcat(Table(classes, features)) if classes else Unlabelled()


def image_input(spec: DataSpec, condition: Condition, pack: int) -> tuple[nn.Module, int]:
    """A discriminator's input, called as module(x, y), and its number of channels."""
    check_pack(spec, pack)
    channels, height, width = spec.shape
    if spec.condition_size and condition == "concat":
        return LabelMap(spec.condition_size, height, width), channels + 1
    return Unlabelled(), channels * pack
