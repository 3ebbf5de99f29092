"""What an evaluation looks at: a run's samples, and the real ones they are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.data.dataset import Array, Dataset, Hashes, Labels, Rows, content_hashes
from gantlet.data.frames import fitting, frame_of, rows_of
from gantlet.data.split import Indices, halves, spared, split
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.labels import in_words
from gantlet.planning import cache_of
from gantlet.rng import permutation
from gantlet.run import load
from gantlet.sample import sample
from gantlet.spec import DataSpec
from gantlet.tables.columnar import ColumnFile
from gantlet.tables.transform import TableTransform
from gantlet.training.folder import Folder

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Part", "Subject", "gathered"]

_ROWS = 10_000
"""Of a table, that are put into words at a time."""
MOST_TRAINED = 500_000
"""Training rows of a table that are looked at, so that memory does not grow with the table."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples as they are stored, and their labels if there are any; rows also as cells."""

    x: Array | Rows
    """Shape (N, *spec.shape); of a large set, read when it is asked for."""
    y: Labels | None
    index: Indices
    """Places in the data (of generated samples: 0 to N - 1)."""
    frame: Any = None
    """Rows of a table as they were read, a pandas DataFrame; None of other samples."""

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def hashes(self) -> Hashes:
        """Of what each sample holds, (N,)."""
        return self.x.hashes if isinstance(self.x, Rows) else content_hashes(self.x)

    def first(self, n: int) -> Part:
        """The first n samples."""
        frame = None if self.frame is None else self.frame.iloc[:n]
        return Part(self.x[:n], None if self.y is None else self.y[:n], self.index[:n], frame)


@dataclass(frozen=True, eq=False)
class Subject:
    """Four disjoint sets of samples and where they are from.

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
    """Half of the samples set aside, or data that were handed over; the training samples where
    nothing was set aside."""
    floor: Part | None
    """The other half; None where nothing was set aside."""
    about: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def held_out(self) -> Part | None:
        """Real samples that neither training nor validation has seen: both halves."""
        if self.floor is None:
            return None
        first, second = self.floor.y, self.reference.y
        y = None if first is None or second is None else np.concatenate([first, second])
        return Part(
            np.concatenate([self.floor.x[:], self.reference.x[:]]),
            y,
            np.concatenate([self.floor.index, self.reference.index]),
            _both(self.floor.frame, self.reference.frame),
        )


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
        data: held-out data to compare with, in place of the samples that were set aside.
        train: the training data, where they have moved or were an array.
        game: the game, where it was a person's own.

    Raises:
        UsageError: no run or bundle there, data that are gone or have changed, held-out data of
            another shape or other classes.
    """
    bundle = load(run, game=game).bundle
    with _trained_on(run, bundle, train) as (dataset, table):
        taken, source, notes = _taken(bundle, dataset, table, data, n)
    made = sample(bundle, n, seed=seed)
    about = {
        "run": str(run),
        "data": bundle.about["data"],
        "seen": bundle.about["seen"],
        "seed": seed,
        "reference": source,
        "reference_fingerprint": _fingerprint(taken["reference"], dataset, data is None),
    }
    if bundle.spec.conditions:
        about["conditions"] = "; ".join(map(in_words, bundle.spec.conditions))
    return Subject(
        bundle=bundle,
        dataset=dataset,
        fake=Part(made.values, made.labels, np.arange(n), None if table is None else made.frame),
        train=taken["train"],
        reference=taken["reference"],
        floor=taken.get("floor"),
        about=about,
        notes=tuple(notes),
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


def _apart(reference: Part, dataset: Dataset, trained: Indices, unseen: Indices) -> Indices:
    """Those of the samples set aside that are not among data that were handed over.

    Raises UsageError where most of the latter are training samples. Rows of tables may recur, and
    are taken as they are.
    """
    if reference.frame is not None:
        return unseen
    known = int(np.isin(reference.hashes, dataset.hashes[trained]).sum())
    if 2 * known > len(reference):
        raise UsageError(
            "the held-out data",
            expected="samples that the run was not trained on",
            received=f"{len(reference):,}, of which it was trained on {known:,}",
            remedy="Give others, or leave --data away: some were set aside.",
        )
    return unseen[~np.isin(dataset.hashes[unseen], reference.hashes)]


def _taken(
    bundle: Bundle, dataset: Dataset, table: Any, data: Source | None, n: int
) -> tuple[dict[str, Part], str, list[str]]:
    """The real sets, where the reference is from, and notes; see `gathered`."""
    part = partial(_part, dataset, table)
    divided = split(dataset, bundle.config.data)
    trained = divided.train if table is None else _some(divided.train, MOST_TRAINED)
    taken = {"train": part(trained)}
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
    if data is None and len(unseen):
        floor, reference = halves(unseen, dataset.lots)
        taken["reference"] = part(reference)
        source = f"half of the {'other ' if len(used) else ''}samples set aside"
    elif data is not None:
        like = taken["train"].frame
        taken["reference"] = (
            _handed_over(data, bundle) if like is None else _rows(data, bundle, like)
        )
        floor = _apart(taken["reference"], dataset, divided.train, unseen)
        source = f"{data}" if isinstance(data, str | Path) else "data handed over"
    else:
        floor, taken["reference"] = unseen, taken["train"]
        notes.append("Samples are compared with the training data, and there is no floor.")
        source = "the training data"
    if len(floor):
        taken["floor"] = part(_some(floor, n))
    if len(floor) > n:
        notes.append(f"As many samples make the floor as were generated: {n:,} of {len(floor):,}.")
    return taken, source, notes


def _some(index: Indices, most: int) -> Indices:
    """At most so many of the places, by chance."""
    if len(index) <= most:
        return index
    chosen: Indices = permutation(0, "evaluation/trained", 0, len(index))[:most].numpy()
    return index[np.sort(chosen)]


def _part(dataset: Dataset, table: Any, index: Indices) -> Part:
    labels = None if dataset.y is None else dataset.y[index]
    cells = None if table is None else _cells(table, index)
    return Part(dataset.rows(index), labels, index, cells)


def _cells(table: Any, index: Indices) -> Any:
    """Some rows as a pandas DataFrame; of a `ColumnFile` read a column at a time."""
    import pandas as pd

    if not isinstance(table, ColumnFile):
        return table.iloc[index].reset_index(drop=True)
    return pd.DataFrame({n: table[n].iloc[index].reset_index(drop=True) for n in table.columns})


def _both(first: Any, second: Any) -> Any:
    if first is None:
        return None
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)


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


