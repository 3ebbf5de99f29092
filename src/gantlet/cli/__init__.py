"""The command line: thin verbs over the functions that Python users call."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ["app", "main"]


_FIRST_STEPS = """First steps:
  gantlet train                  the built-in digits, a few minutes on two cores
  gantlet sample runs/digits     new digits, as pictures
  gantlet doctor ./photos        what your data are, and what is wrong with them
  gantlet train ./photos         Ctrl-C saves; the same command goes on
"""


def app() -> App:
    """The command-line application. The verbs' modules load what is heavy when they are called."""
    from cyclopts import App, Parameter

    from gantlet import __version__
    from gantlet.cli.bench_verb import bench_
    from gantlet.cli.cite_verb import cite_
    from gantlet.cli.compare_verb import compare_
    from gantlet.cli.config_verb import config_
    from gantlet.cli.directions_verb import directions_
    from gantlet.cli.doctor_verb import doctor_
    from gantlet.cli.evaluate_verb import evaluate_
    from gantlet.cli.explore_verb import explore_
    from gantlet.cli.interpolate_verb import interpolate_
    from gantlet.cli.judge_verb import judge_
    from gantlet.cli.list_verb import list_
    from gantlet.cli.mix_verb import mix_
    from gantlet.cli.morph_verb import morph_
    from gantlet.cli.pack_verb import pack_
    from gantlet.cli.project_verb import project_
    from gantlet.cli.sample_verb import sample_
    from gantlet.cli.sweep_verb import sweep_
    from gantlet.cli.train_verb import train_

    verbs: dict[str, Callable[..., None]] = {
        "train [DATA] [key=value ...] [OPTIONS]": train_,
        "sample RUN [OPTIONS]": sample_,
        "evaluate RUN [OPTIONS]": evaluate_,
        "explore RUN [OPTIONS]": explore_,
        "interpolate RUN [SAMPLE ...] [OPTIONS]": interpolate_,
        "morph RUN [LABEL ...] [OPTIONS]": morph_,
        "mix RUN [OPTIONS]": mix_,
        "directions RUN [OPTIONS]": directions_,
        "project RUN IMAGES [OPTIONS]": project_,
        "judge RUN [OPTIONS]": judge_,
        "compare RUN RUN ...": compare_,
        "sweep [DATA] [SPACE.yaml] key=value,value ... [OPTIONS]": sweep_,
        "cite RUN": cite_,
        "bench [NAME] [key=value ...] [OPTIONS]": bench_,
        "doctor [DATA] [key=value ...]": doctor_,
        "pack [DATA] [key=value ...] [OPTIONS]": pack_,
        "list [KIND]": list_,
        "config [RECIPE [DATA]] [key=value ...] [OPTIONS]": config_,
    }
    tool = App(
        name="gantlet",
        help="Train generative adversarial networks on your own data.",
        usage="Usage: gantlet VERB ...   (gantlet VERB --help tells more)",
        version=f"gantlet {__version__}",
        help_format="plaintext",
        help_epilogue=_FIRST_STEPS,
        default_parameter=Parameter(negative="", show_default=False),
        suppress_keyboard_interrupt=False,
    )
    for place, (usage, verb) in enumerate(verbs.items()):
        name = usage.partition(" ")[0]
        tool.command(
            verb,
            name=name,
            usage=f"Usage: gantlet {usage}",
            help_format="markdown",
            help_epilogue="",
            sort_key=place,
        )
    return tool


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a verb: exit 0, 2 for input that cannot be used, 1 for a run that failed."""
    from cyclopts import CycloptsError

    from gantlet.errors import GantletError, is_out_of_memory

    try:
        app()(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        verb = " ".join(["gantlet", *(error.command_chain or ())])
        _fail(f"{error} See {verb} --help.", 2)
    except GantletError as error:
        _fail(str(error), error.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _fail(
            "memory ran out. Make the batch (train.batch), its parts (train.micro_batches=2) or "
            "the network (network.width) smaller, or images (data.size); a run that has begun "
            "goes on from its last checkpoint.",
            1,
        )
    except KeyboardInterrupt:
        _fail("stopped before it was done; what was saved before stays.", 130)
    except BrokenPipeError:  # whoever read the output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


def _fail(message: str, code: int) -> NoReturn:
    print(f"gantlet: {message}", file=sys.stderr)
    raise SystemExit(code)
