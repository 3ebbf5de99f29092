"""Augmentation of what a critic sees: pure functions of images and random numbers."""

from gantlet.augment.adaptive import Adaptive, moved, realness
from gantlet.augment.base import Augmentation, Change, Warp
from gantlet.augment.pipeline import Pipeline, named, pipeline
from gantlet.augment.table import AUGMENTATIONS, POLICIES

__all__ = [
    "AUGMENTATIONS",
    "POLICIES",
    "Adaptive",
    "Augmentation",
    "Change",
    "Pipeline",
    "Warp",
    "moved",
    "named",
    "pipeline",
    "realness",
]
