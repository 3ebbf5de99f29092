"""What lies in a generator's latent space: ways, directions, the place of a given image."""

from gantlet.latents.directions import METHODS, Directions, directions, move
from gantlet.latents.film import film
from gantlet.latents.projection import Projection, project
from gantlet.latents.space import Space, opened
from gantlet.latents.ways import interpolate, morph

__all__ = [
    "METHODS",
    "Directions",
    "Projection",
    "Space",
    "directions",
    "film",
    "interpolate",
    "morph",
    "move",
    "opened",
    "project",
]
