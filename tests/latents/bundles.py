"""Bundles of tiny untrained generators."""

from dataclasses import replace

import torch

from gantlet.bundle import Bundle, write_bundle
from gantlet.config import override, to_mapping
from gantlet.recipes import tiny
from gantlet.spec import DataSpec
from gantlet.training.trainer import built

GREY = DataSpec(kind="image", shape=(1, 8, 8))
LABELLED = replace(GREY, classes=("cat", "dog", "owl"), frequencies=(0.5, 0.25, 0.25))


def bundle(recipe="mlp", spec=GREY, **settings):
    config = override(tiny(recipe, spec), settings)
    game = built(config, spec)
    game.players.eval()
    return Bundle(game, spec, config, {}, None)


def styled(spec=GREY):
    """A generator of styles whose mean is not zero, and whose noise is seen."""
    torch.manual_seed(7)
    made = bundle("stylegan2", spec)
    generator = made.game.players["generator"]
    generator.mean.normal_()
    for name, weight in generator.named_parameters():
        if name.endswith("strength"):
            weight.data.fill_(0.3)
    return made


def written(made, run):
    """The bundle in the folder of a run."""
    about = {"data": "tiny", "count": 9, "seen": 0, "verdict": "unjudged", "own_game": False}
    write_bundle(run / "bundle", made.players, made.spec, to_mapping(made.config), about)
    return run
