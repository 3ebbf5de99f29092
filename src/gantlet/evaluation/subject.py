"""What an evaluation looks at: a run's samples, and the real ones they are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.data.dataset import Dataset
from gantlet.data.frames import rows_of
from gantlet.data.split import Indices, halves, spared, split
from gantlet.errors import UsageError
from gantlet.evaluation.handed_over import HandedOver, handed_over
from gantlet.evaluation.parts import Part, joined, part_of
from gantlet.games.base import Game
from gantlet.labels import in_words
from gantlet.planning import cache_of
from gantlet.rng import some
from gantlet.run import load
from gantlet.sample import sample
from gantlet.training.folder import Folder

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["FEWEST", "Subject", "gathered"]

FEWEST = 40
"""Samples of a kind below which nothing is measured: no interval would mean much."""

_ROWS = 10_000
"""Of a table, that are put into words at a time."""
MOST_TRAINED = 500_000
"""Training rows of a table that are looked at, so that memory does not grow with the table."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Four sets of samples, disjoint where there is a floor, and where they are from.

    Fidelity and coverage compare `fake` with `reference`; `floor` compared with `reference` tells
    what a perfect sampler would get. Copying compares `fake` with `train`, and both halves of the
    held-out samples with it. Where samples were set aside, nothing is ever fitted to `reference`
    or `floor`, and no checkpoint is chosen by its quality on them: those that validation looks at
    are in none of the sets. Below 6,000 samples copies are watched for by them (decision 16).
    """

    bundle: Bundle
    dataset: Dataset
    fake: Part
    train: Part
    reference: Part
    """Half of the samples set aside, or of data that were handed over; all of the latter where
    they are few; the training samples where there is neither."""
    floor: Part | None
    """The other half, or samples set aside beside few that were handed over; None without."""
    about: Mapping[str, Any]
    notes: tuple[str, ...]
    given: HandedOver | None = None
    """All data that were handed over."""

    @property
    def held_out(self) -> Part | None:
        """Real samples that neither training nor validation has seen: both halves."""
        if self.floor is None:
            return None
        return joined(self.floor, self.reference)


def gathered(
    run: Path,
    n: int,
    *,
    seed: int,
    data: Source | None = None,
    train: Source | None = None,
    game: Game | None = None,
) -> Subject:
    """Open a run's data as it was trained on them, and draw n samples.

    Arguments:
        run: its folder.
        n: generated samples.
        seed: of the samples.
        data: held-out data, in place of the samples that were set aside.
        train: the training data, where they have moved or were an array.
        game: the game, where it was a person's own.

    Raises:
        UsageError: no run or bundle there, data that are gone or have changed, held-out data of
            another shape or other classes.
    """
    bundle = load(run, game=game).bundle
    with _trained_on(run, bundle, train) as (dataset, table):
        real = _real(bundle, dataset, table, data, n)
    made = sample(bundle, n, seed=seed)
    about = {
        "run": str(run),
        "data": bundle.about["data"],
        "seen": bundle.about["seen"],
        "seed": seed,
        "reference": real.source,
        "reference_fingerprint": _fingerprint(real.reference, dataset, real.given is None),
    }
    if bundle.spec.conditions:
        about["conditions"] = "; ".join(map(in_words, bundle.spec.conditions))
    return Subject(
        bundle=bundle,
        dataset=dataset,
        fake=Part(made.values, made.labels, np.arange(n), None if table is None else made.frame),
        train=real.train,
        reference=real.reference,
        floor=real.floor,
        about=about,
        notes=tuple(real.notes),
        given=real.given,
    )


def _fingerprint(part: Part, dataset: Dataset, own: bool) -> str:
    """What tells samples from others: their places in data that are known, or what they hold."""
    found = hashlib.blake2b(digest_size=8)
    if own:
        found.update(dataset.fingerprint.encode() + part.index.tobytes())
    elif part.frame is None:
        found.update(part.hashes.tobytes())
    else:
        for start in range(0, len(part.frame), _ROWS):
            found.update(part.frame.iloc[start : start + _ROWS].to_csv(index=False).encode())
    return found.hexdigest()


@dataclass(frozen=True, eq=False)
class _Real:
    """The real sets of a subject."""

    train: Part
    reference: Part
    floor: Part | None
    source: str
    """Where the reference is from."""
    given: HandedOver | None
    notes: list[str]


def _real(bundle: Bundle, dataset: Dataset, table: Any, data: Source | None, n: int) -> _Real:
    """The real sets of a run and of data that were handed over; see `gathered`."""
    part: Callable[[Indices], Part] = partial(part_of, dataset, table)
    given = None
    divided = split(dataset, bundle.config.data)
    trained = divided.train if table is None else _some(divided.train, MOST_TRAINED)
    train = part(trained)
    notes = [] if len(divided.held_out) else [divided.note]
    if len(trained) < len(divided.train):
        notes.append(
            f"Of {len(divided.train):,} training rows {len(trained):,}, drawn by chance, are "
            "looked at: copies of others are not found."
        )
    watch = bundle.config.validation
    used, unseen = spared(divided.held_out, dataset.lots, watch.samples if watch.extractor else 0)
    if len(used):
        notes.append(
            f"{len(used):,} of the samples set aside were looked at while training, and take no "
            "part."
        )
    floor, of_floor, of_reference = unseen, part, part
    if data is not None:
        given = handed_over(data, bundle, train.frame).unseen(dataset, divided.train, used)
        notes += [given.note] * bool(given.note)
        floor, reference = given.halves(FEWEST)
        of_reference, source = given.part, f"half of {given.name}"
        if len(floor):
            of_floor = given.part
        else:
            floor, source = given.without(dataset, unseen), given.name
    elif len(unseen):
        floor, reference = halves(unseen, dataset.lots)
        source = f"half of the {'other ' if len(used) else ''}samples set aside"
    else:
        reference, source = trained, "the training data"
    if not len(floor):
        notes.append(
            f"Samples are compared with {source}, and there is no floor: it takes {2 * FEWEST} "
            "different samples that the run has not seen, handed over as data."
        )
    if len(floor) > n:
        notes.append(f"As many samples make the floor as were generated: {n:,} of {len(floor):,}.")
    return _Real(
        train=train,
        reference=of_reference(reference),
        floor=of_floor(_some(floor, n)) if len(floor) else None,
        source=source,
        given=given,
        notes=notes,
    )


def _some(index: Indices, most: int) -> Indices:
    """At most so many of the places, by chance."""
    if len(index) <= most:
        return index
    chosen: Indices = index[some("evaluation/trained", len(index), most).numpy()]
    return chosen


@contextmanager
def _trained_on(run: Path, bundle: Bundle, train: Source | None) -> Iterator[tuple[Dataset, Any]]:
    """The data of the run, with the fingerprint that it recorded, and within a table itself."""
    record = Folder(run).read_record()
    if record is None:
        raise UsageError(
            f"{run} holds a bundle without its run",
            expected="a run's folder, which tells what it was trained on",
            remedy="Evaluate the folder that `gantlet train` made.",
        )
    source = train if train is not None else record.get("source")
    if source is None:
        raise UsageError(
            f"run {run} does not tell where its data are: they were an array",
            expected="the data that it was trained on",
            remedy="Hand them over: --train DATA, or evaluate(run, train=...).",
        )
    with ExitStack() as stack:
        try:
            dataset, table = stack.enter_context(_opened(source, bundle))
        except UsageError as error:
            if train is not None:
                raise
            raise UsageError(
                f"the data of run {run} cannot be opened: {error}",
                remedy="Tell where they are now: --train DATA.",
            ) from None
        if dataset.fingerprint != record["identity"]["data_fingerprint"]:
            raise UsageError(
                f"the data of run {run}",
                expected="the data as they were when it began",
                received="others: samples were added, removed or changed",
                remedy="Restore them, or tell where the old ones are: --train DATA.",
            )
        yield dataset, table


@contextmanager
def _opened(source: Source, bundle: Bundle) -> Iterator[tuple[Dataset, Any]]:
    settings, cache = bundle.config.data, cache_of(source)
    if bundle.spec.kind == "table":
        with rows_of(source, settings, cache) as found:
            yield found
    else:
        yield open_data(source, settings, cache=cache), None
