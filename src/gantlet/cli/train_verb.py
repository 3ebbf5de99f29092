"""`gantlet train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.errors import UsageError

__all__ = ["train_"]


def sorted_out(words: tuple[str, ...]) -> tuple[str, list[str]]:
    """Data and settings among positional words: one with `=` that names no path is a setting."""
    settings = [word for word in words if "=" in word and not Path(word).exists()]
    data = [word for word in words if word not in settings]
    if len(data) > 1:
        raise UsageError(
            "arguments", expected="one DATA and key=value settings", received=" ".join(data)
        )
    return (data[0] if data else "digits"), settings


def train_(
    *words: Annotated[str, Parameter(name="DATA [key=value ...]", show_default=False)],
    recipe: str | None = None,
    out: Path | None = None,
    minutes: float | None = None,
    samples: int | None = None,
    fresh: bool = False,
) -> None:
    """Train on data, or go on with the run that the same command began.

    DATA is a folder of images (class sub-folders become labels), a zip of one, an idx file or the
    folder of MNIST's four, an .npy or .npz array, or a built-in name: digits, ring, grid. Without
    it: digits. Settings are dotted keys such as train.batch=64; `gantlet config RECIPE` shows all.

    Parameters
    ----------
    words
        The data, and settings.
    recipe
        Recipe; a good one is chosen from the data and said if none is given.
    out
        The run's folder (runs/NAME).
    minutes
        Minutes of training, all sessions of the run together.
    samples
        Real samples to see, all sessions of the run together.
    fresh
        Put a run that is there aside and begin anew.
    """
    from gantlet.cli.console import Console
    from gantlet.run import train

    data, settings = sorted_out(words)
    console = Console()
    with console.shown():
        train(
            data,
            recipe,
            settings,
            out=out,
            samples=samples,
            minutes=minutes,
            fresh=fresh,
            callbacks=[console],
        )
