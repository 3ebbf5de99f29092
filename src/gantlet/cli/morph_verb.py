"""`gantlet morph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.places import spared
from gantlet.cli.words import RunFolder

__all__ = ["morph_"]


def morph_(
    run: RunFolder,
    /,
    *labels: str,
    n: Annotated[int, Parameter(name=["--number", "-n"])] = 4,
    steps: int = 8,
    seed: int = 0,
    truncation: float | None = None,
    out: Path | None = None,
) -> None:
    """Write the way from class to class, for samples that else stay as they are.

    Parameters
    ----------
    run
        Folder of a run on data with labels, or of a bundle.
    labels
        Classes to pass, by name (all, in their order), or conditions: angle=-45 angle=45.
    n
        How many samples, a row each (4).
    steps
        From each class to the next (8).
    seed
        Of the samples (0).
    truncation
        Less variety, samples nearer to the usual; see gantlet sample --help.
    out
        A file that ends in .png, .gif, .mp4 or .npz (RUN/morph.png).
    """
    from gantlet.latents import check_film, film, morph
    from gantlet.run import load

    bundle, place = load(run).bundle, spared(out or run / "morph.png", run)
    check_film(place, bundle.spec)
    made = morph(
        bundle,
        labels or bundle.spec.classes,
        range(n),
        steps=steps,
        seed=seed,
        truncation=truncation,
    )
    print(f"{n} rows are in {film(made, place, rows=n)}")
