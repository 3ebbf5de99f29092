"""`gantlet mix`."""

from __future__ import annotations

from pathlib import Path

from gantlet.cli.places import spared
from gantlet.cli.words import RunFolder

__all__ = ["mix_"]


def mix_(
    run: RunFolder,
    /,
    *,
    layers: str = "coarse",
    rows: int = 4,
    columns: int = 5,
    seed: int = 0,
    other: int = 1,
    label: str | None = None,
    truncation: float | None = None,
    out: Path | None = None,
) -> None:
    """Mix the styles of samples: some layers from one sample, the rest from another.

    A figure with the samples that give the rest on the left, and those that give the layers on
    top. For runs whose generator has styles, such as stylegan2.

    Parameters
    ----------
    run
        Folder of a run, or of a bundle.
    layers
        Those that the columns' samples give: coarse (what stands where), middle, fine (texture
        and colours), all, or numbers from 0, such as 0-3.
    rows
        How many samples on the left (4).
    columns
        How many on top (5).
    seed
        Of the samples on the left, 0 to ROWS - 1 (0).
    other
        Seed of the samples on top, 0 to COLUMNS - 1 (1).
    label
        The class of all, by name, or conditions; the first, or the usual, if none is given.
    truncation
        From 0 to 1: how far styles stay from their mean (1).
    out
        A file that ends in .png or .npz (RUN/mixed.png).
    """
    from gantlet.latents.mixing import check_mixture, mix
    from gantlet.run import load

    bundle, place = load(run).bundle, spared(out or run / "mixed.png", run)
    check_mixture(place)
    made = mix(
        bundle,
        range(rows),
        range(columns),
        layers=layers,
        seed=seed,
        other=other,
        label=label,
        truncation=truncation,
    )
    print(f"{len(made.mixed)} mixed samples are in {made.save(place)}")
