"""What is judged: as many generated images as real ones, which nothing but the picture tells."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.evaluation.subject import gathered
from gantlet.games.base import Game
from gantlet.rng import permutation
from gantlet.spec import DataSpec
from gantlet.training.pictures import as_image

__all__ = ["Item", "Panel", "order", "panel"]

_FEWEST = 2


@dataclass(frozen=True)
class Item:
    """One image."""

    name: str
    """Twelve hexadecimal digits, which do not tell where it is from."""
    generated: bool
    png: bytes


@dataclass(frozen=True)
class Panel:
    """The images that one set of raters judges, and for how long each is shown."""

    items: Sequence[Item]
    seconds: float | None
    """That an image is shown; None: until it is answered."""
    about: Mapping[str, Any]
    """Run, samples seen, seed, and where the real images are from."""
    side: int
    """Pixels of the longer side of an image."""

    @cached_property
    def key(self) -> str:
        """Of all that an answer depends on: answers to panels of other keys never mix."""
        names = " ".join(sorted(item.name for item in self.items))
        text = f"{names} {self.seconds}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """The items by their names."""
        return {item.name: item for item in self.items}


def panel(
    run: Path,
    n: int = 100,
    *,
    seed: int = 0,
    seconds: float | None = None,
    train: str | None = None,
    game: Game | None = None,
) -> Panel:
    """The first n / 2 samples of a seed and as many real images that were never trained on.

    Where nothing was set aside, the real ones are training images. All are written in one way, as
    8-bit PNG of equal size.

    Arguments:
        run: its folder.
        n: images, an even number.
        seed: of the samples, and of the choice of real images.
        seconds: that each is shown; None for no limit.
        train: the training data, where they have moved or were an array.
        game: the game, where it was a person's own.

    Raises:
        UsageError: an odd or too small n, no time, data that are no images or gone, fewer real
            images than asked for.
    """
    if n < _FEWEST or n % 2:
        raise UsageError(
            "number of images to judge",
            expected="an even number, half of them generated",
            received=str(n),
        )
    if seconds is not None and not seconds > 0:
        raise UsageError(
            "seconds that an image is shown", expected="more than 0", received=f"{seconds:g}"
        )
    subject = gathered(run, n // 2, seed=seed, train=train, game=game)
    spec = subject.bundle.spec
    if spec.kind != "image":
        raise UsageError(
            f"run {run}", expected="images, which people can judge", received=spec.kind
        )
    held_out = subject.held_out
    real = subject.train if held_out is None else held_out
    if len(real) < n // 2:
        raise UsageError(
            "number of images to judge",
            expected=f"at most {2 * len(real)}: {len(real)} real images were set aside",
            received=str(n),
        )
    chosen = np.sort(permutation(seed, "judge/real", 0, len(real))[: n // 2].numpy())
    items = [
        *(_item(x, spec, True, i) for i, x in enumerate(subject.fake.x)),
        *(_item(real.x[i], spec, False, int(real.index[i])) for i in chosen),
    ]
    about = {
        **{key: subject.about[key] for key in ("run", "data", "seen", "seed")},
        "real": "training images" if held_out is None else "images set aside",
    }
    return Panel(items, seconds, about, max(spec.shape[1:]))


def _item(value: NDArray[Any], spec: DataSpec, generated: bool, place: int) -> Item:
    buffer = io.BytesIO()
    as_image(value, spec).save(buffer, format="png")
    png = buffer.getvalue()
    facts = png + f"{generated} {place}".encode()
    return Item(hashlib.blake2b(facts, digest_size=6).hexdigest(), generated, png)


def order(found: Panel, rater: str) -> list[str]:
    """The names of the items in the order in which a rater sees them: always the same one."""
    names = sorted(item.name for item in found.items)
    drawn = permutation(int(found.key, 16) >> 1, f"judge/order/{rater}", 0, len(names))
    return [names[i] for i in drawn.tolist()]
