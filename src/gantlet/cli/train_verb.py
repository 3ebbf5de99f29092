"""`gantlet train`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.words import size_setting, sorted_out

__all__ = ["train_"]


def train_(
    *words: Annotated[str, Parameter(name="DATA key=value ...")],
    recipe: str | None = None,
    out: Path | None = None,
    minutes: float | None = None,
    samples: int | None = None,
    size: str | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    size_model: str | None = None,
    fresh: bool = False,
) -> None:
    """Train on data, or go on with the run that the same command began.

    DATA is a folder of images (class sub-folders become labels), a zip of one, an idx file or the
    folder of MNIST's four, an .npy or .npz array, a table (.csv, .tsv, .jsonl, .parquet or
    .feather), the URL of a database (sqlite:///people.db data.query="select * from people"), or a
    built-in name: digits, ring, grid, gaussians-1200d. Without it: digits. Settings are dotted
    keys such as train.batch=64; `gantlet config RECIPE` shows all. Ctrl-C saves and leaves (exit
    code 130; 143 after SIGTERM, 129 where the terminal was closed).

    Parameters
    ----------
    words
        What to train on (digits), and settings.
    recipe
        Name of a recipe, see `gantlet list recipes`; without it, one that suits the data is
        chosen and said.
    out
        Folder of the run. Without it runs/NAME, or NAME-2, ... where something else is there.
    minutes
        Minutes of training, all sessions of the run together.
    samples
        Real samples to see, all sessions of the run together.
    size
        Of the images: WIDTHxHEIGHT, such as 128x96, or one side of squares. data.fit says how
        images of another aspect come to it: crop, pad or stretch.
    from_
        A run, or a bundle, on data of the same shape whose weights to begin with; once the run
        has begun, it needs them no more. A bundle holds the generator alone.
    size_model
        Of the networks: xs, s, m or l. Channels, batch, rates and penalty weights follow from it,
        the data and the device, and are said; settings come before them.
    fresh
        Put the run that is there aside, as NAME.old-1, and begin anew.
    """
    from gantlet.console import COMMAND
    from gantlet.run import train

    plain, settings = sorted_out(words, "DATA")
    run = train(
        plain[0] if plain else "digits",
        recipe,
        size_setting(size, settings),
        size=size_model,
        out=out,
        samples=samples,
        minutes=minutes,
        init_from=from_,
        fresh=fresh,
        words=COMMAND,
    )
    if run.reason == "stopped":
        raise SystemExit(128 + (run.signal or signal.SIGINT))
