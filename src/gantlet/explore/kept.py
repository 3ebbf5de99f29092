"""Directions that take long to find, kept for the next time."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gantlet.bundle import Bundle
from gantlet.latents.directions import Directions, directions
from gantlet.metrics.extractors.base import checksum
from gantlet.metrics.extractors.cache import kept, key_of

__all__ = ["kept_directions"]

_QUICK = ("sefa",)
"""Methods that look at weights alone."""


def kept_directions(
    bundle: Bundle, folder: Path, k: int, *, method: str = "sefa", device: str = "auto"
) -> Directions:
    """`gantlet.latents.directions`; those that need many samples are found once for given weights.

    Arguments:
        folder: where they are kept.

    Raises UsageError as `directions` does.
    """
    if method in _QUICK:
        return directions(bundle, k, method=method, device=device)

    def made() -> dict[str, Tensor]:
        found = directions(bundle, k, method=method, device=device)
        return {"vectors": found.vectors, "strengths": found.strengths}

    key = key_of(checksum(bundle.players.state_dict()), method, str(k))
    return Directions(**kept(folder, f"directions-{key}", made), method=method)
