"""`gantlet explore`."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.words import RunFolder

__all__ = ["explore_"]


def explore_(
    run: RunFolder,
    /,
    *,
    k: Annotated[int | None, Parameter(name=["--number", "-k"])] = None,
    method: str = "sefa",
    reach: float = 3.0,
    host: str = "127.0.0.1",
    port: int | None = None,
    no_browser: bool = False,
) -> None:
    """Explore a run's samples on a page: sliders move, the image follows.

    Serves a page on this machine until Ctrl-C: sample, seed, class, truncation, directions found
    without labels, and mixed styles where the generator has any. Needs the extra serve.

    Parameters
    ----------
    run
        Folder of a run on images, also while it trains, or of a bundle.
    k
        How many directions, the strongest first (6); 0: none.
    method
        sefa (from the weights of the first layers) or ganspace (from features of samples).
    reach
        How far sliders go to each side, in standard deviations of the latent vector (3).
    host
        Address to listen at (127.0.0.1: this machine alone).
    port
        Port to listen at (7860, or another one if that is taken); 0 takes any that is free.
    no_browser
        Open no browser.
    """
    from gantlet.explore import explore_page, exploring
    from gantlet.serving import invite, serve

    def ready(address: str) -> None:
        print(f"Open {address} to explore {run}. Ctrl-C ends.", file=sys.stderr, flush=True)
        invite(address, host, browser=not no_browser)

    with exploring(run, k, method=method) as explorer, suppress(KeyboardInterrupt):
        serve(partial(explore_page, explorer, reach), host, port, ready)
