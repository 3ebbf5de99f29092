"""Packing: any data into one file that training maps at the disk's speed.

Files of images are decoded by several processes into a draft beside the file. A journal says which
parts are in it, with their content hashes, so that a packing which was interrupted goes on: a part
whose hashes the draft does not bear out is decoded again. The file gets its name when it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from gantlet.data import Source, open_data
from gantlet.data.assemble import short_name
from gantlet.data.builtin import BUILTINS
from gantlet.data.dataset import Dataset, Hashes, chunks
from gantlet.data.decoding import Crew, Decoded, Target, decoded, parts, processes
from gantlet.data.form import Form
from gantlet.data.images import Files, gather, refuse
from gantlet.data.journal import Journal
from gantlet.data.kinds import KINDS, Entries, readable, sniff
from gantlet.data.packed import (
    HEAD,
    SUFFIX,
    Contents,
    DamagedError,
    holds,
    is_packed,
    names_of,
    source_of,
    write_packed,
)
from gantlet.data.pixels import Fault, Look, look, quiet
from gantlet.data.settings import DataSettings
from gantlet.data.store import NoSpaceError, check_space
from gantlet.errors import UsageError
from gantlet.files import flush_folder
from gantlet.processors import granted_threads

__all__ = ["Packing", "pack"]

_PROBES = 256
"""Images, spread over all, by which the common form is guessed before they are decoded."""

Tell = Callable[[int, int], None]
"""Hears how many samples are packed, of how many."""


@dataclass(frozen=True)
class Packing:
    """What was packed."""

    path: Path
    count: int
    """Samples in the file."""
    made: int
    """Samples that this call has packed; those of an interrupted one are in the file too."""
    notes: tuple[str, ...]


def pack(
    source: Source,
    out: Path | None = None,
    settings: DataSettings | None = None,
    *,
    workers: int | None = None,
    tell: Tell = lambda done, total: None,
) -> Packing:
    """Write data to one file that `open_data` maps; packed again, nothing is done.

    The data in the file are those of the source with these settings: samples, labels,
    fingerprint, and what is set aside. A packing that was interrupted goes on. A file that holds
    the data already is read whole before it is left alone, and made anew where it is damaged.

    Arguments:
        source: a path, a built-in name, arrays; as `open_data` takes it.
        out: the file; NAME.pack in the working folder if none is given.
        settings: size, labels and the like; `flip` and `held_out` are for training.
        workers: processes that decode images; one for each processor if none is given.
        tell: hears of the progress.

    Raises:
        UsageError: data that cannot be used, a table; `out` is the source itself, a file of
            another kind, in use, or, where none was given, holds the data of another source;
            fewer workers than one.
    """
    settings = settings or DataSettings()
    if workers is not None and workers < 1:
        raise UsageError(
            "workers to pack with",
            expected="at least 1 process",
            received=str(workers),
            remedy="Leave it away for one on each processor",
        )
    workers = workers or granted_threads()
    path = None
    if isinstance(source, str | Path) and source not in BUILTINS:
        path = Path(source).expanduser()
        with readable(path):
            entries = KINDS[sniff(path)].entries
            if entries is not None:
                with processes(workers) as crew:
                    return _pack_files(path, entries, out, settings, crew, tell)
    return _pack_arrays(source, path, out, settings, tell)


def _pack_arrays(
    source: Source, path: Path | None, out: Path | None, settings: DataSettings, tell: Tell
) -> Packing:
    """Data that are no files of images, at `path` or none; large ones by a map beside `out`."""
    place = Path(SUFFIX) if out is None else out
    folder = next(above for above in place.absolute().parents if above.exists())
    with (
        readable(folder),
        TemporaryDirectory(prefix=".gantlet-pack-", dir=folder) as cache,
    ):
        dataset = open_data(source, settings, cache=Path(cache))
        if dataset.spec.kind == "table":
            raise UsageError(
                f"the table {dataset.name!r} as packed data",
                expected="images or points",
                remedy="Train on the table itself; of a large CSV, Parquet is read faster",
            )
        where = "" if path is None else str(path.resolve())
        _check_other(path, out or Path(dataset.name + SUFFIX))
        out = out or _unasked(dataset.name, where)
        names = names_of(path) if path is not None and is_packed(path) else ()
        return _pack_dataset(dataset, names, where, out, tell)


def _unasked(name: str, source: str) -> Path:
    """The file that data go to where none was named; UsageError if it holds those of others."""
    out = Path(name + SUFFIX)
    try:
        theirs = source_of(out) if is_packed(out) else ""
    except DamagedError:
        theirs = ""
    if source and theirs and theirs != source:
        raise UsageError(
            f"{out}, which data of this name go to",
            expected=f"a new file, or one of {source}",
            received=f"the packed data of {theirs}",
            remedy=f"Choose another file with -o, or replace it with -o {out}",
        )
    return out


def _check_other(source: Path | None, out: Path) -> None:
    """Refuses to replace what is packed by a packing of it."""
    if source is not None and out.exists() and out.samefile(source):
        raise UsageError(
            f"{out} as the packing of itself",
            expected="another file than the one that is packed",
            received=str(source),
            remedy="Choose another with -o",
        )


@contextmanager
def _draft(out: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """The draft of a file, locked; it may hold parts of an interrupted packing."""
    if out.exists() and not is_packed(out):
        raise UsageError(
            str(out),
            expected="a new name, or packed data to replace",
            received="a file of another kind",
            remedy="Choose another with -o",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_name(f".{out.name}.part")
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"{out} is being packed by another process",
                remedy="Wait for it or stop it, or choose another file with -o",
            ) from None
        yield path, file


def _finish(path: Path, file: BinaryIO, out: Path, contents: Contents) -> None:
    """Make the draft whole, and give it its name."""
    write_packed(file, contents)
    file.flush()
    os.fsync(file.fileno())
    path.replace(out)
    flush_folder(out.parent)


def _pack_dataset(
    dataset: Dataset, names: tuple[str, ...], source: str, out: Path, tell: Tell
) -> Packing:
    told = repr((dataset.fingerprint, dataset.spec.to_json()))
    key = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    if holds(out, key):
        return Packing(out, len(dataset), 0, dataset.notes)
    raw = dataset.raw.transpose(0, 2, 3, 1) if dataset.raw.ndim == 4 else dataset.raw
    with _draft(out) as (path, file):
        check_space(out.parent, raw.nbytes)
        file.truncate(0)
        file.seek(HEAD)
        for part in chunks(raw):
            file.write(np.ascontiguousarray(raw[part]).data)
            tell(part.stop, len(raw))
        contents = _contents(dataset, key, dataset.hashes, names, source)
        _finish(path, file, out, contents)
    return Packing(out, len(dataset), len(dataset), dataset.notes)


def _contents(
    dataset: Dataset, key: str, hashes: Hashes, names: tuple[str, ...], source: str
) -> Contents:
    return Contents(
        spec=dataset.spec,
        name=dataset.name,
        count=len(dataset),
        key=key,
        hashes=hashes,
        y=dataset.y,
        notes=dataset.notes,
        names=names,
        source=source,
    )


def _pack_files(
    path: Path,
    entries: Entries,
    out: Path | None,
    settings: DataSettings,
    crew: Crew,
    tell: Tell,
) -> Packing:
    with entries(path) as found, quiet():
        files = gather(found, settings, name=short_name(path), source=str(path))
        where = str(path.resolve())
        out = out or _unasked(files.name, where)
        key, total = _key(files), len(files.entries)
        if holds(out, key):
            return Packing(out, total, 0, ())
        with _draft(out) as (draft, file):
            journal = Journal(out.with_name(f".{out.name}.journal"), key)
            try:
                form, made = _decoded(files, draft, file, journal, crew, tell)
                shape = (total, *form.size, form.channels)
                raw = np.memmap(draft, form.dtype, "r", HEAD, shape)
                dataset = files.dataset(raw, form, _looks(journal))
            except UsageError as error:
                if not (isinstance(error, NoSpaceError) and journal.parts):
                    draft.unlink()
                    journal.path.unlink(missing_ok=True)
                raise
            hashes = np.concatenate([part.hashes for part in _ordered(journal)])
            names = tuple(entry.name for entry in files.entries)
            _finish(draft, file, out, _contents(dataset, key, hashes, names, where))
            journal.path.unlink(missing_ok=True)
    return Packing(out, total, made, dataset.notes)


def _key(files: Files) -> str:
    told = asdict(files.settings)
    del told["flip"], told["held_out"]
    if not told["conditions"]:
        del told["conditions"]  # older files have a key without
    labels = None if files.layout.y is None else files.layout.y.tolist()
    more = [files.layout.conditions] if files.layout.conditions else []
    return files.key(told, files.layout.classes, labels, *more)


def _ordered(journal: Journal) -> list[Decoded]:
    return [part for _, part in sorted(journal.parts.items())]


def _looks(journal: Journal) -> list[Look]:
    return [one for part in _ordered(journal) for one in part.looks]


def _decoded(
    files: Files, draft: Path, file: BinaryIO, journal: Journal, crew: Crew, tell: Tell
) -> tuple[Form, int]:
    """All images in the draft in their common form, and how many were decoded now.

    The form is guessed; where all headers, once seen, tell another, all are decoded again in it.
    """
    made, form = 0, journal.form or _guess(files)
    while True:
        target = Target(draft, HEAD, form)
        if journal.form != form:
            journal.parts = {}
            file.truncate(0)
        places = parts(files.entries, target.row)
        journal.verify(target, places)
        journal.begin(form)
        size = len(files.entries) * target.row
        check_space(draft.parent, size - draft.stat().st_blocks * 512)
        made += _missing_parts(files, target, places, journal, crew, tell)
        found = files.form(_looks(journal))
        if found == form:
            return form, made
        form = found


def _guess(files: Files) -> Form:
    """The form that some of the images have in common."""
    step = max(1, len(files.entries) // _PROBES)
    probed = replace(files, layout=replace(files.layout, entries=files.entries[::step]))
    seen = [(entry, look(entry)) for entry in probed.entries]
    whole = tuple(entry for entry, one in seen if isinstance(one, Look))
    looks = [one for _, one in seen if isinstance(one, Look)]
    if not looks:
        refuse([one for _, one in seen if isinstance(one, Fault)], len(seen), files.source)
    return replace(probed, layout=replace(probed.layout, entries=whole)).form(looks)


def _missing_parts(
    files: Files,
    target: Target,
    places: list[range],
    journal: Journal,
    crew: Crew,
    tell: Tell,
) -> int:
    """Decode what the journal lacks; how many images those are. Raises UsageError at damage."""
    total, faults, made = len(files.entries), list[Fault](), 0
    done = sum(len(part.looks) for part in journal.parts.values())
    tell(done, total)
    missing = [part for part in places if part.start not in journal.parts]
    for part in decoded(files.entries, missing, target, crew):
        faults += part.faults
        if not part.faults:
            journal.add(part)
            made += len(part.looks)
        tell(done + made, total)
    if faults:
        refuse(sorted(faults, key=lambda fault: fault.name), total, files.source)
    return made
