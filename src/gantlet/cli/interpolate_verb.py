"""`gantlet interpolate`."""

from __future__ import annotations

from pathlib import Path

from gantlet.cli.places import spared
from gantlet.cli.words import RunFolder

__all__ = ["interpolate_"]


def interpolate_(
    run: RunFolder,
    /,
    *samples: int,
    steps: int = 8,
    seed: int = 0,
    label: str | None = None,
    truncation: float | None = None,
    out: Path | None = None,
) -> None:
    """Write the way from sample to sample: a strip, a GIF or an MP4.

    Parameters
    ----------
    run
        Folder of a run, or of a bundle.
    samples
        Numbers of the samples to pass, as gantlet sample counts them (0 1 2 3).
    steps
        From each to the next (8).
    seed
        Of the samples (0).
    label
        Their class, by name, or conditions; the first, or the usual, if none is given.
    truncation
        Less variety, samples nearer to the usual; see gantlet sample --help.
    out
        A file that ends in .png, .gif, .mp4 or .npz (RUN/way.png).
    """
    from gantlet.latents import check_film, film, interpolate
    from gantlet.run import load

    bundle, place = load(run).bundle, spared(out or run / "way.png", run)
    check_film(place, bundle.spec)
    stops = samples or (0, 1, 2, 3)
    made = interpolate(bundle, stops, steps=steps, seed=seed, label=label, truncation=truncation)
    print(f"The way of {len(made)} samples is in {film(made, place)}")
