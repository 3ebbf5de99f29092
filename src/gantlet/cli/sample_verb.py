"""`gantlet sample`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.progress import progress
from gantlet.cli.words import RunFolder
from gantlet.errors import UsageError

__all__ = ["sample_"]

_WRITTEN = re.compile(r"\d{4,}(-\w+)?\.png")
"""Names that `Samples.save` gives."""


def sample_(
    run: RunFolder,
    /,
    *,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 64,
    label: str | None = None,
    where: str | None = None,
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
        Class to make, by name. Without it, classes come as often as in the data.
    where
        Of a table: what rows must meet, such as "sex=Male and age>=30".
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
    from gantlet.sample import check_place, sample_into_zip

    if where is not None:
        _check_alone({"label": label, "truncation": truncation})
    elif out is not None and out.suffix.lower() == ".zip":
        sample_into_zip(load(run).bundle, out, n, seed=seed, label=label, truncation=truncation)
        print(f"{n} {'sample' if n == 1 else 'samples'} written to {out}")
        return
    loaded = load(run)
    if out is not None:
        check_place(out, loaded.bundle.spec)
    if where is None and loaded.bundle.spec.kind == "table":
        place = out or _own_place(run, pictured=False, is_table=True)
        with progress("sampling") as tell:
            sample_into_table(
                loaded.bundle,
                place,
                n,
                seed=seed,
                label=label,
                truncation=truncation,
                progress=tell,
            )
        print(f"{n:,} {'row' if n == 1 else 'rows'} written to {place}")
        return
    if where is None:
        made = loaded.sample(n, seed=seed, label=label, truncation=truncation)
    else:
        made = loaded.sample_where(n, where, seed=seed)
    is_table = made.spec.kind == "table"
    place = made.save(out or _own_place(run, made.pictured, is_table))
    grid = f"; all of them in {place / 'grid.png'}" if place.is_dir() else ""
    one, many = ("row", "rows") if is_table else ("sample", "samples")
    print(f"{n} {one if n == 1 else many} written to {place}{grid}")


def _check_alone(others: Mapping[str, object]) -> None:
    """Refuse what says of rows in another way which to make."""
    given = next((name for name, value in others.items() if value is not None), None)
    if given:
        raise UsageError(
            f"--{given} beside --where",
            expected="one of the two",
            received="both",
            remedy='Put all conditions into --where, such as "sex=Male and age>=30".',
        )


def _own_place(run: Path, pictured: bool, is_table: bool) -> Path:
    """RUN/made, without the pictures that an earlier call put there."""
    place = run / ("made" if pictured else "made.csv" if is_table else "made.npz")
    for picture in place.glob("*.png"):
        if _WRITTEN.fullmatch(picture.name):
            picture.unlink()
    return place
