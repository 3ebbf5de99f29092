"""What is judged: as many generated images as real ones, which nothing but the picture tells."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from gantlet.bundle import bundle_folder, described
from gantlet.errors import UsageError
from gantlet.evaluation.parts import Part
from gantlet.evaluation.subject import Subject, gathered
from gantlet.games.base import Game
from gantlet.rng import permutation
from gantlet.spec import DataSpec
from gantlet.training.checkpoint import packed
from gantlet.training.pictures import as_image

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Item", "Panel", "order", "panel"]

_FEWEST = 2
_SEEDS = 2**63
"""Beyond the seeds that the file of answers can hold."""
_CHANNELS = (1, 3, 4)
"""Of images that a PNG file holds."""


@dataclass(frozen=True)
class Item:
    """One image."""

    name: str
    """Twelve hexadecimal digits, which do not tell where it is from."""
    generated: bool
    png: bytes


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The images that one set of raters judges, and for how long each is shown."""

    items: Sequence[Item]
    seconds: float | None = None
    """That an image is shown; None: until it is answered."""
    seed: int = 0
    """Of the samples, and of the choice of real images."""
    weights: str = ""
    """SHA-256 of the generator's weights, in hexadecimal digits."""
    about: Mapping[str, Any]
    """Run, data, samples seen, and where the real images are from."""
    size: tuple[int, int]
    """Width and height of an image in pixels."""

    @cached_property
    def key(self) -> str:
        """Of all that an answer depends on: answers to panels of other keys never mix."""
        names = " ".join(sorted(item.name for item in self.items))
        text = f"{names} {self.seconds} {self.seed} {self.weights}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """The items by their names."""
        return {item.name: item for item in self.items}


def panel(
    run: str | Path,
    n: int = 100,
    *,
    seed: int = 0,
    seconds: float | None = None,
    data: Source | None = None,
    train: Source | None = None,
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
        data: real images to show in place of those that the run set aside.
        train: the training data, where they have moved or were an array.
        game: the game, where it was a person's own.

    Raises:
        UsageError: an odd or too small n, no time, data that are no images or gone, fewer real
            images than asked for.
    """
    run = Path(run)
    _check(run, n, seconds, seed)
    subject = gathered(run, n // 2, seed=seed, data=data, train=train, game=game)
    real, source = _real(subject)
    if len(real) < n // 2:
        raise UsageError(
            "number of images to judge",
            expected=f"at most {2 * len(real)}, as there are {len(real)} {source}",
            received=str(n),
            remedy="Ask for fewer with -n, or tell of more real images with --data.",
        )
    bundle = subject.bundle
    weights = hashlib.sha256(packed(bundle.players.state_dict())).hexdigest()
    chosen = permutation(seed, "judge/real", 0, len(real))[: n // 2].tolist()
    items = [
        *(_item(x, bundle.spec, weights, f"fake {i}") for i, x in enumerate(subject.fake.x[:])),
        *(_item(real.x[i], bundle.spec, weights, f"real {real.index[i]}") for i in chosen),
    ]
    about = {key: subject.about[key] for key in ("run", "data", "seen")}
    return Panel(
        items=items,
        seconds=None if seconds is None else float(seconds),
        seed=seed,
        weights=weights,
        about={**about, "real": source},
        size=(bundle.spec.shape[2], bundle.spec.shape[1]),
    )


def _check(run: Path, n: int, seconds: float | None, seed: int) -> None:
    """UsageError where nothing can be judged, before anything is drawn."""
    if n < _FEWEST or n % 2:
        raise UsageError(
            "number of images to judge",
            expected="an even number, half of them generated",
            received=str(n),
        )
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(
            "seconds that an image is shown", expected="more than 0", received=f"{seconds:g}"
        )
    if not -_SEEDS <= seed < _SEEDS:
        raise UsageError("seed", expected="a whole number of at most 63 bits", received=str(seed))
    spec = DataSpec.from_json(described(bundle_folder(run))["spec"])
    if spec.kind != "image" or spec.shape[0] not in _CHANNELS:
        raise UsageError(
            f"run {run}",
            expected="images of 1, 3 or 4 channels, which people can judge",
            received=f"{spec.kind} of shape {spec.shape}",
            remedy="Measure it instead: gantlet evaluate.",
        )


def _real(subject: Subject) -> tuple[Part, str]:
    """Real samples, and where they are from."""
    if subject.given is not None:
        given = subject.given
        unseen = " that the run has not seen" * (len(given.index) < len(given.dataset))
        return given.part(given.index), f"images of {given.name}{unseen}"
    if subject.held_out is not None:
        return subject.held_out, "images set aside and never trained on"
    return subject.train, "training images, as none were set aside"


def _item(value: NDArray[Any], spec: DataSpec, secret: str, source: str) -> Item:
    """An image under a name that only who has the weights can make."""
    buffer = io.BytesIO()
    as_image(value, spec).save(buffer, format="png")
    png = buffer.getvalue()
    digest = hashlib.blake2b(
        png + source.encode(), key=bytes.fromhex(secret), digest_size=6
    ).hexdigest()
    return Item(digest, source.startswith("fake"), png)


def order(found: Panel, rater: str) -> list[str]:
    """The names of the items in the order in which a rater sees them: always the same one."""
    names = sorted(item.name for item in found.items)
    drawn = permutation(int(found.key, 16) >> 1, f"judge/order/{rater}", 0, len(names))
    return [names[i] for i in drawn.tolist()]
