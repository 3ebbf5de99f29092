"""What the page shows, without the page: a picture for what the controls say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock

from PIL import Image

from gantlet.bundle import Bundle
from gantlet.errors import UsageError
from gantlet.explore.kept import kept_directions
from gantlet.latents.directions import Directions
from gantlet.latents.space import Drawn, Space, opened
from gantlet.latents.stills import Still, drawn
from gantlet.run import load
from gantlet.training.pictures import as_image

__all__ = ["Explorer", "exploring"]

_DIRECTIONS = 6
_REMEMBERED = 32
"""Truncations and samples whose numbers are kept, so that a move costs one rendering."""


class Explorer:
    """A generator where it computes, and the directions of its latent space.

    Arguments:
        run: as the person names it, for the line that makes a picture again.
        space: without truncation.
        found: the directions of the moves, or none.
    """

    def __init__(self, run: Path, space: Space, found: Directions | None) -> None:
        self.run, self.space, self.found = run, space, found
        self._lock = Lock()
        self._narrowed = lru_cache(_REMEMBERED)(space.narrowed)
        self._drawn = lru_cache(_REMEMBERED)(self._draw)

    @property
    def bundle(self) -> Bundle:
        """What is explored."""
        return self.space.bundle

    @property
    def styled(self) -> bool:
        """Whether truncation is that of styles, and styles can be mixed."""
        return self.space.styled is not None

    def picture(self, still: Still, truncation: float | None = None) -> Image.Image:
        """The picture of a sample; UsageError for what cannot be made (see `Still.values`)."""
        with self._lock:
            draw = partial(self._drawn, truncation)
            values = still.values(self._narrowed(truncation), self.found, draw)
        return as_image(values[0], self.bundle.spec)

    def line(self, still: Still, truncation: float | None = None) -> str:
        """Python that writes the same picture."""
        method = self.found.method if self.found else "sefa"
        moved = any(still.moves)
        told = {
            "seed": still.seed or None,
            "label": still.label,
            "truncation": truncation,
            "moves": list(still.moves) if moved else None,
            "method": method if moved and method != "sefa" else None,
            "layers": still.layers,
            "other": still.other if still.layers is not None else None,
        }
        named = "".join(f", {name}={value!r}" for name, value in told.items() if value is not None)
        return (
            f"import gantlet; gantlet.latents.still(gantlet.load({str(self.run)!r}).bundle, "
            f'{still.sample}{named}).images[0].save("sample.png")'
        )

    def _draw(self, truncation: float | None, seed: int, sample: int) -> Drawn:
        return drawn(self._narrowed(truncation), seed, sample)


@contextmanager
def exploring(
    run: Path, k: int | None = None, *, method: str = "sefa", device: str = "auto"
) -> Iterator[Explorer]:
    """An explorer of a run, for as long as the block lasts.

    Arguments:
        run: folder of a run or of a bundle.
        k: how many directions; 0 for none, None for 6 or as many as the latent vector is long.
        method: how to find them (`gantlet.latents.METHODS`).

    Raises UsageError where there is no bundle of images, no z, or no such directions.
    """
    bundle = load(run).bundle
    if bundle.spec.kind != "image":
        raise UsageError(
            f"gantlet explore {run}",
            expected="a run on images",
            received=f"one on {bundle.spec.kind}",
        )
    with opened(bundle, device) as space:
        size = space.codes(drawn(space, 0, 0), space.labels(None, 1)).shape[1]
        k = min(_DIRECTIONS, size) if k is None else k
        found = (
            kept_directions(bundle, run / "cache", k, method=method, device=device) if k else None
        )
        yield Explorer(run, space, found)
