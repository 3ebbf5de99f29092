"""`gantlet sample`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gantlet.cli.places import spared
from gantlet.cli.progress import progress
from gantlet.cli.words import RunFolder
from gantlet.errors import UsageError

if TYPE_CHECKING:
    from gantlet.run import Loaded

__all__ = ["sample_"]

_WRITTEN = re.compile(r"\d{4,}(-\w+)?\.png")
"""Names that `Samples.save` gives."""


def sample_(
    run: RunFolder,
    /,
    *,
    n: Annotated[int | None, Parameter(name=["--number", "-n"])] = None,
    label: str | None = None,
    where: str | None = None,
    balance: str | None = None,
    complete: Path | None = None,
    seed: int = 0,
    truncation: float | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> None:
    """Write new samples of a run: PNG files and a grid, .zip, .npz, or a table.

    Sample i of a seed is the same however many are asked for.

    Parameters
    ----------
    run
        Folder of a run, also while it trains, or of a bundle.
    n
        How many (64).
    label
        Class to make, by name, or conditions, such as "angle=30,smiling=1". What it does not say
        comes as often as in the data.
    where
        Of a table: what rows must meet, such as "sex=Male and age>=30".
    balance
        Of a table: a column of whose categories to make as many rows each.
    complete
        Of a table: a file of rows with some columns; its empty cells and the others are filled.
    seed
        Equal seeds give equal samples (0).
    truncation
        Less variety, samples nearer to the usual: a bound of the latents above 0, such as 0.7;
        for a generator of styles (stylegan2) psi from 0 to 1, how far styles stay from their mean.
    out
        A folder, a .zip of PNG files (written while samples are made, for many of them), a .npz
        of arrays, or a .png for the grid alone (RUN/made). Of a table: .csv, .tsv or .jsonl (.gz
        too), .parquet or .feather, written while rows are made, for any number (RUN/made.csv).
    """
    from gantlet.row_files import sample_into_table
    from gantlet.run import load
    from gantlet.sample import SHOWN, check_place, sample_into_zip

    way = _way(
        {"complete": complete, "where": where, "balance": balance},
        {"label": label, "truncation": truncation, "number": n if complete else None},
    )
    n = 64 if n is None else n
    if out is not None:
        spared(out, run, {"the file that is read": complete})
    if way is None and out is not None and out.suffix.lower() == ".zip":
        sample_into_zip(load(run).bundle, out, n, seed=seed, label=label, truncation=truncation)
        print(f"{n} {'sample' if n == 1 else 'samples'} written to {out}")
        return
    loaded = load(run)
    if complete is not None:
        print(_completed(loaded, complete, out or run / "made.csv", seed))
        return
    if out is not None:
        check_place(out, loaded.bundle.spec)
    spec = loaded.bundle.spec
    if spec.kind == "table" and balance is None:
        place = out or _own_place(run, pictured=False, is_table=True)
        with progress("sampling") as tell:
            written = sample_into_table(
                loaded.bundle,
                place,
                n,
                seed=seed,
                label=label,
                where=where,
                truncation=truncation,
                progress=tell,
            )
        rows = "row" if n == 1 else "rows"
        print(f"{n:,} {rows} written to {place}{_kept(written.share)}")
        return
    if where is not None:
        made = loaded.sample_where(n, where, seed=seed)
    elif balance is not None:
        made = loaded.sample_balanced(n, balance, seed=seed)
    else:
        made = loaded.sample(n, seed=seed, label=label, truncation=truncation)
    is_table = made.spec.kind == "table"
    place = made.save(out or _own_place(run, made.pictured, is_table))
    shown = "all" if n <= SHOWN else f"the first {SHOWN}"
    grid = f"; {shown} of them in {place / 'grid.png'}" if place.is_dir() else ""
    alone = f"the first {SHOWN} of " if place.suffix.lower() == ".png" and n > SHOWN else ""
    one, many = ("row", "rows") if is_table else ("sample", "samples")
    print(f"{alone}{n} {one if n == 1 else many} written to {place}{grid}{_kept(made.share)}")


def _completed(loaded: Loaded, path: Path, out: Path, seed: int) -> str:
    """Rows of a file made whole and written, in a sentence."""
    from gantlet.completion import complete, read_partial
    from gantlet.sample import check_place, saving
    from gantlet.tables.files import write_table

    partial = read_partial(path, loaded.bundle)
    check_place(out, loaded.bundle.spec)
    whole = complete(loaded.bundle, partial, seed=seed, what=str(path))
    with saving(out):
        write_table(whole, out)
    empty = partial.isna().sum().sum() + len(partial) * (whole.shape[1] - partial.shape[1])
    return f"{len(whole):,} rows of {path} written to {out}; cells that were filled: {empty:,}"


def _kept(share: float) -> str:
    """How many of the rows that were made were right, where not all were."""
    return "" if share == 1 else f"; of the rows made, {share:.1%} met what was asked"


def _way(ways: Mapping[str, object], others: Mapping[str, object]) -> str | None:
    """The way, besides plain sampling, in which rows are asked for; None if in none.

    Raises UsageError for two ways, or for what says of rows otherwise which to make.
    """
    asked = [name for name, value in ways.items() if value is not None]
    beside = [*asked[1:], *(name for name, value in others.items() if value is not None)]
    if asked and beside:
        raise UsageError(
            f"--{beside[0]} beside --{asked[0]}",
            expected="one of the two",
            received="both",
            remedy="Leave one away; --where takes several conditions, joined by and",
        )
    return asked[0] if asked else None


def _own_place(run: Path, pictured: bool, is_table: bool) -> Path:
    """RUN/made, without the pictures that an earlier call put there."""
    place = run / ("made" if pictured else "made.csv" if is_table else "made.npz")
    for picture in place.glob("*.png"):
        if _WRITTEN.fullmatch(picture.name):
            picture.unlink()
    return place
