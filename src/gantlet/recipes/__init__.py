"""Recipes: settings that go together, as functions of the data. One line here each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gantlet.config import Config, Validation
from gantlet.errors import UsageError, unknown
from gantlet.extensions import Table
from gantlet.recipes.biggan import biggan
from gantlet.recipes.classic import (
    dcgan,
    lsgan,
    minimax,
    mlp,
    mlp_leaky,
    resnet,
    sngan,
    wgan,
    wgan_gp,
)
from gantlet.recipes.fastgan import fastgan
from gantlet.recipes.points import points
from gantlet.recipes.progressive import progressive
from gantlet.recipes.r3gan import r3gan
from gantlet.recipes.stylegan2 import stylegan2
from gantlet.recipes.tables import ctgan, table, table_private
from gantlet.spec import DataSpec

__all__ = ["PRIVATE", "RECIPES", "chosen", "recipe", "tiny"]

Recipe = Callable[[DataSpec], Config]

_RECIPES: Mapping[str, Recipe] = {
    "minimax": minimax,
    "mlp": mlp,
    "mlp-leaky": mlp_leaky,
    "dcgan": dcgan,
    "resnet": resnet,
    "lsgan": lsgan,
    "wgan": wgan,
    "wgan-gp": wgan_gp,
    "sngan": sngan,
    "biggan": biggan,
    "r3gan": r3gan,
    "progressive": progressive,
    "stylegan2": stylegan2,
    "fastgan": fastgan,
    "points": points,
    "ctgan": ctgan,
    "table": table,
    "table-private": table_private,
}

PRIVATE = "table-private"
"""The recipe for which a table is opened with noisy counts."""

RECIPES: Mapping[str, Recipe] = Table(
    "recipes", _RECIPES, callable, "a function of a DataSpec that gives a Config"
)
"""Recipes by name."""


def recipe(name: str, spec: DataSpec) -> Config:
    """The settings of a named recipe for data of `spec`."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    made = RECIPES[name](spec)
    if not isinstance(made, Config):
        raise UsageError(
            f"recipe {name!r} of an installed package",
            expected="a function that gives a Config",
            received=repr(made),
            remedy="Update that package, or uninstall it.",
        )
    return made


def chosen(spec: DataSpec) -> tuple[str, str]:
    """The recipe that suits the data, and why, as a sentence."""
    if spec.kind == "points":
        return "points", "Recipe points: the data are points without the order of an image."
    if spec.kind == "table" and "privacy" in spec.table:
        return PRIVATE, f"Recipe {PRIVATE}: the privacy of rows is asked for."
    if spec.kind == "table":
        return "table", "Recipe table: the data are rows of typed columns."
    if min(spec.shape[1:]) < 4:
        return "mlp", "Recipe mlp: images below 4 pixels a side leave nothing to convolve."
    return "r3gan", "Recipe r3gan: the default for images."


def tiny(name: str, spec: DataSpec) -> Config:
    """A recipe with the smallest networks and batches that keep all of its parts, for tests."""
    full = recipe(name, spec)
    kept = {
        key: getattr(full.network, key)
        for key in ("activation", "discriminator_norm", "discriminator_condition")
        if key in type(full.network).__dataclass_fields__
    }
    watched = Validation(extractor="pixels", samples=64)
    group = 4 if 4 % full.game.pack == 0 else full.game.pack
    return replace(
        full,
        network=replace(type(full.network).tiny(), **kept),
        game=replace(full.game, group=group),
        train=replace(full.train, batch=4 * group, tick=16 * group, ema_half_life=64),
        validation=watched if full.validation.extractor else full.validation,
        privacy=full.privacy and replace(full.privacy, sigma=1.0),
        stop=replace(full.stop, samples=64 * group),
    )
