"""What lies in a generator's latent space: ways, directions, the place of a given image."""

from gantlet.latents.directions import METHODS, Directions, directions
from gantlet.latents.film import check_film, film
from gantlet.latents.mixing import Mixture, mix
from gantlet.latents.moves import move
from gantlet.latents.projection import Projection, project
from gantlet.latents.space import Space, opened
from gantlet.latents.stills import Still, still
from gantlet.latents.ways import interpolate, morph

__all__ = [
    "METHODS",
    "Directions",
    "Mixture",
    "Projection",
    "Space",
    "Still",
    "check_film",
    "directions",
    "film",
    "interpolate",
    "mix",
    "morph",
    "move",
    "opened",
    "project",
    "still",
]
