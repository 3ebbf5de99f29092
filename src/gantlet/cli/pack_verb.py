"""`gantlet pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.progress import progress
from gantlet.cli.words import size_setting, sorted_out
from gantlet.errors import UsageError

__all__ = ["pack_"]


def pack_(
    *words: Annotated[str, Parameter(name="DATA key=value ...")],
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    size: str | None = None,
    workers: int | None = None,
) -> None:
    """Write data to one file that training opens at once and reads at the disk's speed.

    Images are decoded by all processors. Ctrl-C, or a crash, loses nothing that is decoded: the
    same command goes on from there. `gantlet train FILE` then trains as on the data themselves.

    Parameters
    ----------
    words
        The data (digits), and settings under data., both as for `gantlet train`.
    out
        The file (NAME.pack in this folder).
    size
        Of the images: WIDTHxHEIGHT, such as 128x96, or one side of squares.
    workers
        Processes that decode (one for each processor).
    """
    from gantlet.data.packing import pack
    from gantlet.planning import data_settings

    plain, settings = sorted_out(words, "DATA")
    other = [word for word in settings if not word.startswith("data.")]
    if other:
        raise UsageError(
            f"setting {other[0]}", expected="settings under data., such as data.fit=pad"
        )
    chosen = data_settings(size_setting(size, settings))
    try:
        with progress("packing") as tell:
            done = pack(plain[0] if plain else "digits", out, chosen, workers=workers, tell=tell)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from there.")
        raise SystemExit(130) from None
    for note in done.notes:
        print(note)
    before = done.count - done.made
    kept = f" ({before:,} of them were in it)" if before and done.made else ""
    size_of = done.path.stat().st_size / 2**20
    if done.made:
        print(f"{done.count:,} samples packed into {done.path}, {size_of:,.1f} MiB{kept}.")
    else:
        print(f"{done.path} holds these data already: {done.count:,} samples.")
