"""`gantlet directions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.places import spared
from gantlet.cli.words import RunFolder

__all__ = ["directions_"]


def directions_(
    run: RunFolder,
    /,
    *,
    k: Annotated[int, Parameter(name=["--number", "-k"])] = 6,
    method: str = "sefa",
    reach: float = 3.0,
    steps: int = 7,
    seed: int = 0,
    label: str | None = None,
    truncation: float | None = None,
    out: Path | None = None,
) -> None:
    """Find directions along which samples change most, without labels: a row for each.

    The middle of each row is sample 0 of the seed.

    Parameters
    ----------
    run
        Folder of a run, or of a bundle.
    k
        How many, the strongest first (6).
    method
        sefa (from the weights of the first layers) or ganspace (from features of samples).
    reach
        How far to go to each side, in standard deviations of the latent vector (3).
    steps
        Samples in a row (7).
    seed
        Of the sample that is moved (0).
    label
        Its class, by name, or conditions; the first, or the usual, if none is given.
    truncation
        Less variety, samples nearer to the usual; see gantlet sample --help.
    out
        A file that ends in .png, .gif, .mp4 or .npz (RUN/directions.png).
    """
    from gantlet.latents import check_film, directions, film, move
    from gantlet.run import load

    bundle, place = load(run).bundle, spared(out or run / "directions.png", run)
    check_film(place, bundle.spec)
    found = directions(bundle, k, method=method)
    made = move(
        bundle, found, reach=reach, steps=steps, seed=seed, label=label, truncation=truncation
    )
    strengths = ", ".join(f"{strength:.3g}" for strength in found.strengths)
    print(f"Strengths: {strengths}")
    written = film(made, place, rows=len(found))
    print(f"{len(found)} directions, a row each, are in {written}")
