"""`gantlet doctor`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.words import size_setting, sorted_out

__all__ = ["doctor_"]


def doctor_(
    *words: Annotated[str, Parameter(name="DATA key=value ...")], size: str | None = None
) -> None:
    """Say what is wrong with data, which recipe suits, how long it takes.

    The data are not changed; decoded images above 1 GiB stay in the cache that training reads.
    Exit code 1 if training would refuse the data, 2 if they cannot be read.

    Parameters
    ----------
    words
        The data (digits), and settings, both as for `gantlet train`.
    size
        Width and height in pixels to which images come, as for `gantlet train`.
    """
    from gantlet.cli.checkup import checkup

    plain, settings = sorted_out(words, "DATA")
    settings = size_setting(size, settings)
    fit = True
    for line, fits in checkup(plain[0] if plain else "digits", settings):
        print(line, flush=True)
        fit = fit and fits
    if not fit:
        raise SystemExit(1)