def _rows(data: Source, bundle: Bundle, like: Any) -> Part:
    """Held-out rows with the columns of the run, whose types some rows of it tell."""
    transform = TableTransform.from_json(bundle.spec.table)
    frame = fitting(
        frame_of(data, bundle.config.data, transform.columns_), transform.columns_, like
    )
    return Part(transform.transform(frame), None, np.arange(len(frame)), frame)


def _handed_over(data: Source, bundle: Bundle) -> Part:
    """Held-out data, brought to the size and the classes of the run."""
    spec, settings = bundle.spec, bundle.config.data
    if spec.kind == "image":
        _, height, width = spec.shape
        settings = replace(settings, size=(height, width))
    other = open_data(data, settings, cache=cache_of(data))
    if other.spec.shape != spec.shape or other.spec.dtype != spec.dtype:
        raise UsageError(
            "the held-out data",
            expected=f"{spec.dtype} samples of shape {spec.shape}, as the run was trained on",
            received=f"{other.spec.dtype} of shape {other.spec.shape}",
        )
    y = other.y
    if y is not None and other.spec.classes != spec.classes:
        y = _renamed(y, other.spec.classes, spec.classes)
    alike = spec.classes or (spec.conditions and _asked(other.spec) == _asked(spec))
    return Part(other.raw[:], y if alike else None, np.arange(len(other)))


def _asked(spec: DataSpec) -> list[tuple[str, bool, tuple[str, ...]]]:
    """What makes values of conditions comparable."""
    return [(c.name, c.kind == "flag", c.names) for c in spec.conditions]


def _renamed(y: Labels, theirs: tuple[str, ...], ours: tuple[str, ...]) -> Labels:
    unknown = [name for name in theirs if name not in ours]
    if unknown and ours:
        raise UsageError(
            "the held-out data",
            expected=f"the classes of the run ({', '.join(ours[:8])})",
            received=f"class {unknown[0]!r}",
        )
    return np.array([ours.index(name) for name in theirs])[y] if ours else y
