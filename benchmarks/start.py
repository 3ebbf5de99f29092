"""How long `gantlet --help` takes to answer, beside a Python that does nothing.

python -m benchmarks.start [--rounds 10] [--write]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.common import Page, parser, spread

__all__ = ["main", "seconds"]

TARGET = 0.3


def seconds(command: Sequence[str]) -> float:
    """Wall-clock time of a command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    help_ = [str(Path(sys.executable).with_name("gantlet")), "--help"]
    nothing = [sys.executable, "-c", "pass"]
    seconds(help_)  # the first start compiles and fills the file cache
    pairs = [(seconds(help_), seconds(nothing)) for _ in range(given.rounds)]
    asked, idle = zip(*pairs, strict=True)
    Page(
        name="start",
        title="Start of the command line",
        text="Wall-clock time of a whole process, in turns. Names are resolved when they are "
        "used, so that `gantlet --help` loads no torch. "
        f"Target: at most {TARGET} s; {'reached' if median(asked) <= TARGET else 'missed'}.",
        command="python -m benchmarks.start --write",
        n=f"{given.rounds} starts of each",
        columns=("command", "seconds: median (range)"),
        rows=[
            ("`gantlet --help`", spread(asked, ".3f")),
            ("`python -c pass`", spread(idle, ".3f")),
        ],
    ).publish(given.write)


if __name__ == "__main__":
    main()
