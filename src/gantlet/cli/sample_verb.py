"""`gantlet sample`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["sample_"]

_WRITTEN = re.compile(r"\d{4,}(-\w+)?\.png")
"""Names that `Samples.save` gives."""


def sample_(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 64,
    label: str | None = None,
    where: str | None = None,
    seed: int = 0,
    truncation: float | None = None,
    out: Path | None = None,
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
        too), .parquet or .feather (RUN/made.csv).
    """
    from gantlet.run import load

    if out is not None and out.suffix.lower() == ".zip":
        from gantlet.sample import sample_into_zip

        sample_into_zip(load(run).bundle, out, n, seed=seed, label=label, truncation=truncation)
        print(f"{n} {'sample' if n == 1 else 'samples'} written to {out}")
        return
    if where is None:
        made = load(run).sample(n, seed=seed, label=label, truncation=truncation)
    else:
        made = load(run).sample_where(n, where, seed=seed, truncation=truncation)
    is_table = made.spec.kind == "table"
    place = made.save(out or _own_place(run, made.pictured, is_table))
    grid = f"; all of them in {place / 'grid.png'}" if place.is_dir() else ""
    one, many = ("row", "rows") if is_table else ("sample", "samples")
    print(f"{n} {one if n == 1 else many} written to {place}{grid}")


def _own_place(run: Path, pictured: bool, is_table: bool) -> Path:
    """RUN/made, without the pictures that an earlier call put there."""
    place = run / ("made" if pictured else "made.csv" if is_table else "made.npz")
    for picture in place.glob("*.png"):
        if _WRITTEN.fullmatch(picture.name):
            picture.unlink()
    return place
