"""`gantlet sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["sample_"]


def sample_(
    run: Path,
    *,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 64,
    label: str | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Write samples of a run as PNG files and a grid, or as .npz.

    Sample i of a seed is the same however many are asked for.

    Parameters
    ----------
    run
        Folder of a run or of a bundle.
    n
        How many.
    label
        Class to make, by name; by the data's frequencies if none is given.
    seed
        Equal seeds give equal samples.
    out
        A folder, or a file that ends in .npz (RUN/made).
    """
    from gantlet.run import load

    loaded = load(run)
    made = loaded.sample(n, seed=seed, label=label)
    flat = made.spec.kind != "image" or made.spec.shape[0] not in (1, 3, 4)
    place = made.save(out or run / ("made.npz" if flat else "made"))
    grid = f"; all of them: {place / 'grid.png'}" if place.is_dir() else ""
    print(f"{n} samples written to {place}{grid}")
