"""The command line: thin verbs over the functions that Python users call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ["app", "main"]

_VERBS = {
    "train": "Train on data, or go on with the run that the same command began.",
    "sample": "Write samples of a run as PNG files and a grid, or as .npz.",
    "doctor": "Say what data are, what is wrong with them, which recipe suits, how long it takes.",
    "list": "List recipes, games, networks, objectives, pairings, penalties and distances.",
    "config": "Print the settings of a recipe with their comments.",
}


def app() -> App:
    """The command-line application; verbs are imported when they are called."""
    from cyclopts import App, Parameter

    from gantlet import __version__

    tool = App(
        name="gantlet",
        help="Train generative adversarial networks on your own data.",
        version=f"gantlet {__version__}",
        help_format="plaintext",
        default_parameter=Parameter(negative=""),
    )
    for verb, line in _VERBS.items():
        tool.command(f"gantlet.cli.{verb}_verb:{verb}_", name=verb, help=line)
    return tool


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a verb: exit 0, 2 for input that cannot be used, 1 for a run that failed."""
    from cyclopts import CycloptsError

    from gantlet.errors import GantletError

    try:
        app()(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(f"{error} Run `gantlet --help` for the verbs and their options.", 2)
    except GantletError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped.", 130)
    except BrokenPipeError:
        sys.stderr.close()
    raise SystemExit(0)


def _fail(message: str, code: int) -> NoReturn:
    print(f"gantlet: {message}", file=sys.stderr)
    raise SystemExit(code)
